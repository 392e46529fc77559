"""diskcache: `memoize`, one call after the other in this process (with processes it is slower)."""

# /// script
# dependencies = ["diskcache==5.6.3"]
# ///

from diskcache import Cache
from peer_job import Job, main, square

NAME = "diskcache"
KIND = "durable"
DURABILITY = "process crash: SQLite, WAL, synchronous=NORMAL (its default); serial, without workers"


def run(job: Job) -> list[int]:
    with Cache(str(job.folder)) as cache:
        kept = cache.memoize()(square)
        with job.timed():
            return [kept(x) for x in range(job.calls)]


if __name__ == "__main__":
    main(run, "diskcache")
