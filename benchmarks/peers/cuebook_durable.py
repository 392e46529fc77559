"""cuebook: `Chunker(path=...)` with warm worker processes; how many calls go in a message is adapted."""

# /// script
# dependencies = []
# ///

from peer_job import Job, main, nap, square

from cuebook import Chunker

NAME = "cuebook"
KIND = "durable"
DURABILITY = "power loss: each result committed by SQLite, WAL, synchronous=FULL, before it is reported; many a commit"


def run(job: Job) -> list[int]:
    with Chunker(square, workers=job.workers, progress_bar=False) as chunker:
        chunker([[0]] * job.workers, func=nap)
        chunker([[0]] * 8 * job.workers, path=job.folder / f"{job.phase}-warm.cue")
        with job.timed():
            return chunker([[x] for x in range(job.calls)], path=job.folder / "job.cue")


if __name__ == "__main__":
    main(run, "cuebook")
