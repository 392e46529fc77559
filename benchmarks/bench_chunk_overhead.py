"""2,000 calls of 10 ms of pure CPU on 2 workers, against the ideal. Goal: at most 1.02 times."""

from __future__ import annotations

import os
import statistics
import time
from concurrent.futures import ProcessPoolExecutor

from benchmarks.harness import ROUNDS, folder, row, timed, title
from cuebook import Chunker

CALLS, SECONDS = 2000, 0.010


def burn(number: int) -> int:
    """Use 10 ms of this process's own CPU time."""
    end = time.process_time() + SECONDS
    while time.process_time() < end:
        pass
    return number


def main() -> None:
    title(f"bench_chunk_overhead: {CALLS} calls of {SECONDS * 1000:.0f} ms of CPU, 2 workers; wall time over the ideal")
    ideal = CALLS * SECONDS / 2
    parameters = [[number] for number in range(CALLS)]
    ours, pooled = [], []
    with (
        folder() as where,
        Chunker(burn, chunk_size=2) as chunker,
        ProcessPoolExecutor(2, initializer=os.setsid) as pool,
    ):
        chunker(parameters[:4])
        list(pool.map(burn, range(4)))
        for number in range(max(1, ROUNDS // 2)):
            ours.append(timed(lambda n=number: chunker(parameters, path=str(where / f"{n}.cue"))) / ideal)
            pooled.append(timed(lambda: list(pool.map(burn, range(CALLS)))) / ideal)
    row("", "durable", "pool")
    row("wall / ideal", f"{statistics.median(ours):.3f} x", f"{statistics.median(pooled):.3f} x")


if __name__ == "__main__":
    main()
