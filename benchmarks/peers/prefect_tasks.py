"""Prefect with its own temporary server: a task for each call, its result kept and found by its inputs."""

# /// script
# dependencies = ["prefect==3.8.8", "fastapi<0.145"]
# ///

import os

from peer_job import Job, main, square

NAME = "Prefect, map on threads"
KIND = "durable"
DURABILITY = "process crash: a file a result, without fsync; states of tasks in its server's SQLite"
CALLS_MAX = 100


def run(job: Job) -> list[int]:
    os.environ.update(
        PREFECT_HOME=str(job.folder / "home"),
        PREFECT_LOCAL_STORAGE_PATH=str(job.folder / "storage"),
        PREFECT_LOGGING_LEVEL="ERROR",
        PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS="150",
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        DO_NOT_TRACK="1",
    )
    from prefect import flow, task
    from prefect.cache_policies import INPUTS
    from prefect.task_runners import ThreadPoolTaskRunner

    call = task(square, cache_policy=INPUTS, persist_result=True)

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=job.workers))
    def all_calls(calls: int) -> list[int]:
        with job.timed():
            return call.map(range(calls)).result()

    return all_calls(job.calls)


if __name__ == "__main__":
    main(run, "prefect")
