"""Calls in an executor of `concurrent.futures`, whoever's it is."""
