"""The store on disk: one SQLite file, written through aiosqlite (its only importer), durable at each commit.

Knows no chain and no kind of record; keeps away from the file by any other way than SQLite.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

import aiosqlite

from cuebook.errors import JournalCorrupt, JournalError
from cuebook.persistence.records.row import Row, Tail
from cuebook.persistence.stores.sqlite.files import JournalFiles, check_beside
from cuebook.persistence.stores.sqlite.location import make_folder, mount_of, sync_folder
from cuebook.persistence.stores.sqlite.new_rows import INSERT_ROW, INSERT_STATE
from cuebook.persistence.stores.sqlite.reading import SqliteReading, read_last
from cuebook.persistence.stores.sqlite.schema import (
    STREAM_INDEX,
    check_identity,
    check_stream_index,
    create_schema,
    has_stream_index,
    journal_error,
    journal_uri,
)
from cuebook.persistence.trust.verdicts import Verdict, Writers

__all__ = ["SqliteStore"]

_BUSY_SECONDS = 30.0
_CHECKPOINT_PAGES = 4000
_CLOSING_BUSY_MS = 200
_BEGIN_S = 5.0
"""Seconds in which a thread that was started begins, however loaded the machine is."""


class _Transaction:
    """What one transaction is to hold, and whether the connection's thread is done with it."""

    __slots__ = ("drop_states", "is_settled", "rows", "states")

    def __init__(self, rows: Sequence[Row], states: Sequence[tuple[int, bytes]], drop_states: Sequence[int]) -> None:
        self.rows = rows
        self.states = states
        self.drop_states = drop_states
        self.is_settled = False

    @property
    def is_one_row(self) -> bool:
        """Whether there is nothing to it but one record."""
        return len(self.rows) == 1 and not self.states and not self.drop_states


class _WritingConnection(sqlite3.Connection):
    """The writing connection: `commit()` writes the batch that waits, so a commit is one trip to its thread.

    aiosqlite makes a trip of every call, of some 50 us each, and a batch would need four of them (begin, rows, states,
    commit); between any two of these it could be cancelled with the transaction half done. Of `commit()` it makes one.
    """

    batch: _Transaction | None = None
    has_stream_index = False
    is_empty = False
    tail: Tail

    def commit(self) -> None:
        batch, self.batch = self.batch, None
        if batch is None:
            return
        try:
            if batch.is_one_row and (self.has_stream_index or batch.rows[0][2] >= 0):
                self.execute(INSERT_ROW, batch.rows[0][:7])  # a transaction by itself, for a sixth of the CPU time less
            else:
                self._write(batch)
        except BaseException:
            if self.in_transaction:
                self.rollback()
            raise
        finally:
            batch.is_settled = True

    def _write(self, batch: _Transaction) -> None:
        # IMMEDIATE waits for the write lock now, for as long as the time-out says; one that takes it later, on a
        # picture that has grown old meanwhile, fails at once.
        self.execute("BEGIN IMMEDIATE")
        if not self.has_stream_index and any(row[2] < 0 for row in batch.rows):
            self.execute(STREAM_INDEX)
            self.has_stream_index = True
        self.executemany(INSERT_ROW, [row[:7] for row in batch.rows])
        if batch.states:
            self.executemany(INSERT_STATE, batch.states)
        if batch.drop_states:
            self.executemany("DELETE FROM states WHERE seq = ?", [(seq,) for seq in batch.drop_states])
        self.execute("COMMIT")


class SqliteStore:
    """A `Store` in one SQLite file: WAL and synchronous=FULL; on network file systems a rollback journal and EXTRA.

    Args:
        path: the file; it and its folders are created where missing (0600), and their names synced.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._connection: aiosqlite.Connection | None = None
        self._writer: _WritingConnection | None = None
        self._files: JournalFiles | None = None
        self._thread: threading.Thread | None = None
        self._has_begun = threading.Event()
        self._has_failed = False
        self._guard = threading.Lock()
        self._idle: SqliteReading | None = None

    async def open(self) -> Tail:
        """As `Store.open`. Cost: about 2 ms; where there are streams, two passes over the rows."""
        await self.close()
        self._has_begun.clear()
        connection = _in_daemon(lambda: aiosqlite.Connection(self._connect, 64))
        try:
            await connection
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError):
                self._has_begun.wait(_BEGIN_S)  # its thread opens the file all the same, and reports to this loop
            with contextlib.suppress(Exception):
                await connection.close()  # aiosqlite before 0.22 ends a thread that nobody waited for in here alone
            self._join()
            if self._writer is not None:
                self._writer.close()
                self._writer = None
            self._let_go()
            if isinstance(error, sqlite3.Error | OSError):
                raise journal_error(error, self.path, "opened") from error
            raise
        self._connection = connection
        self._has_failed = False
        assert self._writer is not None
        return self._writer.tail

    async def insert(
        self, rows: Sequence[Row], states: Sequence[tuple[int, bytes]] = (), drop_states: Sequence[int] = ()
    ) -> None:
        """As `Store.insert`. Cost: one trip to the connection's thread and one fsync."""
        if self._connection is None or self._writer is None or self._has_failed:
            raise JournalError(f"{self.path} accepts nothing until it is opened again")
        batch = self._writer.batch = _Transaction(rows, states, drop_states)
        try:
            await self._connection.commit()
        except asyncio.CancelledError:
            self._has_failed = True
            # The thread goes on: wait behind it, whatever happens to us meanwhile. It reports the cancelled commit to
            # this loop first, which might else be closed by then, and the thread would die of that.
            is_behind = False
            while not (is_behind and batch.is_settled):
                try:
                    await self._connection.commit()
                except (asyncio.CancelledError, sqlite3.Error):
                    continue
                is_behind = True
            raise
        except Exception as error:
            self._has_failed = True
            if isinstance(error, sqlite3.IntegrityError):
                raise JournalError(f"{self.path} was written by someone else: {error}") from error
            raise journal_error(error, self.path, "written") from error

    @contextlib.contextmanager
    def reading(self) -> Iterator[SqliteReading]:
        """As `Store.reading`, over a read-only connection: one that was given back, or a new one."""
        files = self._files
        with self._guard:
            reading, self._idle = self._idle, None
        if reading is None:
            reading = SqliteReading(self.path, writer=files)
        try:
            yield reading
        except BaseException:
            reading.close()
            raise
        # Opening one costs a millisecond, as much as reading a hundred records: the last one stays open for whoever
        # comes next, in whatever thread. Only one, as each has a cache of its own; and none of an earlier opening, as
        # what it holds on to is let go of when the store is closed.
        with self._guard:
            if self._idle is None and files is not None and files is self._files:
                self._idle, reading = reading, None
        if reading is not None:
            reading.close()

    def verdict(self) -> Verdict:
        """As `Store.verdict`."""
        return Verdict(Writers.NOBODY) if self._files is None else self._files.verdict()

    async def close(self) -> None:
        """As `Store.close`; the -wal is moved into the file unless a reader is in the way."""
        self._drop_idle()
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            if not self._has_failed:
                await connection.execute_fetchall(f"PRAGMA busy_timeout = {_CLOSING_BUSY_MS}")
                await connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error:
            pass  # what is in the -wal is durable as it is
        finally:
            self._writer = None
            try:
                await connection.close()
            finally:
                self._join()
                self._let_go()

    def _drop_idle(self) -> None:
        with self._guard:
            idle, self._idle = self._idle, None
        if idle is not None:
            idle.close()

    def _join(self) -> None:
        """Wait for the connection's thread: it may report to this loop once more, which may be about to close."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()

    def _let_go(self) -> None:
        """Let go of the files; SQLite removes some of its own when it closes, and their names are to be ours still."""
        files, self._files = self._files, None
        self._drop_idle()  # one that was given back meanwhile
        if files is not None:
            with contextlib.suppress(OSError, JournalError):  # whoever opens it next is told
                files.hold_names()
            files.close()

    def _connect(self) -> sqlite3.Connection:
        # Runs in the connection's thread: everything that opening touches the disk for.
        self._thread = threading.current_thread()
        self._has_begun.set()
        if not self._thread.daemon:
            _warn("journal_thread_outlives_main", path=str(self.path))
        is_new = not self.path.exists()
        make_folder(self.path.parent)
        check_beside(self.path)
        if is_new:
            # No descriptor of this file can hold SQLite's locks yet, so opening and closing it is harmless here.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            sync_folder(self.path.parent)
        elif not os.access(self.path, os.R_OK | os.W_OK):  # SQLite would open it for reading and fail at a commit
            gone = "it was deleted while it was being opened"
            why = "permission denied, or a read-only file system" if self.path.exists() else gone
            raise JournalError(f"{self.path} cannot be written: {why}")
        files = self._files = JournalFiles(self.path)
        files.hold_names()
        if self.path.stat().st_size:
            _look_first(self.path, files)
        writer = files.opened(lambda: _new_writer(self.path))
        try:
            self._prepare(writer, files)
        except BaseException:
            writer.close()
            raise
        self._writer = writer
        return writer

    def _prepare(self, writer: _WritingConnection, files: JournalFiles) -> None:
        mount = mount_of(self.path)
        writer.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        writer.execute(f"PRAGMA synchronous = {'EXTRA' if mount.is_network else 'FULL'}")
        self._choose_mode(writer, files, is_network=mount.is_network)
        if mount.is_network:
            _say_network(self.path, mount.kind)
        writer.tail = Tail(*read_last(writer))
        writer.has_stream_index = has_stream_index(writer)
        if writer.has_stream_index:
            check_stream_index(writer)
        if self._has_failed:
            # After a failed fsync the kernel may believe that pages are clean which never reached the disk; a
            # checkpoint writes and syncs them anew, from what it reads.
            busy, _, _ = writer.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
            if busy:
                raise JournalError(f"{self.path} cannot be made durable while another program reads it")

    def _choose_mode(self, writer: _WritingConnection, files: JournalFiles, *, is_network: bool) -> None:
        holds_names = files.holds_names()
        (found,) = writer.execute("PRAGMA journal_mode").fetchone()
        if holds_names and found != "wal":
            # A rollback journal that is emptied, not deleted: in between, its name could be taken by somebody else.
            writer.execute("PRAGMA journal_mode = TRUNCATE")
        if writer.is_empty:
            create_schema(writer)
        mode = "WAL" if not is_network else "TRUNCATE" if holds_names else "DELETE"
        (found,) = writer.execute(f"PRAGMA journal_mode = {mode}").fetchone()
        if found != mode.lower():
            raise JournalError(f"{self.path} cannot be written safely: SQLite uses journal mode {found}, not {mode}")
        files.hold_names()  # the rollback journal's went with the switch, and nothing was read since


def _new_writer(path: Path) -> _WritingConnection:
    writer: _WritingConnection = sqlite3.connect(
        journal_uri(path, "rw"),
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        factory=_WritingConnection,
    )
    try:
        writer.execute("PRAGMA recursive_triggers = ON")
        writer.execute("PRAGMA fullfsync = ON")  # macOS: fsync alone stops at the disk's own cache
        writer.execute("PRAGMA checkpoint_fullfsync = ON")
        writer.is_empty = not check_identity(writer, path)
    except BaseException:
        writer.close()
        raise
    return writer


def _in_daemon(make: Callable[[], aiosqlite.Connection]) -> aiosqlite.Connection:
    """The connection, made in a daemon thread, so that its own is one too: left open, it would else keep the
    interpreter from exiting.
    """
    made: Future[aiosqlite.Connection] = Future()

    def run() -> None:
        try:
            made.set_result(make())
        except BaseException as error:
            made.set_exception(error)

    thread = threading.Thread(target=run, name="cuebook-opening", daemon=True)
    thread.start()
    thread.join()
    return made.result()


def _look_first(path: Path, files: JournalFiles) -> None:
    # A file that is none of ours, or of a later version, must not be written to; opening for writing may.
    try:
        SqliteReading(path, writer=files).close()
    except JournalCorrupt:
        raise
    except JournalError as error:
        if type(error) is not JournalError:
            raise


_said: set[str] = set()


def _say_network(path: Path, kind: str) -> None:
    if str(path) in _said:
        return
    _said.add(str(path))
    _warn("journal_on_network_file_system", path=str(path), file_system=kind)


def _warn(event: str, **fields: str) -> None:
    from cuebook.logs import get_logger

    get_logger("cuebook.persistence").warning(event, **fields)
