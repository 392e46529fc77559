"""Secrets: which names say so, and what is left of them."""
