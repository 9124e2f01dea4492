"""The Django admin with the same users in PostgreSQL, as a typical Django project; only for the comparison."""
