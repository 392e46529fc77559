"""Calls in child processes."""
