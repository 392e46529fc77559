"""make_checkpoint() and last_checkpoint(): the progress of one call, kept."""
