"""Reading a journal's SQLite file without its writer noticing: read-only connections and short read transactions.

Knows no chain. Nothing here takes a lock of ours or moves the -wal into the file.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Self

from cuebook.errors import JournalCorrupt, JournalError
from cuebook.persistence.records.row import Row
from cuebook.persistence.stores.copying import copy_rows
from cuebook.persistence.stores.port import NewRows
from cuebook.persistence.stores.sqlite.files import JournalFiles
from cuebook.persistence.stores.sqlite.lock import holder_of
from cuebook.persistence.stores.sqlite.new_rows import SqliteNewRows
from cuebook.persistence.stores.sqlite.private_copy import PrivateCopy
from cuebook.persistence.stores.sqlite.schema import (
    check_identity,
    check_size,
    has_stream_index,
    journal_error,
    journal_uri,
    opened_connection,
)
from cuebook.persistence.trust.verdicts import Verdict, Writers

__all__ = ["SqliteReading", "read_last"]

_READ_ERRORS = (sqlite3.Error, UnicodeError)  # damage can sit in what SQLite holds for text
_SLICE_SECONDS = 0.05
_SLICE_BYTES = 16 << 20
_WINDOW_ROWS = 8192
_SEARCHED_ROWS = 512
"""Rows in one slice where only some bodies are wanted: the others take time too, and nobody sees them go by."""
_PICKED_ROWS = 512
_BUSY_SECONDS = 10.0
_HOLES_BYTES_MIN = 256 << 20
_REFRESH_SHARE = 5
"""A copy that has to be taken anew is not, before so many times the time has passed that it took."""
_LINK_BEFORE = "(SELECT p.hash FROM records AS p WHERE p.seq = r.seq - 1)"
_MAYBE = (bytes, type(None))
_ROW_TYPES = {(int, int, int, bytes, int, bytes, body, before) for body in _MAYBE for before in _MAYBE}
_HEADS = "SELECT seq, kind, run, hash, head_check, head, NULL, NULL FROM records"
_ONE_ROW = f"SELECT seq, kind, run, hash, head_check, head, body, {_LINK_BEFORE} FROM records AS r WHERE seq = ?"


class SqliteReading:
    """One read-only connection. A context manager; may pass from thread to thread, used by one at a time.

    Where others could exchange the journal's files meanwhile, what is read is a private copy, which `end` and `last`
    take anew where the journal has changed.

    Args:
        path: the journal, links resolved.
        trust: how far others are trusted not to exchange them.
        writer: what this process writes to, where it does: that is read, where it is.

    Raises:
        JournalNotTrusted: a file beside the journal is no plain file, or somebody else's; nothing was opened.
        JournalError, JournalCorrupt, UnsupportedVersion: the file cannot be read, or is no journal of ours.
    """

    def __init__(self, path: Path, *, trust: Writers = Writers.NOBODY, writer: JournalFiles | None = None) -> None:
        self.path = path
        self._copy: PrivateCopy | None = None
        self._has_index = self._is_empty = False
        self._copying_s = self._copied_at = 0.0
        # Where nobody else can get at the files there is nothing to look for each time: the writer's look will do.
        self._owns_files = writer is None or not writer.is_out_of_reach
        self._files = JournalFiles(path) if writer is None or self._owns_files else writer
        try:
            if not self._files.is_there():
                raise JournalError(f"there is no journal at {path}")
            self._connection = self._opened(trust, writer)
        except BaseException:
            self._drop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection, and remove the private copy where there was one, else what SQLite has put beside it."""
        self._connection.close()
        if self._copy is None and self._owns_files:
            self._tidy()
        self._drop()

    def verdict(self) -> Verdict:
        """As `Reading.verdict`."""
        return self._files.verdict() if self._copy is None else self._copy.verdict

    def last(self) -> tuple[int, bytes]:
        """As `Reading.last`."""
        self._catch_up()
        if self._is_empty:
            return 0, b""
        with self._translated():
            return read_last(self._connection)

    def end(self) -> int:
        """As `Reading.end`."""
        self._catch_up()
        if self._is_empty:
            return 0
        with self._translated():
            return int(self._connection.execute("SELECT coalesce(max(seq), 0) FROM records").fetchone()[0])

    def scan(
        self,
        after: int = 0,
        *,
        until: int | None = None,
        kinds: Collection[int] | None = None,
        runs: Collection[int] | None = None,
        bodies: bool = True,
        holding: bytes | None = None,
    ) -> Iterator[Row]:
        """As `Reading.scan`, in slices of at most 50 ms, 16 MiB or one row, each a read transaction of its own."""
        query = _query(kinds, runs, bodies=bodies, holding=holding)
        is_selection = kinds is not None or runs is not None or holding is not None
        rows_max = _WINDOW_ROWS if holding is None else _SEARCHED_ROWS
        end, position = self.end(), after
        end = end if until is None else min(end, until)
        while position < end:
            window = min(end, position + rows_max)
            with self._translated():
                rows, is_whole = self._slice(query, position, window)
                if is_whole:
                    self._check_window(rows, position, window, is_selection=is_selection)
            yield from rows
            position = window if is_whole else rows[-1][0]

    def rows_at(self, seqs: Sequence[int]) -> Iterator[Row]:
        """As `Reading.rows_at`, so many at a time, each time in a read transaction of its own."""
        for first in range(0, len(seqs), _PICKED_ROWS):
            wanted = seqs[first : first + _PICKED_ROWS]
            query = f"{_HEADS} WHERE seq IN ({','.join(map(str, wanted))}) ORDER BY seq"
            with self._translated():
                rows = [_typed(row) for row in self._connection.execute(query)]
            if len(rows) != len(wanted):
                missing = min({*wanted}.difference(row[0] for row in rows))
                raise JournalCorrupt(f"record {missing} is missing", seq=missing)
            yield from rows

    def row(self, seq: int) -> Row | None:
        """As `Reading.row`."""
        with self._translated():
            found: Row | None = self._connection.execute(_ONE_ROW, (seq,)).fetchone()
        return None if found is None else _typed(found)

    def state(self, seq: int) -> bytes | None:
        """As `Reading.state`."""
        with self._translated():
            row = self._connection.execute("SELECT body FROM states WHERE seq = ?", (seq,)).fetchone()
        if row is not None and type(row[0]) is not bytes:
            raise JournalCorrupt(f"the state of record {seq} is damaged: it is no bytes", seq=seq)
        return None if row is None else row[0]

    def select(
        self, kind: int, run: int | None, *, after: int = 0, limit: int = 1024, newest: bool = False
    ) -> list[Row]:
        """As `Reading.select`."""
        with self._translated():
            self._has_index = self._has_index or has_stream_index(self._connection)
            query = _stream_query(is_one=run is not None, newest=newest, by_index=self._has_index)
            chosen = {"kind": kind, "after": after, "limit": limit, "run": run}
            return [_typed(row) for row in self._connection.execute(query, chosen)]

    def states(self) -> list[int]:
        """As `Reading.states`."""
        with self._translated():
            return [seq for (seq,) in self._connection.execute("SELECT seq FROM states ORDER BY seq")]

    def damage(self) -> list[str]:
        """As `Reading.damage`: what SQLite itself finds wrong with its pages, at most 100 lines."""
        with self._translated():
            found = self._connection.execute("PRAGMA integrity_check(100)").fetchall()
        lines = [line.decode(errors="replace") if isinstance(line, bytes) else str(line) for (line,) in found]
        return [] if lines == ["ok"] else lines

    def copy_into(self, new: NewRows) -> None:
        """As `Reading.copy_into`; into another SQLite file page by page, as SQLite does it, -wal included."""
        with self._translated():
            if isinstance(new, SqliteNewRows) and not self._is_mostly_holes():
                new.take_over(self._connection)
                return
            # One transaction, so that no state goes between the row that tells of it and the state's own turn.
            self._connection.execute("BEGIN")
            try:
                copy_rows(self, new)
            finally:
                self._connection.execute("ROLLBACK")

    def _is_mostly_holes(self) -> bool:
        """Whether it claims far more pages than it has room for: these would be copied one by one."""
        (pages,), (size,) = (
            self._connection.execute(f"PRAGMA {what}").fetchone() for what in ("page_count", "page_size")
        )
        found = self.path.stat()
        return bool(pages * size > _HOLES_BYTES_MIN + 4 * max(getattr(found, "st_blocks", 0) * 512, 1))

    def _slice(self, query: str, after: int, until: int) -> tuple[list[Row], bool]:
        rows: list[Row] = []
        size, deadline = 0, time.monotonic() + _SLICE_SECONDS
        cursor = self._connection.execute(query, {"after": after, "until": until})
        try:
            for row in cursor:
                rows.append(_typed(row))
                body = row[6]
                if body is not None:
                    size += len(body)
                if size > _SLICE_BYTES or (not len(rows) & 63 and time.monotonic() > deadline):
                    return rows, False
        finally:
            cursor.close()
        return rows, True

    def _check_window(self, rows: list[Row], after: int, until: int, *, is_selection: bool) -> None:
        # A damaged page can hide the pages below it without any error of SQLite's.
        if is_selection:
            query = "SELECT count(*) FROM records WHERE seq > ? AND seq <= ?"
            (found,) = self._connection.execute(query, (after, until)).fetchone()
            is_complete = found == until - after
        else:
            is_complete = bool(rows) and rows[-1][0] == until
        if not is_complete:
            raise JournalCorrupt(f"{self.path} is damaged: records between {after + 1} and {until} are missing")

    def _opened(self, trust: Writers, writer: JournalFiles | None) -> sqlite3.Connection:
        try:
            check_size(self.path)
            if writer is not None:
                return self._beside(writer)
            if self._files.is_readable_in_place(trust):
                return self._files.opened(self._in_place)
        except _READ_ERRORS as error:
            if not _needs_copy(error):
                raise journal_error(error, self.path, "read") from error
        self._copied_at = time.monotonic()
        self._copy = PrivateCopy(self.path)
        self._copying_s = time.monotonic() - self._copied_at
        return self._of_copy(self._copy)

    def _beside(self, writer: JournalFiles) -> sqlite3.Connection:
        """The very file that this process writes to."""
        connection = self._files.opened(self._in_place) if self._owns_files else self._in_place()
        try:
            writer.check_in_place()
        except BaseException:
            connection.close()
            raise
        return connection

    def _in_place(self) -> sqlite3.Connection:
        return self._checked(_connect(journal_uri(self.path, "ro")))

    def _of_copy(self, copy: PrivateCopy) -> sqlite3.Connection:
        try:
            return self._checked(_connect(journal_uri(copy.path, "rw")))
        except _READ_ERRORS as error:
            raise journal_error(error, self.path, "read") from error

    def _checked(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        try:
            connection.execute("PRAGMA query_only = ON")
            self._is_empty = not check_identity(connection, self.path)
            connection.text_factory = bytes
        except BaseException:
            connection.close()
            raise
        return connection

    def _catch_up(self) -> None:
        """Read a new copy, where there is one to read and the journal has changed."""
        # A follower (`cuebook watch`) asks for the end many times a second, and a copy costs the whole file: it waits
        # for a multiple of what the last one took, so that copying is a bounded share of the time, whatever the size.
        copy, now = self._copy, time.monotonic()
        if copy is None or self._connection.in_transaction:  # whoever began one reads one picture
            return
        if now < self._copied_at + _REFRESH_SHARE * self._copying_s or not copy.is_outdated():
            return
        self._connection.close()
        copy.refresh()
        self._connection = self._of_copy(copy)
        self._copied_at, self._copying_s = now, time.monotonic() - now

    def _tidy(self) -> None:
        # A connection that only reads makes a -wal and a -shm and cannot take them away again; the last one that may
        # write does so as it closes. An empty -wal holds nothing that this could move; names that are held stay.
        try:
            is_left = Path(f"{self.path}-wal").stat().st_size == 0
        except OSError:
            return
        if not is_left or not os.access(self.path, os.W_OK) or self._files.holds_names():
            return
        with contextlib.suppress(*_READ_ERRORS, JournalError, OSError):
            if holder_of(self.path.with_name(f"{self.path.name}.lock")) is None:
                self._files.opened(lambda: opened_connection(self.path)).close()

    def _drop(self) -> None:
        copy, self._copy = self._copy, None
        if copy is not None:
            copy.close()
        if self._owns_files:
            self._files.close()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except _READ_ERRORS as error:
            raise journal_error(error, self.path, "read") from error


def read_last(connection: sqlite3.Connection) -> tuple[int, bytes]:
    """Number and hash of the last record behind an open connection; 0 and nothing where there is none."""
    row = connection.execute("SELECT seq, hash FROM records ORDER BY seq DESC LIMIT 1").fetchone()
    if row is None:
        return 0, b""
    if not isinstance(row[1], bytes):
        raise sqlite3.DatabaseError("a record holds something other than it was given")
    return row[0], row[1]


def _typed(row: Row) -> Row:
    """The row, whose columns hold what a row of ours holds: damage may have turned bytes into numbers.

    Cost: 0.2 us.
    """
    if (*map(type, row),) not in _ROW_TYPES:
        raise JournalCorrupt(f"record {row[0]} is damaged: a column is not of its type", seq=row[0])
    return row


def _query(
    kinds: Collection[int] | None, runs: Collection[int] | None, *, bodies: bool, holding: bytes | None = None
) -> str:
    is_selection = kinds is not None or runs is not None or holding is not None
    chosen = "".join(
        f" AND {column} IN ({','.join(str(int(number)) for number in numbers)})"
        for column, numbers in (("kind", kinds), ("run", runs))
        if numbers is not None
    )
    if holding is not None:
        chosen += f" AND instr(body, x'{holding.hex()}') > 0"
    body = "body" if bodies else "NULL"
    # Only a row that does not follow the row read before it needs the link before; each slice begins with one.
    link = _LINK_BEFORE if bodies and is_selection else f"CASE r.seq WHEN :after + 1 THEN {_LINK_BEFORE} END"
    columns = f"seq, kind, run, hash, head_check, head, {body}, {link}"
    return f"SELECT {columns} FROM records AS r WHERE seq > :after AND seq <= :until{chosen} ORDER BY seq"


def _stream_query(*, is_one: bool, newest: bool, by_index: bool) -> str:
    index = "INDEXED BY stream_records" if by_index else "NOT INDEXED"
    of_one = " AND run = :run" if is_one else ""
    order = "DESC" if newest else "ASC"
    columns = f"seq, kind, run, hash, head_check, head, body, {_LINK_BEFORE}"
    # The first term is that of the index; were it one of `run`, SQLite would take it in place of an equality.
    chosen = f"kind >= 10 AND kind = :kind AND seq > :after{of_one}"
    return f"SELECT {columns} FROM records AS r {index} WHERE {chosen} ORDER BY seq {order} LIMIT :limit"


def _connect(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def _needs_copy(error: Exception) -> bool:
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return primary in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}
