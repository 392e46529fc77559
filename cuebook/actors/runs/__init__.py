"""The books of runs: what is under way, which workers have it, where calls come from and outcomes go."""
