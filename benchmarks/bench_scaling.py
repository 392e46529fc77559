"""Where durability costs anything: over workers, over the number of calls, over call time and size of results.

Each durable run beside the same one without a journal, in turn, on warm workers. `SCALING_WORKERS`, `SCALING_CALLS` and
`SCALING_BYTES` say how far the sweeps go (64, 1,000,000, 100,000,000), `SCALING_CELL_S` how long a run should take.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

from benchmarks.harness import folder, in_turn, keep, progress, row, timed, title
from benchmarks.measurements import Figure
from cuebook import Chunker
from cuebook.tuning.scaling import fitted

WORKERS_MAX = int(os.environ.get("SCALING_WORKERS", "64"))
CALLS_MAX = int(os.environ.get("SCALING_CALLS", "1000000"))
BYTES_MAX = int(os.environ.get("SCALING_BYTES", "100000000"))
CELL_S = float(os.environ.get("SCALING_CELL_S", "0.5"))
ROUNDS = int(os.environ.get("ROUNDS", "2"))
CALL_S = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
SIZES = (8, 1_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
BEYOND = (128, 256, 1024)
WAIT_S = 0.01
BYTES_A_SECOND = 200e6
"""About what a result's bytes cost: only the number of calls in a run follows from it."""

_names = count()


def spin(x: int, seconds: float, size: int) -> bytes:
    """Compute for so long, and return so many bytes, other ones each time."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass
    return x.to_bytes(8, "big") + bytes(size - 8)


def wait(x: int) -> int:
    """A call that waits."""
    time.sleep(WAIT_S)
    return x


def increment(x: int) -> int:
    return x + 1


def nap(_: int) -> None:
    time.sleep(0.2)


def main() -> None:
    over_workers()
    over_calls()
    over_call_time_and_size()


def over_workers() -> None:
    """Calls that wait 10 ms, on more and more worker processes."""
    title("workers: durable calls that wait 10 ms, on worker processes; what the universal law predicts beyond")
    row("", "results/s", "of ideal")
    rates = {}
    with folder() as where:
        for workers in [2**power for power in range(WORKERS_MAX.bit_length()) if 2**power <= WORKERS_MAX]:
            progress(f"{workers} workers")
            parameters = [[x] for x in range(workers * 40)]
            with Chunker(wait, workers=workers, progress_bar=False) as chunker:
                chunker([[0]] * workers, func=nap)
                [taken] = in_turn(partial(_durable, chunker, parameters, where), rounds=ROUNDS)
            figure = _figure("workers", [len(parameters) / each for each in taken], workers=workers, call_s=WAIT_S)
            rates[workers] = figure.median
            row(f"{workers} workers", f"{figure.median:,.0f}/s", f"{figure.median * WAIT_S / workers:.2f}")
    for fit in fitted(rates)[-1:]:
        for workers in BEYOND:
            keep(
                Figure(
                    "workers, predicted", (fit.predicted(workers),), "results/s", {"workers": workers, "law": fit.law}
                )
            )
            row(f"{workers} workers, predicted", f"{fit.predicted(workers):,.0f}/s")


def over_calls() -> None:
    """Calls that do nothing, more and more of them in one run."""
    title("calls: microseconds a result of x + 1, 2 workers, one run of so many calls")
    row("", "durable, us", "no journal, us")
    with folder() as where, Chunker(increment, workers=2, progress_bar=False) as chunker:
        chunker([[0]] * 2, func=nap)
        chunker([[0]], path=where / "first.cue")
        calls = 100
        while calls <= CALLS_MAX:
            progress(f"{calls:,} calls")
            parameters = [[x] for x in range(calls)]
            kept, bare = _pair(chunker, parameters, where)
            figures = []
            for name, taken in (("durable", kept), ("no journal", bare)):
                values = tuple(each / calls * 1e6 for each in taken)
                figures.append(Figure(f"calls, {name}", values, "us a result", {"calls": calls}, is_rate=False))
                keep(figures[-1])
            row(f"{calls:,} calls", *(f"{figure.median:.2f}" for figure in figures))
            calls *= 10


def over_call_time_and_size() -> None:
    """The one picture: durable over non-durable throughput."""
    title("share: durable over non-durable throughput, 2 workers, by call time and size of the result")
    sizes = [size for size in SIZES if size <= BYTES_MAX]
    row("", *(text_of(size, "B") for size in sizes))
    with folder() as where, Chunker(spin, workers=2, progress_bar=False) as chunker:
        chunker([[0]] * 2, func=nap)
        chunker([[0, 0.0, 8]], path=where / "first.cue")
        for call_s in CALL_S:
            cells = []
            for size in sizes:
                progress(f"calls of {text_of(call_s, 's')}, results of {text_of(size, 'B')}")
                parameters = [[x, call_s, size] for x in range(calls_of(call_s, size))]
                kept, bare = _pair(chunker, parameters, where)
                shares = [b / a for a, b in zip(kept, bare, strict=True)]
                figure = _figure("share", shares, call_s=call_s, size_bytes=size, calls=len(parameters))
                cells.append(f"{figure.median:.2f}")
            row(f"calls of {text_of(call_s, 's')}", *cells)


def calls_of(call_s: float, size: int) -> int:
    """How many calls a run has, so that it takes about CELL_S on two workers; at least one a worker."""
    each_s = call_s / 2 + size / BYTES_A_SECOND + 3e-6
    return max(2, min(50_000, round(CELL_S / each_s / 2) * 2))


def text_of(value: float, unit: str) -> str:
    """`0.001, "s"` as "1 ms", `100000, "B"` as "100 kB"."""
    for prefix, factor in (("G", 1e9), ("M", 1e6), ("k", 1e3), ("", 1.0), ("m", 1e-3), ("u", 1e-6)):
        if value >= factor * 0.999:
            return f"{value / factor:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}"


def _pair(chunker: Chunker, parameters: list[list[object]], where: Path) -> list[list[float]]:
    bare: Callable[[], float] = partial(_taken, chunker, parameters)
    return in_turn(partial(_durable, chunker, parameters, where), bare, rounds=ROUNDS)


def _taken(chunker: Chunker, parameters: list[list[object]]) -> float:
    return timed(lambda: chunker(parameters))


def _durable(chunker: Chunker, parameters: list[list[object]], where: Path) -> float:
    path = where / f"{next(_names)}.cue"
    seconds = timed(lambda: chunker(parameters, path=path))
    for each in where.glob(f"{path.name}*"):
        _remove(each)
    return seconds


def _remove(path: Path) -> None:
    if path.is_dir():
        for inner in path.iterdir():
            _remove(inner)
        path.rmdir()
    else:
        path.unlink()


def _figure(name: str, values: list[float], **parameters: object) -> Figure:
    figure = Figure(name, tuple(values), "of non-durable" if name == "share" else "results/s", parameters)
    keep(figure)
    return figure


if __name__ == "__main__":
    main()
