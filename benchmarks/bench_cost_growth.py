"""What the next results cost when some are held already: the 100,000th should cost what the 100th does."""

from __future__ import annotations

import asyncio
import os
import statistics
import time

from benchmarks.harness import ROUNDS, folder, row, title
from cuebook import Runtime

WINDOW = 10_000
HELD = (100, 10_000, 50_000, 90_000)


def small(number: int) -> int:
    return number


def large(number: int) -> bytes:
    return os.urandom(8) * 1250


def main() -> None:
    title(f"bench_cost_growth: us a result, mean of {WINDOW:,}, median of {ROUNDS} runs, with so many in the journal")
    row("results held", *(f"{held:,}" for held in HELD))
    for func, name in ((small, "small"), (large, "10 kB")):
        marks = []
        for _ in range(ROUNDS):
            with folder() as where:
                marks.append(asyncio.run(measure(func, str(where / "growth.cue"))))
        row(name, *(f"{statistics.median(column):.1f}" for column in zip(*marks, strict=True)))


async def measure(func, path: str) -> list[float]:
    """One run; what the results after each mark took to arrive, each."""
    times: list[float] = []
    parameters = [[number] for number in range(HELD[-1] + WINDOW + 1)]
    async with Runtime(path, chunk_size=2, batch=16) as runtime:
        async for _ in runtime.stream(func, parameters):
            times.append(time.perf_counter())
    return [(times[held + WINDOW] - times[held]) / WINDOW * 1e6 for held in HELD]


if __name__ == "__main__":
    main()
