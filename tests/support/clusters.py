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


@contextmanager
def ray_cluster(cpus: int = 2) -> Iterator[None]:
    """A local Ray of one node, small."""
    import ray

    ray.init(
        address="local",
        num_cpus=cpus,
        include_dashboard=False,
        object_store_memory=100 * 2**20,
        log_to_driver=False,
        logging_level="error",
        configure_logging=False,
    )
    try:
        yield
    finally:
        ray.shutdown()
