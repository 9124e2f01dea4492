"""Benchmarks that compare usermgmt with bare Elasticsearch calls, Kibana's calls, and the Django admin; run by script/bench."""
