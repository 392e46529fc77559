"""Workers on other machines, or in processes that somebody else has started."""
