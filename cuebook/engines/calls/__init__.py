"""A call on its way: the protocol of workers, the loaded function, outcomes. Knows no socket."""
