"""Durable actors: their state is the fold of events in the journal."""
