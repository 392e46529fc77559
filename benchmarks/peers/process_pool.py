"""The standard library's ProcessPoolExecutor, as it is: a message for each call."""

# /// script
# dependencies = []
# ///

from concurrent.futures import ProcessPoolExecutor

from peer_job import Job, main, nap, square

NAME = "ProcessPoolExecutor"
KIND = "pool"
DURABILITY = "nothing"


def run(job: Job) -> list[int]:
    with ProcessPoolExecutor(job.workers) as pool:
        list(pool.map(nap, range(job.workers)))
        with job.timed():
            return list(pool.map(square, range(job.calls)))


if __name__ == "__main__":
    main(run)
