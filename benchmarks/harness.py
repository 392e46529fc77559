"""What the benchmarks share: pairs of timings in turn, medians, one way to print and to keep. Knows no subject.

What is printed as a table is kept as figures too: `title` begins one, the first row with an empty first cell names the
columns, and each number in a later row is a figure. `keep` adds one with all its rounds.
"""

from __future__ import annotations

import gc
import os
import platform
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.measurements import BenchmarkRun, Figure
from benchmarks.surroundings import load_average, now, surroundings

ROUNDS = int(os.environ.get("ROUNDS", "5"))
_NUMBER = re.compile(r"([-+]?\d[\d,]*(?:\.\d+)?)\s*(.*)")
_SLOW = re.compile(r"second|\bs\b|ms|us|bytes|MB|kB")


@dataclass
class _Kept:
    """What the benchmark that runs now has found so far."""

    figures: list[Figure] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    table: str = ""
    columns: tuple[str, ...] = ()


_kept = _Kept()


@contextmanager
def recorded(benchmark: str) -> Iterator[Callable[[], BenchmarkRun]]:
    """Around a benchmark: gives what makes its run of what was printed and kept meanwhile."""
    global _kept
    _kept = kept = _Kept()
    at, found = now(), surroundings()

    def made() -> BenchmarkRun:
        return BenchmarkRun(
            benchmark, at, {**found, "load_after": load_average()}, tuple(kept.figures), dict(kept.left_out)
        )

    yield made


def keep(figure: Figure, **more: Any) -> None:
    """Keep what was measured, with all its rounds; `more` is added to its parameters."""
    _kept.figures.append(replace(figure, parameters={**figure.parameters, **more}))


def leave_out(name: str, reason: str) -> None:
    """Say what cannot be measured here, and keep that too."""
    _kept.left_out[name] = reason
    print(f"   left out: {name}: {reason}", flush=True)


def machine() -> str:
    """One line that names the machine."""
    found = surroundings()
    return (
        f"{found['processor']}, {found['cpus']} CPUs, Python {found['python']}, "
        f"{platform.system()} {platform.release()}, load {found['load']}"
    )


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
    if not cells[0]:
        _kept.columns = tuple(map(str, cells))
        return
    for column, cell in zip(_kept.columns[1:], cells[1:], strict=False):
        match = _NUMBER.match(str(cell))
        if match is not None and column not in ("goal", "wanted"):
            unit = match[2] or column
            parameters = {"table": _kept.table, "column": column}
            number = float(match[1].replace(",", ""))
            _kept.figures.append(Figure(str(cells[0]), (number,), unit, parameters, is_rate=_is_rate(unit)))


def _is_rate(unit: str) -> bool:
    """Whether more of it is better, as far as its unit tells."""
    return "/s" in unit or "a second" in unit or _SLOW.search(unit) is None


def title(text: str) -> None:
    """The head of a benchmark, or of a table of it."""
    _kept.table, _kept.columns = text.partition(":")[0], ()
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
