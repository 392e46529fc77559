"""Checkpoints of a program: a trigger under 10 ms (DVC 2: 1.1 s), little growth for little change, a quick list."""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.harness import folder, row, title
from cuebook.experiments import Workspace
from cuebook.experiments.lines import Lines
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.records.experiment_heads import AttemptEnded, CheckpointKept, ExperimentOpened
from cuebook.workplace.capture import Capture
from cuebook.workplace.location import open_workplace
from cuebook.workplace.manifest import Manifest

TRIGGERS = 100
CHECKPOINTS = 10_000
LARGE_BYTES = 50_000_000
PROGRAM = f"""
import time
from cuebook import make_checkpoint
seconds = []
for i in range({TRIGGERS}):
    open("out.txt", "w").write(f"{{i:02}}")
    start = time.perf_counter()
    make_checkpoint()
    seconds.append(time.perf_counter() - start)
open("seconds.txt", "w").write(" ".join(map(str, seconds)))
"""


def main() -> None:
    title("bench_experiments: checkpoints of a program")
    with folder() as where:
        os.environ["CUEBOOK_DIR"] = str(where / ".cuebook")
        seconds = triggers(where)
        row("trigger, 2 bytes", "median", "90 %", "goal")
        row(
            "",
            f"{statistics.median(seconds) * 1e3:.2f} ms",
            f"{sorted(seconds)[-len(seconds) // 10] * 1e3:.2f} ms",
            "10 ms",
        )
        large(where)
        listing(where)


def triggers(where: Path) -> list[float]:
    """Seconds of each trigger, as the program sees it."""
    (where / "p.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "cuebook", "exp", "run", "--out", "out.txt", "--", sys.executable, "p.py"]
    subprocess.run(command, cwd=where, check=True, capture_output=True)
    return [float(each) for each in (where / "seconds.txt").read_text().split()]


def large(where: Path) -> None:
    """50 MB, then the same with 1 % changed: in one place, and with bytes put in."""
    store = open_workplace(where).files
    data = random.Random(1).randbytes(LARGE_BYTES)
    changed = random.Random(2).randbytes(LARGE_BYTES // 100)
    middle = LARGE_BYTES // 2
    row("50 MB", "seconds", "store grows by")
    for name, content in (
        ("first", data),
        ("unchanged", data),
        ("1 % changed", data[:middle] + changed + data[middle + len(changed) :]),
        ("1 % put in", data[:middle] + changed + data[middle:]),
    ):
        (where / "large").write_bytes(content)
        before, start = size_of(store.folder), time.perf_counter()
        Capture(where, store).take([b"large"])
        took = time.perf_counter() - start
        row(name, f"{took:.2f} s", f"{(size_of(store.folder) - before) / 1e6:.1f} MB")


def size_of(path: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())


def listing(where: Path) -> None:
    """`show` of 10,000 checkpoints, and finding one of them."""
    lines = Lines(open_workplace(where))
    asyncio.run(filled(lines))
    start = time.perf_counter()
    count = len(Workspace(where).show("many"))
    took = time.perf_counter() - start
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "cuebook", "exp", "show"], cwd=where, check=True, capture_output=True)
    whole = time.perf_counter() - start
    start = time.perf_counter()
    lines.manifest_of(lines.resolve(f"{CHECKPOINTS // 2:07x}"))
    found = time.perf_counter() - start
    row("show", "rows", "seconds", "command", "one found by id", "goal")
    row("", f"{count:,}", f"{took:.2f} s", f"{whole:.2f} s", f"{found:.2f} s", "1 s")


async def filled(lines: Lines) -> None:
    """An experiment with so many checkpoints."""
    (lines.folder / "many").mkdir(parents=True)
    files = Manifest().encode()
    heads = [
        CheckpointKept(n, f"{n:07x}", 1.0 + n, None, {"loss": 1 / (n + 1)}, (), (), "", False)
        for n in range(CHECKPOINTS)
    ]
    async with await JournalWriter.open(lines.journal_of("many")) as journal:
        await journal.append([ExperimentOpened("many", 1.0, "", {}).entry(0)])
        await journal.append([head.entry(0, files) for head in heads])
        await journal.append([AttemptEnded(2.0, "finished", 0, "", ()).entry(0)])


if __name__ == "__main__":
    main()
