"""The standard library's multiprocessing.Pool, whose `map` cuts the calls into four messages a worker."""

# /// script
# dependencies = []
# ///

from multiprocessing import Pool

from peer_job import Job, main, nap, square

NAME = "multiprocessing.Pool"
KIND = "pool"
DURABILITY = "nothing"


def run(job: Job) -> list[int]:
    with Pool(job.workers) as pool:
        pool.map(nap, range(job.workers))
        with job.timed():
            return pool.map(square, range(job.calls))


if __name__ == "__main__":
    main(run)
