"""The demo: usermgmt with a real Elasticsearch node and sample users."""
