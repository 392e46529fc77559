"""Results of earlier runs for the calls of a new one: which there are, and their values. Knows no worker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cuebook.errors import JournalCorrupt
from cuebook.persistence.history.marks import Marks
from cuebook.persistence.history.replay import JournalState
from cuebook.persistence.history.results import Decoder, RunResults, read_ranges
from cuebook.persistence.history.reuse import Claim
from cuebook.persistence.history.run import ReusedRange
from cuebook.persistence.journal.records import JournalRecords
from cuebook.persistence.records.bodies import durations_of, ends_of
from cuebook.persistence.records.record import Kind
from cuebook.persistence.records.run_heads import Completed

__all__ = ["ResultReader", "read_claims", "unclaimed"]


def unclaimed(total: int, claims: Sequence[Claim]) -> list[range]:
    """The calls of a list that are left to do, as ranges.

    >>> unclaimed(10, [Claim(1, 0, 2, 3), Claim(1, 9, 9, 1)])
    [range(0, 2), range(5, 9)]
    """
    left = []
    end = 0
    for claim in sorted(claims, key=lambda claim: claim.start):
        if claim.start > end:
            left.append(range(end, claim.start))
        end = claim.start + claim.count
    if end < total:
        left.append(range(end, total))
    return left


def read_claims(
    file: JournalRecords, history: JournalState, claims: Sequence[Claim], decoder: Decoder
) -> Iterator[RunResults]:
    """The values of claimed calls, record by record, in the order of the journal.

    Blocks on the disk: run it in a thread. A record that is claimed whole costs one decode.

    Raises:
        JournalCorrupt: a record or a blob is damaged, or (at the end) one is missing; nothing of it was given out.
    """
    seen = Marks()
    ranges = [ReusedRange(claim.source_run, claim.source_start, claim.start, claim.count) for claim in claims]
    yield from read_ranges(file, ranges, decoder, seen=seen, state=history)
    if seen.ones != sum(claim.count for claim in claims):
        raise JournalCorrupt(f"results that {file.name} says it has are missing: `cuebook verify` tells more")


class ResultReader:
    """Single results by run and index, for calls that come one at a time; remembers the record that it read last.

    Args:
        file: the journal. history: its state when the run was planned. decoder: of values.
    """

    def __init__(self, file: JournalRecords, history: JournalState, decoder: Decoder) -> None:
        self._file = file
        self._history = history
        self._decoder = decoder
        self._seq = 0
        self._place = 0
        self._head: Completed | None = None
        self._body = b""
        self._offsets: list[int] = []

    def read(self, run: int, index: int) -> tuple[Any, float]:
        """The value of a call, and the seconds it took.

        Raises:
            JournalCorrupt: its record is damaged or gone.
        """
        value = self._decoder.decode(self.encoded(run, index))
        assert self._head is not None
        return value, durations_of(self._head)[self._place]

    def encoded(self, run: int, index: int) -> bytes:
        """The value of a call, unopened; raises as `read`."""
        located = self._history.runs[run].locate(index)
        if located is None:
            raise JournalCorrupt(f"{self._file.name}: the result of call {index} of run {run} is missing")
        seq, self._place = located
        if seq != self._seq:
            self._load(seq, run)
        return self._body[self._offsets[self._place] : self._offsets[self._place + 1]]

    def _load(self, seq: int, run: int) -> None:
        record = self._file.record(seq)  # this one alone: what follows it may be all the rest of the journal
        if record.kind is not Kind.COMPLETED or record.run != run:
            raise JournalCorrupt(f"{self._file.name}: record {seq} holds no results of run {run}", seq=seq)
        self._head = Completed.decode(record.head)
        self._body = record.body or b""
        self._offsets = ends_of(self._head)
        self._seq = record.seq
