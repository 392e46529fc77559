"""redun: a task for each call, in threads (in processes it is as slow), in a SQLite database."""

# /// script
# dependencies = ["redun==0.44.1"]
# ///

import logging

from peer_job import Job, main, square
from redun import Scheduler, task
from redun.config import Config

NAME = "redun, threads"
KIND = "durable"
DURABILITY = "power loss: several transactions a call, rollback journal, synchronous=FULL (SQLite's defaults)"
CALLS_MAX = 100
redun_namespace = "peer"


@task()
def call(x: int) -> int:
    """A task."""
    return square(x)


@task()
def all_calls(calls: int) -> list[int]:
    """The tasks of all calls."""
    return [call(x) for x in range(calls)]


def run(job: Job) -> list[int]:
    logging.getLogger("redun").setLevel(logging.ERROR)
    config = {
        "backend": {"db_uri": f"sqlite:///{job.folder / 'job.db'}"},
        "executors.default": {"type": "local", "max_workers": str(job.workers)},
    }
    scheduler = Scheduler(config=Config(config))
    scheduler.load()
    with job.timed():
        return scheduler.run(all_calls(job.calls))


if __name__ == "__main__":
    main(run, "redun")
