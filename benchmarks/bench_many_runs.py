"""Many small runs in one journal: the 2,000th run of ten new calls should cost what the 20th does."""

from __future__ import annotations

import asyncio
import statistics
import time

from benchmarks.harness import folder, row, title
from cuebook import Runtime

RUNS = 2000
WINDOW = 40
AFTER = (20, 200, 800, RUNS - WINDOW)


def call(number: int) -> int:
    return 2 * number


def main() -> None:
    title(f"bench_many_runs: ms of CPU a run of 10 new calls in threads, median of {WINDOW} runs, after so many runs")
    row("runs before", *(f"{runs:,}" for runs in AFTER))
    with folder() as where:
        spent = asyncio.run(measure(str(where / "runs.cue")))
    row("CPU", *(f"{1000 * statistics.median(spent[after : after + WINDOW]):.1f}" for after in AFTER))


async def measure(path: str) -> list[float]:
    """Seconds of CPU that each run took."""
    spent = []
    async with Runtime(path, where="thread", progress_bar=False) as runtime:
        for number in range(RUNS):
            began = time.process_time()
            await runtime.chunk(call, [[10 * number + each] for each in range(10)])
            spent.append(time.process_time() - began)
    return spent


if __name__ == "__main__":
    main()
