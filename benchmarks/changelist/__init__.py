"""Django's own admin over the same users in PostgreSQL, as a Django shop would build it; the product has nothing of it."""
