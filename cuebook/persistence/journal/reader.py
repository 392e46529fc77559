"""A journal, read: what the command and `Checkpoint.load` see of a journal that someone else may be writing.

Knows no value and executes nothing that it reads; never blocks or disturbs the writer.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from typing import Self

from cuebook.errors import JournalCorrupt, JournalError
from cuebook.persistence.journal.header import check_end, opened_by
from cuebook.persistence.journal.records import JournalRecords
from cuebook.persistence.stores.media import medium_of
from cuebook.persistence.stores.port import Holder, Medium, NewRows, Reading
from cuebook.persistence.trust.option import trust_of
from cuebook.persistence.trust.verdicts import Verdict, Writers

__all__ = ["Reader", "open_reader"]


class Reader(JournalRecords):
    """A journal opened for reading only. Synchronous; may pass from thread to thread; a context manager."""

    def __init__(self, medium: Medium, opened: AbstractContextManager[Reading]) -> None:
        """Use `open_reader`."""
        self._opened = opened
        self._reading = opened.__enter__()
        super().__init__(medium, lambda: nullcontext(self._reading))
        self._seat = medium.seat()
        self._is_open = True
        self._id = b""

    def check(self, *, end: bool = True) -> None:
        """Check the first record, and (unless `end` is False) that nothing is missing at the end. See `open_reader`."""
        note = self._seat.noted()  # before the last record: it may only be behind what is read after it
        if self._reading.last()[0] == 0:
            if note is not None and note.seq and end:
                raise JournalCorrupt(f"{self.name} is empty, but {note.seq} records were committed to it", seq=1)
            raise JournalError(f"{self.name} holds no journal yet")
        self._id = opened_by(self._reading.row(1), self.name).journal_id
        if end:
            check_end(self._medium, self._reading, self._id, note)

    def damage(self) -> list[str]:
        """What the store itself finds wrong, beyond the records: bad pages of a file; empty where all is well."""
        return self._reading.damage()

    def copy_into(self, new: NewRows) -> None:
        """Copy everything that is committed now into an empty place."""
        self._reading.copy_into(new)

    def holder(self) -> Holder | None:
        """Who writes to the journal now, or None."""
        return self._seat.occupant()

    def trouble(self) -> tuple[Holder, str] | None:
        """Who could not write any more, and why, where the last one could not."""
        note = self._seat.noted()
        return (note.holder, note.trouble) if note is not None and note.trouble else None

    @property
    def journal_id(self) -> bytes:
        """16 random bytes that name this journal."""
        return self._id

    @property
    def last_seq(self) -> int:
        """Number of the last record now."""
        return self._reading.end()

    def verdict(self) -> Verdict:
        """As `JournalWriter.verdict`."""
        return self._reading.verdict()

    def close(self) -> None:
        """Let go of the journal. Twice is fine."""
        if self._is_open:
            self._is_open = False
            self._opened.__exit__(None, None, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_reader(
    place: str | os.PathLike[str] | Medium, *, check_end: bool = True, trust: Writers | None = None
) -> Reader:
    """Open a journal for reading.

    Args:
        place: the path of its file, or where it lies.
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
    medium = medium_of(place)
    reader = Reader(medium, medium.reading(trust_of(None) if trust is None else trust))
    try:
        reader.check(end=check_end)
    except BaseException:
        reader.close()
        raise
    return reader
