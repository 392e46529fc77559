"""cachier as it is by default: one pickle of all results of a function."""

# /// script
# dependencies = ["cachier==4.2.0"]
# ///

from cachier import cachier
from peer_job import Job, main, square

NAME = "cachier, default"
KIND = "durable"
DURABILITY = "process crash: one pickle of all results, written again in place with each one, without fsync; serial"
CALLS_MAX = 300


def run(job: Job) -> list[int]:
    kept = cachier(cache_dir=str(job.folder))(square)
    with job.timed():
        return [kept(x) for x in range(job.calls)]


if __name__ == "__main__":
    main(run, "cachier")
