"""Events of durable actors: their types, their fold, and the way back from the journal to the state."""
