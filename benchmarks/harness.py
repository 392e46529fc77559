"""What the benchmarks share: pairs of timings in turn, medians, one way to print. Knows no subject."""

from __future__ import annotations

import gc
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROUNDS = int(os.environ.get("ROUNDS", "5"))


def machine() -> str:
    """One line that names the machine."""
    model = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    python = platform.python_version()
    return f"{model}, {len(os.sched_getaffinity(0))} CPUs, Python {python}, {platform.system()} {platform.release()}"


def timed(work: Callable[[], object]) -> float:
    """Seconds of one call of `work`."""
    gc.collect()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turn(*works: Callable[[], float], rounds: int = ROUNDS) -> list[list[float]]:
    """Each work's own figures, taken in turn (A B A B ...) so that a drift of the machine hits all alike."""
    figures: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for place, work in enumerate(works):
            figures[place].append(work())
    return figures


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Median of the ratios pair by pair."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def row(*cells: object) -> None:
    """One line of a table."""
    print("  ".join(f"{cell:>16}" if place else f"{cell!s:<34}" for place, cell in enumerate(cells)), flush=True)


def title(text: str) -> None:
    """The head of a benchmark."""
    print(f"\n== {text}\n   {machine()}", flush=True)


def rate(count: int, seconds: float) -> str:
    """Calls a second."""
    return f"{count / seconds:,.0f}/s"


@contextmanager
def folder() -> Iterator[Path]:
    """A temporary folder on the disk that holds this checkout (not a memory file system)."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR", str(Path.cwd()))) as name:
        yield Path(name)


def progress(text: str) -> None:
    """Something to look at while it runs."""
    print(text, file=sys.stderr, flush=True)
