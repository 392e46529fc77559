"""The first page of a journal's file, mended in a private copy: every journal has the same one but for its counters.

Knows no record. Without this, one damaged byte of the first 4 KiB would hide a whole journal from SQLite.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from cuebook.errors import JournalCorrupt, JournalError, UnsupportedVersion
from cuebook.persistence.stores.sqlite.private_copy import PrivateCopy
from cuebook.persistence.stores.sqlite.reading import SqliteReading
from cuebook.persistence.stores.sqlite.schema import create_schema

__all__ = ["readable"]

_CHANGE_COUNTER = slice(24, 28)


@contextlib.contextmanager
def readable(path: Path) -> Iterator[SqliteReading]:
    """The journal at `path`, or a copy of it with a new first page where SQLite makes no sense of the old one.

    Raises:
        JournalError: there is no such file, or it cannot be read or copied.
        JournalCorrupt: neither it nor the mended copy holds a record. UnsupportedVersion: a newer cuebook wrote it.
    """
    try:
        reading = SqliteReading(path)
    except UnsupportedVersion:
        raise
    except JournalCorrupt as damage:
        with contextlib.closing(PrivateCopy(path)) as copy:
            _mend(copy.path)
            with _opened(copy.path, damage) as mended:
                yield mended
    else:
        with reading:
            yield reading


def _opened(copy: Path, damage: JournalCorrupt) -> SqliteReading:
    try:
        reading = SqliteReading(copy)
    except JournalError:
        raise damage from None
    with contextlib.suppress(JournalError):
        if reading.end():
            return reading
    reading.close()
    raise damage


def _mend(copy: Path) -> None:
    try:
        first = _first_page(copy.with_name("fresh"))
        with copy.open("r+b") as file:
            file.write(first)
    except OSError as error:
        raise JournalError(f"{copy} cannot be written: {error.strerror}") from error


def _first_page(fresh: Path) -> bytes:
    with contextlib.closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
        create_schema(connection)
        connection.execute("PRAGMA journal_mode = WAL")
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    page = bytearray(fresh.read_bytes()[:size])
    # A counter other than the one at 92 tells SQLite to take the number of pages from the file's size.
    page[_CHANGE_COUNTER] = b"\xff\xff\xff\xff"
    return bytes(page)
