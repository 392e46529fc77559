"""Calls on a cluster of Dask's."""
