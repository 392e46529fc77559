"""Many small runs in one journal: the 2,000th run of ten new calls should cost what the 20th does.

In turn with the runs that are measured goes one in a journal that never has more than 60 runs: what it costs tells what
the machine was doing meanwhile.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path

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
        spent = asyncio.run(measure(where))
    for name, figures in spent.items():
        row(name, *(f"{1000 * figure:.1f}" for figure in figures))


async def measure(where: Path) -> dict[str, list[float]]:
    """Seconds of CPU that a run took in each window, and one beside it in a journal of few runs."""
    many, few = list[float](), list[float]()
    async with Runtime(str(where / "many.cue"), where="thread", progress_bar=False) as runtime:
        for begin, end in zip((0, *(after + WINDOW for after in AFTER)), AFTER, strict=False):
            for number in range(begin, end):
                await seconds_of(runtime, number)
            path = where / f"few{end}.cue"
            async with Runtime(str(path), where="thread", progress_bar=False) as beside:
                for number in range(20):
                    await seconds_of(beside, number)
                pairs = [
                    (await seconds_of(runtime, number), await seconds_of(beside, number))
                    for number in range(end, end + WINDOW)
                ]
            many.append(statistics.median(pair[0] for pair in pairs))
            few.append(statistics.median(pair[1] for pair in pairs))
    return {"CPU": many, "beside it, few runs": few}


async def seconds_of(runtime: Runtime, number: int) -> float:
    """What one run takes."""
    began = time.process_time()
    await runtime.chunk(call, [[10 * number + each] for each in range(10)])
    return time.process_time() - began


if __name__ == "__main__":
    main()
