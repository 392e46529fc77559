"""Journals to be salvaged: entries that refer to each other, blobs, and damage that the triggers would refuse."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from cuebook.persistence.blobs.folder import BlobStore
from cuebook.persistence.history.replay import JournalState, state_of
from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.records.record import Entry, Kind, Record
from cuebook.persistence.records.run_heads import Forgetting, Forgotten, Reused
from cuebook.persistence.values import ValueEncoder
from cuebook.persistence.values.blob_references import blob_references
from tests.support.journals import closed, completed, opened, write

LARGE = bytes(range(256)) * 2000


def reused(*ranges: tuple[int, int, int, int], run_number: int = 2) -> Entry:
    return Entry(Kind.REUSED, run_number, Reused(ranges).encode())


def forget(what: Forgetting, number: int | None = None, index: int | None = None) -> Entry:
    return Entry(Kind.FORGOTTEN, 0, Forgotten(what, number, None, index, 1.5).encode())


def read(path: Path) -> list[Record]:
    with open_reader(path) as reader:
        return list(reader.records())


def replayed(path: Path) -> JournalState:
    with open_reader(path) as reader:
        return state_of(reader)


def tamper(path: Path, *statements: str) -> None:
    """Change what the triggers would refuse, and leave the schema as it was."""
    connection = sqlite3.connect(path, isolation_level=None)
    triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        connection.execute(statement)
    for _, sql in triggers:
        connection.execute(sql)
    connection.close()


def blob_journal(path: Path) -> tuple[BlobStore, bytes, bytes]:
    """A journal of two results in blobs, one of them of a forgotten run; gives their digests."""
    blobs = BlobStore(path.with_name(path.name + ".blobs"))
    encoder = ValueEncoder(blobs=blobs, blob_bytes=1000)
    first, second = encoder.encode(LARGE), encoder.encode([1, (2, {"deep": LARGE[::-1]})])
    entries = [opened(1), completed(0, first), closed(1), opened(2), completed(0, second, run=2), closed(2)]
    write(path, [*entries, forget(Forgetting.RUN, 1)])
    (one,), (two,) = blob_references(first), blob_references(second)
    return blobs, one, two


def contents(records: list[Record]) -> list[tuple[Kind, int, bytes, bytes | None]]:
    return [(each.kind, each.run, each.head, each.body) for each in records[1:]]
