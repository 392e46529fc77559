"""Journals for tests: entries, heads and small files, built the way the library builds them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.records.record import Entry, Kind, Record
from cuebook.persistence.records.run_heads import (
    Arguments,
    Closing,
    Completed,
    Reuse,
    RunClosed,
    RunOpened,
    Source,
    StateKept,
)

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def opened_head(number: int = 1, **changes: Any) -> RunOpened:
    fields: dict[str, Any] = {
        "number": number,
        "function": "clean",
        "fingerprint": b"f" * 16,
        "algorithm": 1,
        "parts": (("code of clean", "ab" * 8, "def clean(x): ..."),),
        "opaque": ("C function",),
        "packages": (("numpy", "2.0"),),
        "total": None,
        "source": Source.LIST,
        "reuse": Reuse.CALLS,
        "options": {"retries": 2},
        "host": "node1",
        "pid": 4711,
        "python": "3.11.7",
        "started": 1700000000.5,
        "command": "python x.py",
    }
    return RunOpened(**(fields | changes))


def opened(number: int = 1, **changes: Any) -> Entry:
    return Entry(Kind.RUN_OPENED, number, opened_head(number, **changes).encode())


def arguments(start: int, count: int, run: int = 1, **source: int) -> Entry:
    body = None if source else b"arguments"
    return Entry(Kind.ARGUMENTS, run, Arguments(start, count, 0, **source).encode(), body)


def completed_head(start: int | None, count: int = 1, indexes: bytes | None = None) -> Completed:
    return Completed(start, indexes, count, 1700000000.0, bytes(4 * count), bytes(4 * count), bytes(4 * count))


def completed(start: int, values: bytes = b"value", run: int = 1, count: int = 1) -> Entry:
    return Entry(Kind.COMPLETED, run, completed_head(start, count).encode(), values)


def state(index: int, body: bytes, run: int = 1, number: int = 1) -> Entry:
    head = StateKept(index, number, None, hashlib.sha256(body).digest(), len(body), b"k" * 16, 1700000000.0)
    return Entry(Kind.STATE, run, head.encode())


def closed(run: int = 1, status: Closing = Closing.FINISHED) -> Entry:
    return Entry(Kind.RUN_CLOSED, run, RunClosed(status, 1700000001.0, 1, 0, 0).encode())


def write(path: Path, *batches: Sequence[Entry]) -> list[Record]:
    """Append batches to the journal at `path`, close it, and give back all of its records."""

    async def writing() -> list[Record]:
        async with await JournalWriter.open(path) as journal:
            for batch in batches:
                await journal.append(batch)
            return list(journal.records())

    return run(writing())


def add(path: Path, *batches: Sequence[Entry]) -> None:
    """Append batches to the journal at `path`, of which some record may be damaged."""

    async def adding() -> None:
        async with await JournalWriter.open(path) as journal:
            for batch in batches:
                await journal.append(batch)

    run(adding())
