"""Stages fresh and taken over, a script that has nothing to do, and steps beside bare commits of SQLite."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import statistics
import subprocess
import sys
import time
from importlib.util import find_spec
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


async def steps_together(id: str) -> float:
    """Seconds a step, all of them at once."""
    async with cuebook.Runtime() as runtime, runtime.job(id):
        start = time.perf_counter()
        await asyncio.gather(*[nothing(number) for number in range(STEPS)])
        return (time.perf_counter() - start) / STEPS


DBOS = """
import asyncio, sys, time
from dbos import DBOS

count = int(sys.argv[1])
DBOS(config={"name": "bench", "system_database_url": "sqlite:///dbos.sqlite", "log_level": "ERROR"})

@DBOS.step()
async def nothing(number):
    return number

@DBOS.workflow()
async def one_by_one():
    start = time.perf_counter()
    for number in range(count):
        await nothing(number)
    return (time.perf_counter() - start) / count

@DBOS.workflow()
async def together():
    start = time.perf_counter()
    await asyncio.gather(*[nothing(number) for number in range(count)])
    return (time.perf_counter() - start) / count

async def main():
    print(await one_by_one(), await together())

DBOS.launch()
asyncio.run(main())
DBOS.destroy()
"""


def dbos_python() -> str | None:
    """The interpreter that has DBOS: this one, or that which DBOS_PYTHON names; None where there is none."""
    return os.environ.get("DBOS_PYTHON") or (sys.executable if find_spec("dbos") is not None else None)


def of_dbos(python: str, where: Path) -> tuple[float, float]:
    """Seconds a step of DBOS on SQLite: one after the other, and all at once."""
    (where / "dbos_bench.py").write_text(DBOS)
    (where / "dbos.sqlite").unlink(missing_ok=True)
    command = [python, "dbos_bench.py", str(STEPS)]
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=where, env=bare, capture_output=True, check=True, text=True)
    one, all_ = done.stdout.split()[-2:]
    return float(one), float(all_)


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
        rows_of_steps(where)
        for _ in range(RERUNS):
            with cuebook.job("again"):
                asyncio.run(asyncio.sleep(0))
        row(f"run {RERUNS:,} of a job is opened in", f"{timed(opened) * 1000:.0f}")


def rows_of_steps(where: Path) -> None:
    """Steps beside bare commits, and beside DBOS where it is installed."""
    python = dbos_python()
    theirs: list[tuple[float, float]] = []
    once = in_turn(
        lambda: asyncio.run(steps(str(time.time_ns()))),
        lambda: bare_commits(where / f"{time.time_ns()}.db"),
        lambda: asyncio.run(steps_together(str(time.time_ns()))),
        lambda: theirs.append(of_dbos(python, where)) or 0.0 if python is not None else 0.0,
    )
    row("a step, one after the other", f"{statistics.median(once[0]) * 1000:.2f}")
    row("a bare commit", f"{statistics.median(once[1]) * 1000:.2f}", f"x {ratio(once[0], once[1]):.1f}")
    row(f"a step, {STEPS} at once", f"{statistics.median(once[2]) * 1000:.3f}")
    if python is None:
        row("DBOS is not installed: DBOS_PYTHON=/path/to/python names one that has it")
        return
    for name, place, ours in (("one after the other", 0, once[0]), (f"{STEPS} at once", 1, once[2])):
        found = [each[place] for each in theirs]
        row(f"DBOS, {name}", f"{statistics.median(found) * 1000:.2f}", f"x {ratio(found, ours):.1f} ours")


def opened() -> None:
    """Open a job, and end it."""
    with cuebook.job("again"):
        pass


if __name__ == "__main__":
    main()
