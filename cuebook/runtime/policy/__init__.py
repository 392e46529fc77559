"""Restart policy and directives: pure decisions."""
