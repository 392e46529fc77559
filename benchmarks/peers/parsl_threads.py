"""parsl with threads and checkpoints: each result is written to a file when its task ends."""

# /// script
# dependencies = ["parsl==2026.10.26"]
# ///

import parsl
from parsl.config import Config
from parsl.dataflow.memoization import BasicMemoizer
from parsl.executors.threads import ThreadPoolExecutor
from parsl.utils import get_all_checkpoints
from peer_job import Job, main, square

NAME = "parsl, threads, task_exit"
KIND = "durable"
DURABILITY = "process crash: pickles appended to one file when a task ends, without fsync"


def run(job: Job) -> list[int]:
    runs = str(job.folder / "runs")
    config = Config(
        executors=[ThreadPoolExecutor(max_threads=job.workers)],
        memoizer=BasicMemoizer(
            checkpoint_mode="task_exit",
            checkpoint_files=get_all_checkpoints(runs) if job.folder.joinpath("runs").exists() else None,
        ),
        run_dir=runs,
        initialize_logging=False,
    )
    app = parsl.python_app(cache=True)(square)
    with parsl.load(config), job.timed():
        return [future.result() for future in [app(x) for x in range(job.calls)]]


if __name__ == "__main__":
    main(run, "parsl")
