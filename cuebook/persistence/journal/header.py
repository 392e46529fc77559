"""The first and the last record of a journal: which journal it is, and whether it ends where it was left.

Knows no file; used by the writer and by readers alike.
"""

from __future__ import annotations

import os
import time

from cuebook.errors import JournalCorrupt, UnsupportedVersion
from cuebook.persistence.records.chain import FIRST_LINK, check_row
from cuebook.persistence.records.record import FORMAT_VERSION, Kind
from cuebook.persistence.records.row import Row
from cuebook.persistence.records.run_heads import JournalOpened
from cuebook.persistence.stores.port import Medium, Note, Reading

__all__ = ["check_end", "first_head", "opened_by"]


def first_head(old: JournalOpened | None = None, seq: int = 0, hash_: bytes = b"") -> JournalOpened:
    """The first head of a new journal; with `old`, one made from it when it ended at record `seq` with `hash_`."""
    journal_id, now = os.urandom(16), time.time()
    if old is None:
        return JournalOpened(journal_id, FORMAT_VERSION, now, _version())
    return JournalOpened(journal_id, FORMAT_VERSION, now, _version(), old.journal_id, seq, hash_)


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("cuebook")
    except metadata.PackageNotFoundError:  # run from a source tree that was never installed
        return "unknown"


def opened_by(first: Row | None, name: str) -> JournalOpened:
    """The head of the journal's first record, whose row (with its body) is `first`; `name` is the journal's.

    Raises:
        JournalCorrupt: it is damaged, or is no such record.
        UnsupportedVersion: a newer cuebook wrote it.
    """
    if first is None or first[0] != 1:
        raise JournalCorrupt(f"{name} is damaged: record 1 is missing", seq=1)
    record = check_row(first, FIRST_LINK)
    if record.kind is not Kind.JOURNAL:
        raise JournalCorrupt(f"{name} is damaged: record 1 does not name the journal", seq=1)
    head = JournalOpened.decode(record.head)
    if head.version > FORMAT_VERSION:
        raise UnsupportedVersion(f"{name} has journal format {head.version}; this cuebook reads up to {FORMAT_VERSION}")
    return head


def check_end(medium: Medium, reading: Reading, journal_id: bytes, note: Note | None) -> None:
    """Compare where the journal ends with what was noted beside it at its last commit.

    Args:
        medium: where it lies.
        reading: of it.
        journal_id: the journal's id.
        note: what was noted before; None or another journal's note tells nothing.

    Raises:
        JournalCorrupt: committed records are missing, or are others than were committed.
    """
    if note is None or note.journal_id != journal_id:
        return
    seq, hash_ = reading.last()
    if seq < note.seq:
        seat = medium.seat()
        raise JournalCorrupt(
            f"{note.seq - seq} committed results are missing from {medium.name}: it ends at record {seq}, its last "
            f"commit at {note.seq}. {seat.how_lost} To go on without them, {seat.reset}",
            seq=seq + 1,
        )
    if seq > note.seq:  # committed after that was noted
        row = reading.row(note.seq)
        hash_ = b"" if row is None else row[3]
    if hash_ != note.hash:
        raise JournalCorrupt(f"{medium.name} is damaged: record {note.seq} is not the one committed", seq=note.seq)
