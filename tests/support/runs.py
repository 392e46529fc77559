"""Runs for tests: the records of whole runs with real values and arguments, and programs that write live journals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cuebook.persistence.history.arguments import encode_blocks
from cuebook.persistence.history.replay import JournalState, replay
from cuebook.persistence.history.run_writer import argument_entries
from cuebook.persistence.records.record import Entry, Kind, Record
from cuebook.persistence.records.run_heads import Arguments, Closing, Completed, Failed, Reason, Reused, RunClosed
from cuebook.persistence.values import ValueEncoder
from cuebook.wire.codec import pack
from tests.support.journals import opened

STARTED = 1_700_000_000.0


def completed_values(run: int, values: Mapping[int, Any], *, seconds: float = 0.5) -> Entry:
    """A record of results by index."""
    body, lengths = ValueEncoder().encode_many(list(values.values()))
    indexes = list(values)
    is_range = indexes == list(range(indexes[0], indexes[0] + len(indexes)))
    head = Completed(
        indexes[0] if is_range else None,
        None if is_range else array("I", indexes).tobytes(),
        len(indexes),
        STARTED,
        array("f", [float(place) for place in range(len(indexes))]).tobytes(),
        array("f", [seconds] * len(indexes)).tobytes(),
        array("I", lengths).tobytes(),
    )
    return Entry(Kind.COMPLETED, run, head.encode(), body)


def failed(run: int, index: int, error: BaseException, reason: Reason = Reason.RAISED) -> Entry:
    """A record of a failure."""
    head = Failed(index, 1, STARTED, 0.25, reason, type(error).__qualname__, str(error))
    traceback = f"Traceback (most recent call last):\n  ...\n{type(error).__qualname__}: {error}\n"
    return Entry(Kind.FAILED, run, head.encode(), pack([traceback, ValueEncoder().encode(error)]))


def reused(run: int, *ranges: tuple[int, int, int, int]) -> Entry:
    """A record of results taken: source run, source start, start, count."""
    return Entry(Kind.REUSED, run, Reused(ranges).encode())


def same_arguments(run: int, start: int, count: int, source: tuple[int, int]) -> Entry:
    """A record that says: these calls have the arguments of those of an earlier run."""
    return Entry(Kind.ARGUMENTS, run, Arguments(start, count, 0, *source).encode())


def closed(run: int, status: Closing = Closing.FINISHED, reason: str = "") -> Entry:
    """The record of a run's end, two seconds after its start."""
    return Entry(Kind.RUN_CLOSED, run, RunClosed(status, STARTED + 2, 0, 0, 0, reason).encode())


def run_entries(
    run: int, calls: Sequence[Any], values: Mapping[int, Any], *more: Entry, is_closed: bool = True, **opening: Any
) -> list[Entry]:
    """All records of a run of `calls`, `values` being its own results by index."""
    opening = {"total": len(calls), "started": STARTED, "options": {}, **opening}
    entries = [opened(run, **opening)]
    if calls and not any(entry.kind is Kind.ARGUMENTS for entry in more):
        entries += argument_entries(run, encode_blocks(calls), 0)
    entries += more
    if values:
        entries.append(completed_values(run, values))
    return [*entries, closed(run)] if is_closed else entries


def folded(*entries: Entry) -> JournalState:
    """The state that these records make, without a file."""
    return replay(
        Record(seq, entry.kind, entry.run, entry.head, None, b"") for seq, entry in enumerate(entries, start=2)
    )


def script(folder: Path, text: str, *arguments: str, name: str = "program.py") -> subprocess.CompletedProcess[str]:
    """Run a program in `folder` with this library to its end."""
    (folder / name).write_text(textwrap.dedent(text))
    return subprocess.run(
        [sys.executable, name, *arguments], cwd=folder, env=environment(), capture_output=True, text=True, timeout=60
    )


def environment() -> dict[str, str]:
    """An environment in which this library is found."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "COLUMNS": "200"}


@contextmanager
def living(folder: Path, text: str) -> Iterator[subprocess.Popen[str]]:
    """A program that runs beside the test, and has printed a line; killed with its workers at the end."""
    (folder / "living.py").write_text(textwrap.dedent(text))
    with subprocess.Popen(
        [sys.executable, "living.py"],
        cwd=folder,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline()
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.communicate()
