"""The first page of a journal's file, mended in a private copy: every journal has the same one but for its counters.

Knows no record. Without this, one damaged byte of the first 4 KiB would hide a whole journal from SQLite.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cuebook.errors import JournalCorrupt, JournalError, UnsupportedVersion
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
        with tempfile.TemporaryDirectory(prefix="cuebook-", ignore_cleanup_errors=True) as folder:
            copy = _mended_copy(path, Path(folder))
            with _opened(copy, damage) as mended:
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


def _mended_copy(path: Path, folder: Path) -> Path:
    copy = folder / "journal"
    try:
        for end in ("", "-wal"):
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(f"{path}{end}", f"{copy}{end}")
        first = _first_page(folder / "fresh")
        with copy.open("r+b") as file:
            file.write(first)
    except OSError as error:
        raise JournalError(f"{path} cannot be copied to {folder}: {error.strerror}") from error
    return copy


def _first_page(fresh: Path) -> bytes:
    with contextlib.closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
        create_schema(connection)
        connection.execute("PRAGMA journal_mode = WAL")
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    page = bytearray(fresh.read_bytes()[:size])
    # A counter other than the one at 92 tells SQLite to take the number of pages from the file's size.
    page[_CHANGE_COUNTER] = b"\xff\xff\xff\xff"
    return bytes(page)
