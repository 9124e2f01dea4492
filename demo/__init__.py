"""The demo: a real node with sample people, and the product in front of it, from one command."""
