"""cuebook with `batch=1`: a message for each call, as most peers have it."""

# /// script
# dependencies = []
# ///

from peer_job import Job, main, nap, square

from cuebook import Chunker

NAME = "cuebook, batch=1"
KIND = "durable"
DURABILITY = "power loss: as cuebook"


def run(job: Job) -> list[int]:
    with Chunker(square, workers=job.workers, batch=1, progress_bar=False) as chunker:
        chunker([[0]] * job.workers, func=nap)
        chunker([[0]] * 8 * job.workers, path=job.folder / f"{job.phase}-warm.cue")
        with job.timed():
            return chunker([[x] for x in range(job.calls)], path=job.folder / "job.cue")


if __name__ == "__main__":
    main(run, "cuebook")
