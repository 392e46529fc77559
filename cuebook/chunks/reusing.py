"""Results of earlier runs for the calls of a new one: which there are, and their values. Knows no worker."""

from __future__ import annotations

import bisect
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from cuebook.actors.recovery import completed_indexes
from cuebook.persistence.heads import Completed
from cuebook.persistence.journal import JournalFile
from cuebook.persistence.record import Kind
from cuebook.persistence.replay import JournalState
from cuebook.persistence.reuse import Claim
from cuebook.persistence.values import ValueDecoder
from cuebook.runtime.errors import JournalCorrupt

__all__ = ["ResultReader", "ReusedValues", "read_claims", "unclaimed"]


@dataclass(frozen=True, slots=True)
class ReusedValues:
    """Values of one record for calls of the new run; `seconds` as they were measured then."""

    indexes: Sequence[int]
    values: list[Any]
    durations: Sequence[float]


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


def read_claims(file: JournalFile, claims: Sequence[Claim], decoder: ValueDecoder) -> Iterator[ReusedValues]:
    """The values of claimed calls, record by record, in the order of the journal.

    Blocks on the disk: run it in a thread. A record that is claimed whole costs one decode.

    Raises:
        JournalCorrupt: a record or a blob is damaged; nothing of it was given out.
    """
    by_run: dict[int, list[Claim]] = {}
    for claim in claims:
        by_run.setdefault(claim.source_run, []).append(claim)
    starts = {}
    for run, of_run in by_run.items():
        of_run.sort(key=lambda claim: claim.source_start)
        starts[run] = [claim.source_start for claim in of_run]
    for record in file.records(kinds=(Kind.COMPLETED,), runs=tuple(by_run)):
        head = Completed.decode(record.head)
        of_run = by_run[record.run]
        body = record.body or b""
        if head.start is not None:
            place = bisect.bisect_right(starts[record.run], head.start) - 1
            claim = of_run[max(place, 0)]
            offset = head.start - claim.source_start
            if offset >= 0 and offset + head.count <= claim.count:
                start = claim.start + offset
                values = decoder.decode_many(body, head.count)
                yield ReusedValues(range(start, start + head.count), values, _durations(head))
                continue
        part = _claimed_part(head, body, (of_run, starts[record.run]), decoder)
        if part.indexes:
            yield part


def _claimed_part(
    head: Completed, body: bytes, claims: tuple[list[Claim], list[int]], decoder: ValueDecoder
) -> ReusedValues:
    of_run, starts = claims
    lengths = array("I")
    lengths.frombytes(head.lengths)
    offsets = list(accumulate(lengths, initial=0))
    durations = _durations(head)
    indexes, values, seconds = [], [], []
    for place, ((begin, end), source) in enumerate(zip(pairwise(offsets), completed_indexes(head), strict=True)):
        at = bisect.bisect_right(starts, source) - 1
        if at < 0 or source >= of_run[at].source_start + of_run[at].count:
            continue
        indexes.append(of_run[at].start + source - of_run[at].source_start)
        values.append(decoder.decode(body[begin:end]))
        seconds.append(durations[place])
    return ReusedValues(indexes, values, seconds)


def _durations(head: Completed) -> Sequence[float]:
    durations = array("f")
    durations.frombytes(head.durations)
    return durations


class ResultReader:
    """Single results by run and index, for calls that come one at a time; remembers the record that it read last.

    Args:
        file: the journal. history: its state when the run was planned. decoder: of values.
    """

    def __init__(self, file: JournalFile, history: JournalState, decoder: ValueDecoder) -> None:
        self._file = file
        self._history = history
        self._decoder = decoder
        self._seq = 0
        self._head: Completed | None = None
        self._body = b""
        self._offsets: list[int] = []

    def read(self, run: int, index: int) -> tuple[Any, float]:
        """The value of a call, and the seconds it took.

        Raises:
            JournalCorrupt: its record is damaged or gone.
        """
        located = self._history.runs[run].locate(index)
        if located is None:
            raise JournalCorrupt(f"{self._file.path}: the result of call {index} of run {run} is missing")
        seq, place = located
        if seq != self._seq:
            self._load(seq, run)
        assert self._head is not None
        value = self._decoder.decode(self._body[self._offsets[place] : self._offsets[place + 1]])
        return value, _durations(self._head)[place]

    def _load(self, seq: int, run: int) -> None:
        for record in self._file.records(after=seq - 1, kinds=(Kind.COMPLETED,), runs=(run,)):
            self._head = Completed.decode(record.head)
            self._body = record.body or b""
            lengths = array("I")
            lengths.frombytes(self._head.lengths)
            self._offsets = list(accumulate(lengths, initial=0))
            self._seq = record.seq
            return
        raise JournalCorrupt(f"{self._file.path}: record {seq} is missing", seq=seq)
