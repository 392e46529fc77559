"""An array of 40 MB in each of 20 calls, and one of 200 MB that the function refers to. Goal: joblib's with memmap."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import ROUNDS, row, timed, title
from cuebook import Chunker, chunk

CALLS, FLOATS, GLOBAL_FLOATS, WORKERS = 20, 5_000_000, 25_000_000, 4
TABLE = np.arange(float(GLOBAL_FLOATS))


def part(array: Any, start: int) -> float:
    """Read a thousandth of an array."""
    return float(array[start::1000].sum())


def memory(_: int) -> tuple[float, int]:
    """The sum of the global array, and this process's share of the machine's memory, in MB."""
    total = float(TABLE.sum())
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return total, sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) // 1024


def peer() -> Callable[[list[list[Any]]], Any] | None:
    """The same calls by joblib; None where it is not installed."""
    try:
        from joblib import Parallel, delayed
    except ImportError:
        return None
    return lambda calls: Parallel(n_jobs=2)(delayed(part)(*call) for call in calls)


def main() -> None:
    title(f"bench_large_arrays: {CALLS} calls with {FLOATS * 8 // 10**6} MB each on 2 warm workers, median seconds")
    array, theirs = np.arange(float(FLOATS)), peer()
    lists = {
        "the same array": [[array, number] for number in range(CALLS)],
        "another one each": [[array + number, number] for number in range(CALLS)],
    }
    row("", "cuebook", "joblib")
    with Chunker(part, chunk_size=2, progress_bar=False) as chunker:
        for name, calls in lists.items():
            chunker(calls)
            if theirs is not None:
                theirs(calls)
            ours, peers = [], []
            for _ in range(ROUNDS):
                ours.append(timed(partial(chunker, calls)))
                if theirs is not None:
                    peers.append(timed(partial(theirs, calls)))
            row(name, f"{statistics.median(ours):.2f} s", f"{statistics.median(peers):.2f} s" if peers else "-")
    found = chunk(memory, [[number] for number in range(WORKERS)], chunk_size=WORKERS, batch=1, progress_bar=False)
    row(f"a global of {TABLE.nbytes // 10**6} MB", f"{WORKERS} workers: {sum(mb for _, mb in found)} MB (PSS)", "")


if __name__ == "__main__":
    main()
