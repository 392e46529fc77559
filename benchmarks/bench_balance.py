"""Calls of many durations against the ideal schedule: mixed, a slow one among quick ones, slow first results.

The ideal is the list in its order, each worker taking the next call the moment it is free, with the durations that were
measured in the workers themselves. Goal: within 3 %.
"""

from __future__ import annotations

import heapq
import random
import statistics
import time
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.harness import ROUNDS, folder, row, timed, title
from cuebook import Chunker
from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.records.record import Kind
from cuebook.persistence.records.run_heads import Completed

WORKERS = 2
FIRST_S = 0.5


class SlowToEncode:
    """A result; the first one in each worker takes long to become bytes."""

    is_first = True

    def __reduce__(self) -> Any:
        if SlowToEncode.is_first:
            SlowToEncode.is_first = False
            time.sleep(FIRST_S)
        return (int, (1,))


def wait(seconds: float) -> float:
    """A call that waits, as for a disk or a server: so that it takes as long however many CPUs there are."""
    start = time.perf_counter()
    time.sleep(seconds)
    return time.perf_counter() - start


def wait_and_encode(seconds: float) -> tuple[float, SlowToEncode]:
    return wait(seconds), SlowToEncode()


def ideal(durations: list[float]) -> float:
    """Greedy list scheduling."""
    free = [0.0] * WORKERS
    for seconds in durations:
        heapq.heapreplace(free, free[0] + seconds)
    return max(free)


def main() -> None:
    title(
        f"bench_balance: calls that wait, {WORKERS} workers, a journal; from the first start to the last end of a call"
    )
    chance = random.Random(7)
    row("", "ideal", "schedule", "ratio", "all of chunk()")
    slow_one = [2.0 if place == 3 else 0.002 for place in range(800)]
    measure("mixed, 0.1 to 64 ms", [0.001 * 2.0 ** chance.uniform(-3, 6) for _ in range(400)])
    measure("one of 2 s among 800 of 2 ms", slow_one)
    measure("the same, in batches of 64", slow_one, batch=64)
    measure("one of 1 s among 20,000 of 0.05 ms", [1.0 if place == 500 else 0.00005 for place in range(20_000)])
    measure("slow first calls", [1.0, 0.25, *[0.002] * 800])
    measure("slow first results", [0.005] * 400, func=wait_and_encode)
    measure("even, 10 ms", [0.010] * 400)


def measure(name: str, seconds: list[float], *, func: Callable[[float], Any] = wait, batch: int | None = None) -> None:
    """One row; workers are warm, but know nothing of the function."""
    rounds: list[tuple[float, float, float]] = []
    with folder() as where:
        for number in range(max(3, ROUNDS)):
            with Chunker(chunk_size=WORKERS, batch=batch) as chunker:
                chunker([[0]] * 8, func=abs)
                path = where / f"{number}.cue"
                wall = timed(lambda c=chunker, p=path: c([[each] for each in seconds], func=func, path=str(p)))
            durations, took = measured(path)
            if func is wait_and_encode:  # their first results took half a second more
                durations[:WORKERS] = [each + FIRST_S for each in durations[:WORKERS]]
            rounds.append((ideal(durations), took, wall))
    ideals, schedules, walls = zip(*rounds, strict=True)
    median = statistics.median
    ratios = [took / best for best, took, _ in rounds]
    row(
        name,
        f"{median(ideals):.3f} s",
        f"{median(schedules):.3f} s",
        f"{median(ratios):.3f} x",
        f"{median(walls):.3f} s",
    )


def measured(path: Path) -> tuple[list[float], float]:
    """How long each call ran, in its order, and the time from the first one's start to the last one's end."""
    durations: dict[int, float] = {}
    begins, ends = [], []
    with open_reader(path) as reader:
        for record in reader.records(kinds=(Kind.COMPLETED,), bodies=False):
            head = Completed.decode(record.head)
            starts, lasted = array("f", head.starts), array("f", head.durations)
            durations.update(zip(head.places, lasted, strict=True))
            begins.append(head.t0)
            ends.append(head.t0 + starts[-1] + lasted[-1])
    return [durations[index] for index in range(len(durations))], max(ends) - min(begins)


if __name__ == "__main__":
    main()
