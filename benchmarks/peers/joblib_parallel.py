"""joblib's Parallel: batches adapted to how long calls take."""

# /// script
# dependencies = ["joblib==1.6.0"]
# ///

from joblib import Parallel, delayed
from peer_job import Job, main, nap, square

NAME = "joblib Parallel"
KIND = "pool"
DURABILITY = "nothing"


def run(job: Job) -> list[int]:
    with Parallel(job.workers) as parallel:
        parallel(delayed(nap)(x) for x in range(job.workers))
        with job.timed():
            return parallel(delayed(square)(x) for x in range(job.calls))


if __name__ == "__main__":
    main(run, "joblib")
