"""Downloadable files."""
