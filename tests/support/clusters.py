"""Small clusters in processes of their own, for tests marked `cluster`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def dask_cluster(workers: int = 2, **options: Any) -> Iterator[Any]:
    """A client of a local cluster, one thread a worker, each with its nanny."""
    from distributed import Client, LocalCluster

    options = {"threads_per_worker": 1, "processes": True, "dashboard_address": None, **options}
    with LocalCluster(n_workers=workers, **options) as cluster, Client(cluster, set_as_default=False) as client:
        yield client
