"""cachier with a file for each result, which is its fastest way."""

# /// script
# dependencies = ["cachier==4.2.0"]
# ///

from cachier import cachier
from peer_job import Job, main, square

NAME = "cachier, separate files"
KIND = "durable"
DURABILITY = "process crash: a pickle a result, written in place, without fsync; serial, without workers"
CALLS_MAX = 300


def run(job: Job) -> list[int]:
    kept = cachier(cache_dir=str(job.folder), separate_files=True)(square)
    with job.timed():
        return [kept(x) for x in range(job.calls)]


if __name__ == "__main__":
    main(run, "cachier")
