"""A SQLite file that is being filled, in a file of its own until it is whole. Knows no lock, and not why it is made."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from cuebook.errors import JournalBusy, JournalError
from cuebook.persistence.records.row import Row
from cuebook.persistence.stores.sqlite.files import JournalFiles, check_beside
from cuebook.persistence.stores.sqlite.location import sync_folder
from cuebook.persistence.stores.sqlite.part_file import part_of
from cuebook.persistence.stores.sqlite.schema import (
    STREAM_INDEX,
    create_schema,
    journal_error,
    opened_connection,
)

__all__ = ["INSERT_ROW", "INSERT_STATE", "SqliteNewRows", "creating", "refuse_existing", "replacing"]

INSERT_ROW = "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)"
INSERT_STATE = "INSERT INTO states VALUES (?, ?)"


class SqliteNewRows:
    """`NewRows` in an unfinished file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._has_schema = self._has_stream_index = False

    def insert(self, rows: Sequence[Row], states: Sequence[tuple[int, bytes]] = ()) -> None:
        """As `NewRows.insert`, in one transaction."""
        if not self._has_schema:
            create_schema(self._connection)
            self._has_schema = True
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(INSERT_ROW, [row[:7] for row in rows])
        self._connection.executemany(INSERT_STATE, states)
        if not self._has_stream_index and any(row[2] < 0 for row in rows):
            self._connection.execute(STREAM_INDEX)
            self._has_stream_index = True
        self._connection.execute("COMMIT")

    def take_over(self, source: sqlite3.Connection) -> None:
        """All that is committed in another journal's file, page by page."""
        source.backup(self._connection)
        # The mode is written on the first page: whoever reads the copy first shall not have to make a -wal beside it.
        self._connection.execute("PRAGMA journal_mode = DELETE")
        self._has_schema = True


@contextlib.contextmanager
def creating(path: Path) -> Iterator[SqliteNewRows]:
    """As `Medium.creating`, at `path`."""
    refuse_existing(path)
    with _written(path), part_of(path) as part:
        yield SqliteNewRows(part.connection)
        part.finish(path)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[SqliteNewRows]:
    """As `Medium.replacing`, at `path`."""
    with _written(path):
        with part_of(path) as part:
            yield SqliteNewRows(part.connection)
            # Only now, and not after the new file has the name: a -wal with frames of the old one would be replayed
            # into it.
            _empty_wal(path)
            part.finish(path)
        _drop_side_files(path)


@contextlib.contextmanager
def _written(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise journal_error(error, path, "written") from error


def refuse_existing(path: Path) -> None:
    """Raise JournalError if something is at `path`, or beside it where SQLite would look.

    Raises:
        JournalNotTrusted: something beside it is no plain file, or somebody else's.
    """
    check_beside(path)
    for end in ("", "-wal", "-journal"):
        there = Path(f"{path}{end}")
        if there.exists() and not (end and there.stat().st_size == 0):  # an empty one holds a name
            raise JournalError(f"{there} exists already; give the path of a new file")


def _empty_wal(path: Path) -> None:
    with JournalFiles(path) as files:
        files.hold_names()
        with contextlib.closing(files.opened(lambda: opened_connection(path))) as connection:
            (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise JournalBusy(f"{path} is being read by another process; try again")


def _drop_side_files(path: Path) -> None:
    # Readers of the old file keep theirs; a new one must not find the old file's -shm beside the new file.
    for end in ("-wal", "-shm"):
        Path(f"{path}{end}").unlink(missing_ok=True)
    with JournalFiles(path) as files:
        files.hold_names()
    sync_folder(path.parent)
