"""Records that say where others are."""
