"""Signing in: the operator of a request, and how guessing passwords is slowed down."""
