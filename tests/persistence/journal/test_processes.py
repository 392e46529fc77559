"""Processes: one writer at a time, killed at any moment, and what it was told is durable is there."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cuebook.errors import JournalBusy
from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.journal.writer import JournalWriter
from tests.support.journals import opened, run, write

ROOT = Path(__file__).parents[3]

WRITE = """
import asyncio, sys
from cuebook.persistence.journal.writer import JournalWriter
from tests.support.journals import completed
async def main():
    journal = await JournalWriter.open(sys.argv[1])
    print("open", flush=True)
    number = 0
    while True:
        batch = [completed(number + n, b"%d" % (number + n) * 50) for n in range(1 + number % 5)]
        await journal.append(batch)
        number += len(batch)
        print(number, journal.last_seq, flush=True)
asyncio.run(main())
"""

SECOND = """
import asyncio, sys
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.errors import JournalBusy
try:
    asyncio.run(JournalWriter.open(sys.argv[1]))
except JournalBusy as error:
    print(error.pid, error.host, error.since)
    print(error)
"""

FORKED = """
import asyncio, os, sys
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.errors import JournalBusy
from tests.support.journals import completed
async def inner():
    try:
        await JournalWriter.open(sys.argv[1])
    except JournalBusy as error:
        print(error, flush=True)
        os._exit(0)
async def main():
    journal = await JournalWriter.open(sys.argv[1])
    await journal.append([completed(0)])
    if not os.fork():
        asyncio._set_running_loop(None)
        asyncio.run(inner())
        os._exit(1)
    os.wait()
    await journal.append([completed(1)])
    await journal.close()
asyncio.run(main())
"""


def start(script: str, path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, str(path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def acknowledged(process: subprocess.Popen[str], alive: float) -> tuple[int, int]:
    """Let it write for a while, kill it, and give back what it said last: results and records."""
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    deadline = time.monotonic() + alive
    lines = [process.stdout.readline()]
    while time.monotonic() < deadline:
        lines.append(process.stdout.readline())
    os.kill(process.pid, signal.SIGKILL)
    rest = process.stdout.read()  # not communicate(), which passes over what readline has buffered
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.communicate()
    whole = [line for line in [*lines, *rest.splitlines(keepends=True)] if line.endswith("\n")]
    results, records = whole[-1].split()
    return int(results), int(records)


def kill_and_check(path: Path, seed: int) -> None:
    before = 0
    if path.exists():
        with open_reader(path) as reader:
            before = reader.last_seq
    _, records = acknowledged(start(WRITE, path), random.Random(seed).uniform(0, 0.04))
    with open_reader(path) as reader:
        found = list(reader.records())
    assert len(found) >= records > before
    assert len(found) <= records + 5
    assert len(write(path, [opened(seed + 1)])) == len(found) + 1


def test_a_killed_writer_loses_nothing_that_it_was_told_is_stored(tmp_path: Path) -> None:
    for seed in range(4):
        kill_and_check(tmp_path / "a.cue", seed)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_writer_killed_a_hundred_times_loses_nothing(tmp_path: Path) -> None:
    for seed in range(100):
        kill_and_check(tmp_path / "a.cue", seed)


def test_a_second_process_is_told_who_writes_and_can_read_meanwhile(tmp_path: Path) -> None:
    (tmp_path / "link.cue").symlink_to(tmp_path / "a.cue")

    async def work() -> None:
        async with await JournalWriter.open(tmp_path / "a.cue") as journal:
            await journal.append([opened()])
            for name in ("a.cue", "link.cue"):
                out, errors = start(SECOND, tmp_path / name).communicate(timeout=60)
                assert errors == ""
                assert out.startswith(f"{os.getpid()} {os.uname().nodename} 20")
                assert str(os.getpid()) in out.splitlines()[1]
                assert "path of its own" in out
            with open_reader(tmp_path / "link.cue") as reader:
                assert reader.last_seq == 2
            await journal.append([opened(2)])

    run(work())


def test_the_journal_is_free_the_moment_its_writer_is_killed(tmp_path: Path) -> None:
    process = start(WRITE, tmp_path / "a.cue")
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    with pytest.raises(JournalBusy):
        write(tmp_path / "a.cue")
    process.kill()
    process.communicate()
    write(tmp_path / "a.cue", [opened()])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_cannot_write_to_its_parents_journal(tmp_path: Path) -> None:
    out, errors = start(FORKED, tmp_path / "a.cue").communicate(timeout=60)
    assert "Traceback" not in errors
    assert "a path of its own" in out
    assert len(write(tmp_path / "a.cue")) == 3


@pytest.mark.parametrize("ending", ["raise RuntimeError('boom')", "sys.exit(3)", "pass"])
def test_a_journal_left_open_does_not_keep_its_process_from_exiting(tmp_path: Path, ending: str) -> None:
    script = f"""
import asyncio, sys
from cuebook.persistence.journal.writer import JournalWriter
from tests.support.journals import opened
async def main():
    sys.modules["kept"] = journal = await JournalWriter.open(sys.argv[1])
    await journal.append([opened()])
    {ending}
asyncio.run(main())
"""
    began = time.monotonic()
    out, errors = start(script, tmp_path / "a.cue").communicate(timeout=30)
    assert time.monotonic() - began < 2 + 1  # the interpreter's own start is not what is measured
    assert out == ""
    assert ("boom" in errors) == ("boom" in ending)
    assert "Warning" not in errors
    assert len(write(tmp_path / "a.cue")) == 2
