"""Where the records of runs lie among those of their results: a list that the journal itself keeps, part by part.

A part is a record of the chain, so it is as good as any other: whoever changes it has to make all after it anew. Where
one is damaged, or was never written, the journal is gone through instead. Knows no run.
"""

from __future__ import annotations

import asyncio
import bisect
from array import array
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cuebook.errors import JournalCorrupt
from cuebook.persistence.journal.records import JournalRecords
from cuebook.persistence.records.contents_heads import Contents, contents_entry
from cuebook.persistence.records.record import Entry, Kind, Record

__all__ = ["LISTED", "ContentsBook", "ContentsCheck", "ListedRecords", "leave_book", "listing", "read_book"]

LISTED = frozenset(
    {
        Kind.RUN_OPENED, Kind.ARGUMENTS, Kind.REUSED, Kind.STATE, Kind.RUN_CLOSED, Kind.FORGOTTEN, Kind.CALLS_KNOWN,
    }
)  # fmt: skip
"""What is said of runs, results and failures aside: of these there are few."""

_KINDS = sorted({*LISTED, Kind.CONTENTS})
_FIRST_RECORDS = 4096
_RECORDS_MIN = 1024
_SHARE = 64
_SLICE_RECORDS = 1 << 16
_SLACK_RECORDS = 1024


class ListedRecords(NamedTuple):
    """Numbers of all listed records behind record `since` and up to record `until`, ascending.

    Those before and behind are to be looked for.
    """

    since: int
    until: int
    seqs: array[int]

    def records(self, file: JournalRecords, end: int) -> Iterator[Record]:
        """All listed records up to record `end`, and the first of all, in their order and without bodies.

        Raises:
            JournalCorrupt: a record is damaged or missing.
        """
        yield from file.records_at((1,))
        kinds = sorted(LISTED)
        if self.since:
            yield from file.records(until=self.since, kinds=kinds, bodies=False)
        yield from file.records_at(self.seqs)
        yield from file.records(after=self.until, until=end, kinds=kinds, bodies=False)


class ContentsBook:
    """What the next part is to list.

    Attributes:
        runs: the highest number of a run so far; 0 where there is none.
    """

    def __init__(self) -> None:
        self.runs = 0
        self._before = 0
        self._listed = array("Q")

    @property
    def before(self) -> int:
        """Number of the record that is the last part; 0 where there is none."""
        return self._before

    def begin_at(self, seq: int, runs: int) -> None:
        """Record `seq` is a part; nothing is behind it yet."""
        self._before, self._listed = seq, array("Q")
        self.runs = max(self.runs, runs)

    def note(self, seq: int, kind: Kind, run: int) -> None:
        """There is a record behind the last part."""
        if kind in LISTED:
            self._listed.append(seq)
            if kind is Kind.RUN_OPENED and run > self.runs:
                self.runs = run

    def due(self, entries: Sequence[Entry], seq: int) -> Entry | None:
        """The part that is to follow `entries`, which follow record `seq`; None: not yet. Changes nothing."""
        end = seq + len(entries)
        if end - self._before < _interval(end):
            return None
        grown = ContentsBook()
        grown.runs, grown._listed = self.runs, self._listed[:]
        grown.accept(entries, seq, None)
        return contents_entry(self._before, grown.runs, grown._listed)

    def accept(self, entries: Sequence[Entry], seq: int, part: Entry | None) -> None:
        """They follow record `seq` now, and so does the part, where there is one."""
        for number, entry in enumerate(entries, seq + 1):
            self.note(number, entry.kind, entry.run)
        if part is not None:
            self.begin_at(seq + len(entries) + 1, self.runs)


class _Left(NamedTuple):
    """A book as it was when its journal was closed, behind record `seq`, which had this hash."""

    seq: int
    hash: bytes
    book: ContentsBook


_left: OrderedDict[bytes, _Left] = OrderedDict()
_LEFT_MAX = 16


def leave_book(journal_id: bytes, end: tuple[int, bytes], book: ContentsBook) -> None:
    """Whoever opens the journal next in this process need not read what is in it.

    Args:
        end: number and hash of its last record.
    """
    _left[journal_id] = _Left(*end, book)
    while len(_left) > _LEFT_MAX:
        _left.popitem(last=False)


async def read_book(file: JournalRecords, journal_id: bytes, end: int) -> ContentsBook:
    """The book of a journal that ends with record `end`.

    Raises:
        JournalCorrupt: a record is damaged or missing.
    Cost: a pass over the records behind the last part, at most a 64th of all, 0.15 us each; over all of a journal that
        has no part. Holds the loop for 10 ms at a time.
    """
    left = _left.pop(journal_id, None)
    is_known = left is not None and left.seq <= end and _hash_at(file, left.seq) == left.hash
    for start in (left.seq,) if left is not None and is_known else _starts(end):
        book, at = left.book if left is not None and is_known else ContentsBook(), start
        while at < end:
            until = min(end, at + _SLICE_RECORDS)
            # All at once: whoever asks for a part while the others are being read opens the journal once more.
            for record in [*file.records(after=at, until=until, kinds=_KINDS, bodies=False)]:
                _note(book, file, record)
            at = until
            await asyncio.sleep(0)
        if is_known or book.before or not start:
            return book
    raise AssertionError("the last pass is over all")


def _hash_at(file: JournalRecords, seq: int) -> bytes:
    try:
        return next(file.records_at((seq,))).hash
    except JournalCorrupt:
        return b""


def _note(book: ContentsBook, file: JournalRecords, record: Record) -> None:
    if record.kind is Kind.CONTENTS:
        part = _part(file, record.seq)
        if part is not None:
            book.begin_at(record.seq, part[0].runs)
    else:
        book.note(record.seq, record.kind, record.run)


def listing(file: JournalRecords, end: int) -> ListedRecords:
    """All that the parts list, up to record `end` and back to one that is damaged, where one is.

    Cost: 15 us a part, of which there are some 64 and 64 more each time the journal grows to 2.7 times its size.
    """
    at = until = _newest(file, end)
    found: list[array[int]] = []
    while at and (part := _part(file, at)) is not None:
        found.append(part[1])
        at = part[0].before
    seqs = array("Q")
    for each in reversed(found):
        seqs.extend(each)
    return ListedRecords(at, until, seqs)


def _newest(file: JournalRecords, end: int) -> int:
    found = 0
    for start in _starts(end)[:-1]:
        for record in file.records(after=start, until=end, kinds=(Kind.CONTENTS,), bodies=False):
            found = record.seq
        if found:
            break
    return found


def _part(file: JournalRecords, seq: int) -> tuple[Contents, array[int]] | None:
    """The head of a part and what it lists; None where it is damaged."""
    try:
        record = file.record(seq)
        if record.kind is not Kind.CONTENTS:
            return None
        head = Contents.decode(record.head)
        return head, head.listed(record)
    except JournalCorrupt:
        return None


def _interval(end: int) -> int:
    """A part comes so many records behind the one before: often enough, and not too often."""
    return _FIRST_RECORDS if end < 2 * _FIRST_RECORDS else max(_RECORDS_MIN, end // _SHARE)


def _starts(end: int) -> list[int]:
    """From where to look for the last part: where it should be, then further back, then from the beginning."""
    near = _interval(end) + _SLACK_RECORDS
    return [*dict.fromkeys((max(end - near, 0), max(end - 4 * near, 0))), 0]


class ContentsCheck:
    """Whether each part lists what there is, told by a walk over all records."""

    def __init__(self) -> None:
        self._runs = 0
        self._listed = array("Q")

    def note(self, record: Record) -> None:
        """The next record, with its body.

        Raises:
            JournalCorrupt: it is a part that lists something else than the records that were noted.
        """
        if record.kind in LISTED:
            self._listed.append(record.seq)
            if record.kind is Kind.RUN_OPENED:
                self._runs = max(self._runs, record.run)
        elif record.kind is Kind.CONTENTS:
            head = Contents.decode(record.head)
            there = self._listed[bisect.bisect_right(self._listed, head.before) :]
            if head.listed(record) != there or head.runs != self._runs:
                raise JournalCorrupt(f"record {record.seq} lists other records than there are", seq=record.seq)
