"""dask.distributed: a LocalCluster of one thread a process, a task for each call."""

# /// script
# dependencies = ["distributed==2026.8.0"]
# ///

from dask.distributed import Client, LocalCluster
from peer_job import Job, main, nap, square

NAME = "dask.distributed"
KIND = "pool"
DURABILITY = "nothing"


def run(job: Job) -> list[int]:
    cluster = LocalCluster(
        n_workers=job.workers, threads_per_worker=1, dashboard_address=None, local_directory=str(job.folder)
    )
    with cluster, Client(cluster) as client:
        client.gather(client.map(nap, range(job.workers)))
        with job.timed():
            return client.gather(client.map(square, range(job.calls), pure=False))


if __name__ == "__main__":
    main(run, "distributed")
