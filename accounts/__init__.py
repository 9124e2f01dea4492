"""The app: Elasticsearch's users, and what administrators and auditors do with them."""
