"""thread-chunks: calls in Ray's actors, all results pickled anew after each one."""

# /// script
# dependencies = ["thread-chunks==1.0.5", "ray==2.60.0", "saveable-objects", "tqdm", "numpy", "cloudpickle", "dill"]
# ///

import ray
from peer_job import Job, main, square
from thread_chunks import Chunker

NAME = "thread-chunks"
KIND = "durable"
DURABILITY = "process crash: a pickle of all results, written again with each one, without fsync"
CALLS_MAX = 300


def run(job: Job) -> list[int]:
    ray.init(num_cpus=job.workers, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    chunker = Chunker(square, None, job.workers, False)
    chunker([[0]] * 8 * job.workers)
    with job.timed():
        return list(chunker([[x] for x in range(job.calls)], path=str(job.folder / "job.pkl")))


if __name__ == "__main__":
    main(run, "thread-chunks")
