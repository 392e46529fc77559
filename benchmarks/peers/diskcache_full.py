"""diskcache with full sync: the same as durable as a journal."""

# /// script
# dependencies = ["diskcache==5.6.3"]
# ///

from diskcache import Cache
from peer_job import Job, main, square

NAME = "diskcache, full sync"
KIND = "durable"
DURABILITY = "power loss: SQLite, WAL, synchronous=FULL, a commit a result; serial, without workers"


def run(job: Job) -> list[int]:
    with Cache(str(job.folder), sqlite_synchronous=2) as cache:
        kept = cache.memoize()(square)
        with job.timed():
            return [kept(x) for x in range(job.calls)]


if __name__ == "__main__":
    main(run, "diskcache")
