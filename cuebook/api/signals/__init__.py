"""Signals of the process: interruption, the dump of actors, waking a loop that waits."""
