"""Elasticsearch's user API on the paths of Elasticsearch, for programs: routes, requests, responses, and its description."""
