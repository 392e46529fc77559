"""python-durable on SQLite: one workflow with a task for each call. It is ended in its last line, and run again."""

# /// script
# requires-python = ">=3.12"
# dependencies = ["python-durable[redis]==0.2.3"]
# ///

import asyncio
import os

from durable import Workflow
from peer_job import RUN, Job, main, square

NAME = "python-durable"
KIND = "durable"
DURABILITY = "power loss: a transaction a task, rollback journal, synchronous=FULL (SQLite's defaults); one at a time"
CALLS_MAX = 300


async def all_calls_of(job: Job) -> list[int]:
    workflows = Workflow("peer", db=f"sqlite:///{job.folder / 'job.db'}")

    @workflows.task
    async def call(x: int) -> int:
        return square(x)

    @workflows.workflow(id="{name}")
    async def all_calls(name: str, calls: int) -> list[int]:
        results = [await call(x, step_id=str(x)) for x in range(calls)]
        if name == "job" and job.phase == RUN:
            timing.__exit__(None, None, None)
            job.answer(results, ["python-durable"])
            os._exit(0)
        return results

    await all_calls(name=f"{job.phase}-few", calls=8)
    timing = job.timed()
    with timing:
        results: list[int] = await all_calls(name="job", calls=job.calls)
    return results


def run(job: Job) -> list[int]:
    return asyncio.run(all_calls_of(job))


if __name__ == "__main__":
    main(run, "python-durable")
