"""joblib: `Memory` around the function, called by `Parallel` in worker processes."""

# /// script
# dependencies = ["joblib==1.6.0"]
# ///

from joblib import Memory, Parallel, delayed
from peer_job import Job, main, nap, square

NAME = "joblib Memory + Parallel"
KIND = "durable"
DURABILITY = "process crash: a folder with two files a result, renamed into place, without fsync"


def run(job: Job) -> list[int]:
    kept = Memory(job.folder, verbose=0).cache(square)
    with Parallel(job.workers) as parallel:
        parallel(delayed(nap)(x) for x in range(job.workers))
        with job.timed():
            return parallel(delayed(kept)(x) for x in range(job.calls))


if __name__ == "__main__":
    main(run, "joblib")
