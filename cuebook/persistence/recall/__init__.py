"""What a process has read of a journal stays known."""
