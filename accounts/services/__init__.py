"""The only room that talks to Elasticsearch."""
