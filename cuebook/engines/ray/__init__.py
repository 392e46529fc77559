"""Calls on a cluster of Ray's."""
