"""The Django app: Elasticsearch users, managed by administrators and reviewed by auditors."""
