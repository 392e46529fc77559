"""A journal, read: what the command and `Checkpoint.load` see of a file that someone else may be writing.

Knows no value and executes nothing that it reads; never blocks or disturbs the writer.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeAlias

from cuebook.errors import JournalCorrupt, JournalError
from cuebook.persistence.journal.header import check_end, opened_by
from cuebook.persistence.journal.states import checked_state
from cuebook.persistence.records.chain import checked, checked_row
from cuebook.persistence.records.record import Record
from cuebook.persistence.stores.sqlite.location import Location, located
from cuebook.persistence.stores.sqlite.lock import Holder, holder_of, read_note
from cuebook.persistence.stores.sqlite.reading import SqliteReading
from cuebook.persistence.trust.option import trust_of
from cuebook.persistence.trust.verdicts import Verdict, Writers

if TYPE_CHECKING:
    from cuebook.persistence.journal.file import JournalFile

__all__ = ["Readable", "Reader", "open_reader"]


class Reader:
    """A journal opened for reading only. Synchronous; may pass from thread to thread; a context manager."""

    def __init__(self, location: Location, reading: SqliteReading) -> None:
        """Use `open_reader`."""
        self._location = location
        self._reading = reading
        self._id = b""

    def check(self, *, end: bool = True) -> None:
        """Check the first record, and (unless `end` is False) that nothing is missing at the end. See `open_reader`."""
        note = read_note(
            self._location.lock_path
        )  # before the last record: it may only be behind what is read after it
        last = (0, b"") if self._reading.is_empty else self._reading.last()
        if last[0] == 0:
            if note is not None and note.seq and end:
                raise JournalCorrupt(f"{self.path} is empty, but {note.seq} records were committed to it", seq=1)
            raise JournalError(f"{self.path} holds no journal yet")
        self._id = opened_by(self._reading.row(1), self.path).journal_id
        if end:
            check_end(self.path, self._id, last, note, self._link_at)

    def records(
        self,
        *,
        after: int = 0,
        kinds: Collection[int] | None = None,
        runs: Collection[int] | None = None,
        bodies: bool = True,
    ) -> Iterator[Record]:
        """As `JournalFile.records`: checked one by one; call it again with the last number to follow a live run."""
        is_selection = kinds is not None or runs is not None
        rows = self._reading.scan(after, kinds=kinds, runs=runs, bodies=bodies)
        return checked(rows, bodies=bodies, gapless=None if is_selection else after + 1)

    def record(self, seq: int) -> Record:
        """One record with its body, checked.

        Raises:
            JournalCorrupt: it is damaged or missing.
        """
        return checked_row(self._reading.row(seq), seq)

    def state(self, seq: int) -> bytes | None:
        """As `JournalFile.state`."""
        return checked_state(self._reading, seq)

    def states(self) -> list[int]:
        """Numbers of the records whose states are kept."""
        return self._reading.states()

    def damaged_pages(self) -> list[str]:
        """What SQLite finds wrong with the file's pages; empty where all is well."""
        return self._reading.damaged_pages()

    def backup(self, target: sqlite3.Connection) -> None:
        """Copy everything that is committed now into an empty database."""
        self._reading.backup(target)

    def holder(self) -> Holder | None:
        """Who writes to the journal now, or None."""
        return holder_of(self._location.lock_path)

    @property
    def path(self) -> Path:
        """The file, links resolved."""
        return self._location.path

    @property
    def blobs_folder(self) -> Path:
        """The folder for values too large for a row; it may not exist."""
        return self._location.blobs_folder

    @property
    def journal_id(self) -> bytes:
        """16 random bytes that name this journal."""
        return self._id

    @property
    def last_seq(self) -> int:
        """Number of the last record now."""
        return self._reading.end()

    def verdict(self) -> Verdict:
        """As `JournalFile.verdict`."""
        return self._reading.verdict()

    def close(self) -> None:
        """Let go of the file. Twice is fine."""
        self._reading.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _link_at(self, seq: int) -> bytes:
        row = self._reading.row(seq)
        return row[3] if row is not None else b""


def open_reader(path: str | os.PathLike[str], *, check_end: bool = True, trust: Writers | None = None) -> Reader:
    """Open the journal at `path` for reading.

    Args:
        path: the file.
        check_end: False also opens a journal that is shorter than it was, to salvage what is there.
        trust: how far others are trusted not to exchange its files meanwhile; beyond it a copy is read. None: as the
            environment says.

    Raises:
        JournalNotTrusted: a file beside it is no plain file, or somebody else's.
        JournalError: there is none, or it cannot be read.
        JournalCorrupt: it is no journal, its first record is damaged, or committed records are missing at its end.
        UnsupportedVersion: a newer cuebook wrote it.
    Cost: about 1 ms.
    """
    location = located(path)
    chosen = trust_of(None) if trust is None else trust
    reader = Reader(location, SqliteReading(location.path, trust=chosen))
    try:
        reader.check(end=check_end)
    except BaseException:
        reader.close()
        raise
    return reader


Readable: TypeAlias = "JournalFile | Reader"
"""A journal of which earlier runs are asked: one that this process writes to, or one that it reads."""
