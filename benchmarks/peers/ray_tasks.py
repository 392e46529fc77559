"""Ray: a remote task for each call."""

# /// script
# dependencies = ["ray==2.60.0"]
# ///

import ray
from peer_job import Job, main, nap, square

NAME = "Ray"
KIND = "pool"
DURABILITY = "nothing"


def run(job: Job) -> list[int]:
    ray.init(num_cpus=job.workers, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    call = ray.remote(square)
    ray.get([ray.remote(nap).remote(x) for x in range(job.workers)])
    ray.get([call.remote(x) for x in range(8 * job.workers)])
    with job.timed():
        results = ray.get([call.remote(x) for x in range(job.calls)])
    ray.shutdown()
    return results


if __name__ == "__main__":
    main(run, "ray")
