"""Durable trivial calls against a process pool that keeps nothing, and dispatch without a journal against the same.

Goal: durable no slower than the pool at batch 1, 16 and 64; without a journal 2.5 times at 64 and 20 times at 1.
"""

from __future__ import annotations

import os
import statistics
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import count

from benchmarks.harness import folder, in_turn, rate, ratio, row, timed, title
from cuebook import Chunker

CALLS = {1: 20_000, 16: 100_000, 64: 300_000, 256: 600_000}


def increment(x: int) -> int:
    return x + 1


def main() -> None:
    title("bench_chunk_vs_pool: x + 1, 2 workers, calls a second (medians); ratios pair by pair")
    row("batch", "pool", "durable", "ratio", "no journal", "ratio")
    with (
        folder() as where,
        ProcessPoolExecutor(2, initializer=os.setsid) as pool,
        Chunker(chunk_size=2) as warm,
    ):
        list(pool.map(increment, range(1000), chunksize=10))
        warm([[0]] * 1000, func=increment)
        names = (str(where / f"{number}.cue") for number in count())
        for batch in (1, 16, 64, 256, None):
            measure(pool, batch, names)


def measure(pool: ProcessPoolExecutor, batch: int | None, names) -> None:
    chunksize = batch or 64
    calls = CALLS[chunksize]
    numbers = list(range(calls))
    parameters = [[number] for number in numbers]
    with Chunker(increment, chunk_size=2, batch=batch) as ours:
        ours(parameters[:1000])

        def pooled() -> float:
            return timed(lambda: list(pool.map(increment, numbers, chunksize=chunksize)))

        def durable() -> float:
            return timed(partial(ours, parameters, path=next(names)))

        def raw() -> float:
            return timed(partial(ours, parameters))

        theirs, kept, bare = in_turn(pooled, durable, raw)
    median = statistics.median
    label = f"{batch}" if batch else "None (pool: 64)"
    row(
        label,
        rate(calls, median(theirs)),
        rate(calls, median(kept)),
        f"{ratio(theirs, kept):.2f} x",
        rate(calls, median(bare)),
        f"{ratio(theirs, bare):.2f} x",
    )


if __name__ == "__main__":
    main()
