"""A new journal file made from records of another one: synchronous, in a file of its own until it is whole.

Knows no lock and not why a journal is rewritten.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from cuebook.errors import JournalError
from cuebook.persistence.records.chain import FIRST_LINK, rows_of
from cuebook.persistence.records.record import Entry, Kind
from cuebook.persistence.records.run_heads import JournalOpened
from cuebook.persistence.stores.sqlite.files import check_beside
from cuebook.persistence.stores.sqlite.part_file import part_of
from cuebook.persistence.stores.sqlite.schema import create_schema, journal_error

__all__ = ["Rewriting", "refuse_existing", "rewriting"]

_BATCH_BYTES = 16 << 20
_BATCH_ENTRIES = 4096


class Rewriting:
    """The journal that is being written. Use `rewriting`.

    Attributes:
        seq, hash: number and link of the last record so far.
    """

    def __init__(self, connection: sqlite3.Connection, opened: JournalOpened) -> None:
        self.seq = 0
        self.hash = FIRST_LINK
        self._waiting: list[Entry] = []
        self._bytes = 0
        self._connection = connection
        create_schema(connection)
        self.append(Entry(Kind.JOURNAL, 0, opened.encode()))

    def append(self, entry: Entry, state: bytes | None = None) -> None:
        """Add a record at the end, and the bytes of the state that it tells of."""
        self._waiting.append(entry)
        self._bytes += len(entry.body or b"")
        if state is not None or self._bytes > _BATCH_BYTES or len(self._waiting) >= _BATCH_ENTRIES:
            self.flush()
        if state is not None:
            self._connection.execute("INSERT INTO states VALUES (?, ?)", (self.seq, state))

    def flush(self) -> None:
        """Write what waits, in one transaction."""
        rows = rows_of(self._waiting, self.seq, self.hash)
        if not rows:
            return
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", [row[:7] for row in rows])
        self._connection.execute("COMMIT")
        self.seq, self.hash = rows[-1][0], rows[-1][3]
        self._waiting.clear()
        self._bytes = 0


@contextlib.contextmanager
def rewriting(target: Path, opened: JournalOpened, *, replaces: bool = False) -> Iterator[Rewriting]:
    """Write a journal that stands at `target`, whole and on disk, when the block ends; if it raises, nothing does.

    Args:
        target: path of the finished file.
        opened: its first record.
        replaces: whether a file at `target` is replaced.

    Raises:
        JournalNotTrusted: what has the name of the unfinished file, or stands beside one of them, is no plain file, or
            somebody else's.
        JournalError: there is such a file and it is not to be replaced, or the new one cannot be written.
    """
    if not replaces:
        refuse_existing(target)
    try:
        with part_of(target) as part:
            writing = Rewriting(part.connection, opened)
            yield writing
            writing.flush()
            part.finish(target)
    except (sqlite3.Error, OSError) as error:
        raise journal_error(error, target, "written") from error


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
