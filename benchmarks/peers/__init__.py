"""Peers for the same job, a file each: scripts that run in environments of their own. See `benchmarks/peer_runs.py`."""
