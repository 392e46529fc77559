"""make_checkpoint() of 100 bytes, committed. Goal: within 2 bare SQLite commits with fsync on this disk + 0.5 ms."""

from __future__ import annotations

import sqlite3
import statistics
import time

from benchmarks.harness import folder, row, title
from cuebook import chunk, make_checkpoint

COUNT = 300


def saves(count: int) -> list[float]:
    """Seconds of each of so many checkpoints."""
    state = b"x" * 100
    make_checkpoint(state)
    seconds = []
    for _ in range(count):
        start = time.perf_counter()
        make_checkpoint(state)
        seconds.append(time.perf_counter() - start)
    return seconds


def thinned(count: int) -> float:
    """Seconds of one checkpoint that is not due."""
    start = time.perf_counter()
    for _ in range(count):
        make_checkpoint(None, every=1e9)
    return (time.perf_counter() - start) / count


def main() -> None:
    title("bench_checkpoint: make_checkpoint(100 bytes), committed")
    with folder() as where:
        bare = statistics.median(commits(str(where / "bare.db")))
        ours = statistics.median(chunk(saves, [[COUNT]], path=str(where / "ours.cue"))[0])
        (idle,) = chunk(thinned, [[100_000]])
    start = time.perf_counter()
    for _ in range(100_000):
        make_checkpoint(None)
    outside = (time.perf_counter() - start) / 100_000
    row("", "checkpoint", "bare commit", "2 x bare + 0.5", "not due", "outside")
    row("median", f"{ours * 1e3:.3f} ms", f"{bare * 1e3:.3f} ms", f"{(2 * bare + 0.0005) * 1e3:.3f} ms",
        f"{idle * 1e6:.2f} us", f"{outside * 1e6:.2f} us")  # fmt: skip


def commits(path: str) -> list[float]:
    """Seconds of bare commits of 100 bytes, WAL and synchronous=FULL."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE t (b BLOB)")
    seconds = []
    for _ in range(COUNT):
        start = time.perf_counter()
        connection.execute("INSERT INTO t VALUES (?)", (b"x" * 100,))
        seconds.append(time.perf_counter() - start)
    connection.close()
    return seconds


if __name__ == "__main__":
    main()
