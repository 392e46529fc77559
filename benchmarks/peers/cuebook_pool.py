"""cuebook without a journal: what keeping costs is the difference."""

# /// script
# dependencies = []
# ///

from peer_job import Job, main, nap, square

from cuebook import Chunker

NAME = "cuebook, path=None"
KIND = "pool"
DURABILITY = "nothing"


def run(job: Job) -> list[int]:
    with Chunker(square, workers=job.workers, progress_bar=False) as chunker:
        chunker([[0]] * job.workers, func=nap)
        chunker([[0]] * 8 * job.workers)
        with job.timed():
            return chunker([[x] for x in range(job.calls)])


if __name__ == "__main__":
    main(run, "cuebook")
