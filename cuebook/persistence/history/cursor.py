"""Records wanted by number, mostly in ascending order: read in one pass where that is possible.

Knows no meaning of a record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cuebook.errors import JournalCorrupt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cuebook.persistence.journal.records import JournalRecords
    from cuebook.persistence.records.record import Kind, Record

__all__ = ["RecordCursor"]


class RecordCursor:
    """Reads records of one kind by run and number; begins anew only to go back or to another run."""

    def __init__(self, records: JournalRecords, kind: Kind) -> None:
        self._records = records
        self._kind = kind
        self._pass: Iterator[Record] = iter(())
        self._run = 0
        self._at = 0

    def read(self, run: int, seq: int) -> Record:
        """Record `seq`, with its body, checked.

        Raises:
            JournalCorrupt: it is damaged, or is no such record.
        Cost: a few us going forward; up to 50 ms going back.
        """
        if run != self._run or seq <= self._at:
            self._pass = self._records.records(after=seq - 1, kinds=(self._kind,), runs=(run,))
            self._run = run
        for record in self._pass:
            self._at = record.seq
            if record.seq == seq:
                return record
            if record.seq > seq:
                break
        self._run = 0
        raise JournalCorrupt(f"record {seq} is missing", seq=seq)
