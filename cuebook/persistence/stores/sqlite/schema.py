"""The SQLite file of a journal: its tables, its identity, and what SQLite's errors mean for a journal.

Knows no connection of its own and no record's meaning.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from cuebook.errors import JournalBusy, JournalCorrupt, JournalError, JournalFull, UnsupportedVersion
from cuebook.persistence.records.record import FORMAT_VERSION

__all__ = [
    "APPLICATION_ID",
    "STREAM_INDEX",
    "check_identity",
    "check_size",
    "check_stream_index",
    "create_schema",
    "has_stream_index",
    "journal_error",
    "journal_uri",
    "opened_connection",
]

APPLICATION_ID = 0x43554542
"""`CUEB`: marks the SQLite file as a journal."""

_SCHEMA = {
    "records": (
        "CREATE TABLE records (seq INTEGER PRIMARY KEY, kind INTEGER NOT NULL, run INTEGER NOT NULL,"
        " hash BLOB NOT NULL, head_check INTEGER NOT NULL, head BLOB NOT NULL, body BLOB)"
    ),
    "states": "CREATE TABLE states (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)",
    "records_never_updated": (
        "CREATE TRIGGER records_never_updated BEFORE UPDATE ON records"
        " BEGIN SELECT RAISE(ABORT, 'the journal is append-only: no record is updated'); END"
    ),
    "records_never_deleted": (
        "CREATE TRIGGER records_never_deleted BEFORE DELETE ON records"
        " BEGIN SELECT RAISE(ABORT, 'the journal is append-only: no record is deleted'); END"
    ),
    "records_only_appended": (
        "CREATE TRIGGER records_only_appended BEFORE INSERT ON records"
        " WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM records)"
        " BEGIN SELECT RAISE(ABORT, 'the journal is append-only: a record continues the last one'); END"
    ),
    "states_never_updated": (
        "CREATE TRIGGER states_never_updated BEFORE UPDATE ON states"
        " BEGIN SELECT RAISE(ABORT, 'a kept state is never updated'); END"
    ),
}
STREAM_INDEX = "CREATE INDEX stream_records ON records (kind, run) WHERE kind >= 10"
"""How the records of a stream are found. Derived from the records, made with the first stream, and not part of the
format: a journal without it is read all the same.
"""
_OPTIONAL_BYTES = {b"stream_records": STREAM_INDEX.encode()}
_SCHEMA_BYTES = {name.encode(): statement.encode() for name, statement in _SCHEMA.items()}
_SPACE_BYTES_MIN = 1 << 20
_SQLITE_BYTES_MIN = 512
_BUSY_SECONDS = 10.0


def journal_uri(path: Path, mode: str) -> str:
    """The URI by which SQLite opens the file; `mode` is ro, rw or rwc."""
    return f"{path.absolute().as_uri()}?mode={mode}"


def opened_connection(path: Path, *pragmas: str) -> sqlite3.Connection:
    """A connection that may write, with these set, and its files open: it has read of them."""
    connection = sqlite3.connect(journal_uri(path, "rw"), uri=True, isolation_level=None, timeout=_BUSY_SECONDS)
    try:
        for pragma in pragmas:
            connection.execute(pragma)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def check_size(path: Path) -> None:
    """Raise JournalCorrupt if the file is too short for a database: SQLite takes some of these for empty ones."""
    if 0 < path.stat().st_size < _SQLITE_BYTES_MIN:
        raise JournalCorrupt(f"{path} is not a cuebook journal, or was cut short")


def create_schema(connection: sqlite3.Connection) -> None:
    """Make an empty database file a journal without records, in one transaction of its rollback journal.

    The identity lies in the main file from then on, never in a -wal alone.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
            for statement in _SCHEMA.values():
                connection.execute(statement)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def check_identity(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the file holds a journal of a version that this code reads; False where it is empty.

    Raises:
        JournalCorrupt: it is another kind of file, or its schema is damaged.
        UnsupportedVersion: a newer cuebook wrote it.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    connection.text_factory = bytes  # damaged text must be compared, not decoded
    schema = dict(connection.execute("SELECT name, sql FROM sqlite_master"))
    connection.text_factory = str
    if application == 0 and version == 0 and not schema:
        return False
    if application != APPLICATION_ID:
        raise JournalCorrupt(f"{path} is an SQLite database, but not a cuebook journal; it was not touched")
    if version > FORMAT_VERSION:
        raise UnsupportedVersion(
            f"{path} has journal format {version}, this cuebook reads up to {FORMAT_VERSION}: upgrade cuebook; "
            "the file was not touched"
        )
    required = {name: statement for name, statement in schema.items() if _OPTIONAL_BYTES.get(name) != statement}
    if version != FORMAT_VERSION or required != _SCHEMA_BYTES:
        raise JournalCorrupt(f"{path} is damaged: its tables are not those of journal format {FORMAT_VERSION}")
    return True


def has_stream_index(connection: sqlite3.Connection) -> bool:
    """Whether the records of streams are found without a pass over all."""
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'stream_records'").fetchone()
    return found is not None


def check_stream_index(connection: sqlite3.Connection) -> None:
    """Make the index of streams anew where it is not that of the records.

    Cost: two passes over the rows without their bodies.
    """
    sums = "SELECT count(*), sum(seq), sum(kind * seq), sum(run) FROM records"
    there = connection.execute(f"{sums} NOT INDEXED WHERE kind >= 10").fetchone()
    if connection.execute(f"{sums} INDEXED BY stream_records WHERE kind >= 10").fetchone() != there:
        connection.execute("REINDEX stream_records")


def journal_error(error: Exception, path: Path, doing: str) -> JournalError:
    """What an error of SQLite or of the system means; `doing` says what was tried ("read", "written")."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else None
    text = f"{path} cannot be {doing}: {error}"
    if primary == sqlite3.SQLITE_NOTADB:
        return JournalCorrupt(f"{path} is not a cuebook journal, or its first bytes are damaged")
    if primary == sqlite3.SQLITE_CORRUPT:
        return JournalCorrupt(f"{path} is damaged: {error}; `cuebook recover` salvages what is whole")
    if primary == sqlite3.SQLITE_FULL:
        return JournalFull(f"{path} cannot be {doing}: the disk is full")
    if primary == sqlite3.SQLITE_IOERR:
        if _is_disk_full(path):
            return JournalFull(f"{text} (the disk is full)")
        return JournalError(f"{text} ({getattr(error, 'sqlite_errorname', 'SQLITE_IOERR')})")
    if primary in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return JournalBusy(f"{text}: another program, not cuebook, has the file locked")
    if isinstance(error, sqlite3.ProgrammingError):
        return JournalError(text)
    if primary is None and doing != "written" and isinstance(error, sqlite3.DatabaseError | ValueError):
        return JournalCorrupt(f"{path} is damaged: {error}")
    return JournalError(text)


def _is_disk_full(path: Path) -> bool:
    try:
        disk = os.statvfs(path.parent)
    except (OSError, AttributeError):
        return False
    return disk.f_bavail * disk.f_frsize < _SPACE_BYTES_MIN
