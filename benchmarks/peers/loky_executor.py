"""loky's reusable executor: a message for each call."""

# /// script
# dependencies = ["loky==3.7.0"]
# ///

from loky import get_reusable_executor
from peer_job import Job, main, nap, square

NAME = "loky"
KIND = "pool"
DURABILITY = "nothing"


def run(job: Job) -> list[int]:
    executor = get_reusable_executor(max_workers=job.workers)
    list(executor.map(nap, range(job.workers)))
    with job.timed():
        return list(executor.map(square, range(job.calls)))


if __name__ == "__main__":
    main(run, "loky")
