"""Measures the product against Elasticsearch itself, Kibana's way and Django's admin: what script/bench runs."""
