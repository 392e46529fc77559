"""Stages fresh and taken over, a script that has nothing to do, and steps beside bare commits of SQLite."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import statistics
import subprocess
import sys
import time
from pathlib import Path

import cuebook
from benchmarks.harness import ROUNDS, folder, in_turn, ratio, row, timed, title

STAGES = int(os.environ.get("STAGES", "60"))
STEPS = int(os.environ.get("STEPS", "500"))
RERUNS = int(os.environ.get("RERUNS", "1000"))

SCRIPT = "import cuebook\n" + "".join(
    f"@cuebook.stage\ndef stage{number}(value):\n    return [each + {number} for each in value]\n"
    for number in range(STAGES)
)
CALLS = "value = [1, 2, 3]\n" + "".join(f"value = stage{number}(value)\n" for number in range(STAGES))
TIMED = f"{SCRIPT}import time\nwith cuebook.job('bench'):\n    start = time.perf_counter()\n"
TIMED += "".join(f"    {line}\n" for line in CALLS.splitlines())
TIMED += "    print(time.perf_counter() - start)\n"


def of_script(where: Path) -> float:
    """Seconds that the stages of the script took, as it says itself."""
    done = subprocess.run([sys.executable, "bench.py"], cwd=where, env=environment(), capture_output=True, check=True)
    return float(done.stdout)


def environment() -> dict[str, str]:
    """Of the scripts."""
    return {**os.environ, "PYTHONPATH": str(Path.cwd())}


def whole(where: Path, script: str) -> float:
    """Seconds of a run of a script, with the interpreter's start."""
    command = [sys.executable, script]
    return timed(lambda: subprocess.run(command, cwd=where, env=environment(), capture_output=True, check=True))


@cuebook.step
async def nothing(number: int) -> int:
    """A step that does nothing."""
    return number


async def steps(id: str) -> float:
    """Seconds a step, one after the other."""
    async with cuebook.Runtime() as runtime, runtime.job(id):
        start = time.perf_counter()
        for number in range(STEPS):
            await nothing(number)
        return (time.perf_counter() - start) / STEPS


def bare_commits(path: Path) -> float:
    """Seconds a commit of one small row, synced, as a step needs one."""
    with sqlite3.connect(path, isolation_level=None) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE rows (key INTEGER PRIMARY KEY, value BLOB)")
        start = time.perf_counter()
        for number in range(STEPS):
            database.execute("INSERT INTO rows VALUES (?, ?)", (number, b"x" * 100))
        return (time.perf_counter() - start) / STEPS


def main() -> None:
    title(f"bench_stages: {STAGES} tiny stages; {STEPS} steps one after the other")
    row("", "ms", "wanted")
    with folder() as where:
        fresh, skipped = [], []
        for number in range(ROUNDS):
            place = where / str(number)
            place.mkdir()
            (place / "bench.py").write_text(TIMED)
            fresh.append(of_script(place))
            skipped.append(of_script(place))
        row("a stage, fresh", f"{statistics.median(fresh) / STAGES * 1000:.2f}", "5")
        row("a stage, taken over", f"{statistics.median(skipped) / STAGES * 1000:.2f}", "1")
        (place / "bare.py").write_text("pass\n")
        runs, bare = in_turn(lambda: whole(place, "bench.py"), lambda: whole(place, "bare.py"))
        row(
            "a script that has nothing to do",
            f"{(statistics.median(runs) - statistics.median(bare)) * 1000:.0f}",
            "500",
        )
        os.environ["CUEBOOK_DIR"] = str(where / ".cuebook")
        once = in_turn(
            lambda: asyncio.run(steps(str(time.time_ns()))), lambda: bare_commits(where / f"{time.time_ns()}.db")
        )
        row("a step", f"{statistics.median(once[0]) * 1000:.2f}")
        row("a bare commit", f"{statistics.median(once[1]) * 1000:.2f}", f"x {ratio(once[0], once[1]):.1f}")
        for _ in range(RERUNS):
            with cuebook.job("again"):
                asyncio.run(asyncio.sleep(0))
        row(f"run {RERUNS:,} of a job is opened in", f"{timed(opened) * 1000:.0f}")


def opened() -> None:
    """Open a job, and end it."""
    with cuebook.job("again"):
        pass


if __name__ == "__main__":
    main()
