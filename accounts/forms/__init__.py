"""Forms and query strings."""
