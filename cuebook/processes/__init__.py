"""Actors in child processes: one link a process, the same refs on both of its ends."""
