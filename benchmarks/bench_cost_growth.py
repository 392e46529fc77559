"""What the next results cost when some are held already: the 100,000th should cost what the 100th does."""

from __future__ import annotations

import os
import time

from benchmarks.harness import folder, row, title
from cuebook import Chunker

WINDOW = 1000


def small(number: int) -> int:
    return number


def large(number: int) -> bytes:
    return os.urandom(8) * 1250


def main() -> None:
    title("bench_cost_growth: us a result (mean of 1,000) with so many results held in the journal")
    row("results held", *(f"{held:,}" for held in HELD))
    for func, name in ((small, "small"), (large, "10 kB")):
        with folder() as where, Chunker(func, chunk_size=2, batch=16) as chunker:
            marks = measure(chunker, str(where / "growth.cue"))
        row(name, *(f"{micros:.1f}" for micros in marks))


HELD = (100, 1_000, 10_000, 50_000, 100_000)


def measure(chunker: Chunker, path: str) -> list[float]:
    """One run; the times at which results arrive, at the marks."""
    times: list[float] = []

    def parameters():
        for number in range(HELD[-1] + 2 * WINDOW):
            times.append(time.perf_counter())
            yield [number]

    chunker(parameters(), path=path)
    return [(times[held + WINDOW] - times[held]) / WINDOW * 1e6 for held in HELD]


if __name__ == "__main__":
    main()
