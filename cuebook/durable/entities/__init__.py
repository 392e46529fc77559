"""Entities: actors that are there whenever a message comes for them, woken and put to sleep. Knows no event."""
