"""DBOS on SQLite: one workflow with a step for each call. Ended in its last line, it has to be recovered."""

# /// script
# dependencies = ["dbos==3.4.0"]
# ///

import os
from contextlib import AbstractContextManager

from dbos import DBOS, SetWorkflowID
from peer_job import RUN, Job, main, square

NAME = "DBOS, SQLite"
KIND = "durable"
DURABILITY = "power loss: a transaction a step, rollback journal, synchronous=FULL (SQLite's defaults)"
CALLS_MAX = 1000
step = DBOS.step()(square)
job_now: list[Job] = []
timings: list[AbstractContextManager[None]] = []


@DBOS.workflow()
def all_calls(calls: int) -> list[int]:
    """The workflow."""
    results = [step(x) for x in range(calls)]
    if os.environ.get("PEER_PHASE") == RUN:
        job = job_now[0]
        timings[0].__exit__(None, None, None)
        job.answer(results, ["dbos"])
        os._exit(0)
    return results


@DBOS.workflow()
def few_calls() -> list[int]:
    """What is made at the first use is there before."""
    return [step(x) for x in range(8)]


def run(job: Job) -> list[int]:
    os.environ["PEER_PHASE"] = job.phase
    DBOS(config={"name": "peer", "system_database_url": f"sqlite:///{job.folder / 'job.sqlite'}", "log_level": "ERROR"})
    timing = job.timed()
    if job.phase == RUN:
        DBOS.launch()
        few_calls()
        job_now.append(job)
        timings.append(timing)
        timing.__enter__()
        with SetWorkflowID("job"):
            return all_calls(job.calls)
    with timing:
        DBOS.launch()
        return DBOS.retrieve_workflow("job").get_result()


if __name__ == "__main__":
    main(run, "dbos")
    os._exit(0)
