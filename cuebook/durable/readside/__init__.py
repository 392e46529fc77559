"""The read side: events of durable actors in the order of the journal, for whoever makes something else of them."""
