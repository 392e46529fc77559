"""By which keys earlier calls are found again: an index that is kept in the journal, part by part, and read from there.

What it says is never more than where to look. A part that is damaged is made again. Knows no run's state.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from cuebook.errors import JournalCorrupt
from cuebook.persistence.history.arguments import BLOCK_CALLS
from cuebook.persistence.history.arguments_read import blocks_of
from cuebook.persistence.history.reuse import PLACE_BITS
from cuebook.persistence.journal.records import JournalRecords
from cuebook.persistence.recall.calls_part import BLOCKS_MAX, CallsPart
from cuebook.persistence.records.contents_heads import CallsKnown, calls_known_entry, known_blocks
from cuebook.persistence.records.record import Entry, Record
from cuebook.persistence.records.run_heads import Arguments

__all__ = ["Given", "KnownCalls"]

Place: TypeAlias = tuple[int, int]
"""The number of a record of arguments, and how many of its blocks lie before."""

_BEGINNING = (0, 0)


def _is_span(first: Place, last: Place, seq: int) -> bool:
    return min(*first, *last) >= 0 and first < last < (seq, 0)


class Given(NamedTuple):
    """A record of arguments that has a body: its number, its run and its head."""

    seq: int
    run: int
    head: Arguments

    @property
    def end(self) -> Place:
        """Behind its last block."""
        return self.seq, -(-self.head.count // BLOCK_CALLS)


@dataclass(slots=True)
class _Known:
    """What lies between two places.

    Attributes:
        seq: number of its record in the journal; 0 where there is none yet.
        part: what it says; None where that was not read yet.
    """

    first: Place
    last: Place
    seq: int
    part: CallsPart | None


class KnownCalls:
    """Which runs had which calls. What the journal has is told by `note_given` and `note_known`, in its order."""

    def __init__(self) -> None:
        self.calls = 0
        self._given: list[Given] = []
        self._known: list[_Known] = []
        self._open = CallsPart()
        self._to: Place = _BEGINNING
        self._reused: dict[int, list[tuple[int, int]]] = {}
        self._unsorted = set[int]()

    def note_given(self, given: Given) -> None:
        """There is one more record of arguments."""
        self._given.append(given)
        self.calls += max(given.head.count, 0)

    def note_reused(self, run: int, ranges: Iterable[tuple[int, int]]) -> None:
        """These calls of a run, each from a number up to another, took earlier results: they have none of their own."""
        self._reused.setdefault(run, []).extend(span for span in ranges if 0 <= span[0] < span[1])
        self._unsorted.add(run)

    def note_known(self, record: Record) -> None:
        """There is one more record of keys; its body is read where it is needed.

        Raises:
            JournalCorrupt: its head does not decode.
        """
        head = CallsKnown.decode(record.head)
        first, last = (head.first_seq, head.first_block), (head.last_seq, head.last_block)
        at = bisect.bisect_left(self._known, first, key=lambda each: each.first)
        if at < len(self._known) and self._known[at].first == first and self._known[at].last == last:
            self._known[at].seq = record.seq  # it is the one that was made here
        elif first == (self._known[at - 1].last if at else _BEGINNING) and _is_span(first, last, record.seq):
            # Whatever was known behind this place, some later process has begun there anew.
            self._begin_at(at)
            self._known.append(_Known(first, last, record.seq, None))
            self._to = last

    def is_due(self, until: int) -> bool:
        """Whether there is enough for one more part, up to record `until`."""
        left = [given for given in self.unknown()[:BLOCKS_MAX] if given.seq <= until]
        begun = self._to[1] if left and left[0].seq == self._to[0] else 0
        return self._open.blocks + sum(given.end[1] for given in left) - begun >= BLOCKS_MAX

    def unknown(self) -> Sequence[Given]:
        """The records of arguments that are not known yet, or not whole."""
        given = self._given
        at = bisect.bisect_left(given, self._to[0], key=lambda each: each.seq)
        return given[at + 1 if at < len(given) and given[at].end <= self._to else at :]

    def learn(self, file: JournalRecords, calls_max: int | None, until: int | None = None) -> None:
        """Take in what is not known yet, in order, until there were so many calls; up to record `until`.

        Raises:
            JournalCorrupt: a record of arguments is damaged.
        Cost: 1 us a call, and 20 us a record.
        """
        left = self.calls if calls_max is None else calls_max
        for given in self.unknown():
            if left <= 0 or (until is not None and given.seq > until):
                break
            before = self._to[1] if self._to[0] == given.seq else 0
            start = given.head.start + before * BLOCK_CALLS
            for block in itertools.islice(blocks_of(file.record(given.seq), given.head), before, None):
                if left <= 0:
                    break
                self._open.add(given.run, start, block, self._without_results(given.run, start, block.count))
                start, before, left = start + block.count, before + 1, left - block.count
                self._go_on((given.seq, before))

    def places(self, file: JournalRecords, keys: Collection[int]) -> dict[int, set[int]]:
        """The runs that may have had a call with one of these keys, of what is known.

        Of each the starts of its blocks, shifted by `PLACE_BITS`.

        Cost: 0.5 us a key and part, of which there is one for each 64,000 calls or 256 blocks; the first time all parts
            are read, 1.5 ms a megabyte.
        """
        found: dict[int, set[int]] = {}
        for part in (*self._read(file), self._open):
            for run, start in part.places(keys):
                found.setdefault(run, set()).add(start >> PLACE_BITS)
        return found

    def unsaved(self) -> list[Entry]:
        """The records that are to be kept, of what no record says yet."""
        return [
            calls_known_entry(each.first, each.last, each.part.as_told())
            for each in self._known
            if not each.seq and each.part is not None
        ]

    def _without_results(self, run: int, start: int, count: int) -> set[int]:
        """Which calls of a block took an earlier result: they are found where that was made, not in each run since."""
        spans = self._reused.get(run, [])
        if run in self._unsorted:
            spans.sort()
            self._unsorted.discard(run)
        first, end = bisect.bisect_right(spans, (start, start)) - 1, bisect.bisect_left(spans, (start + count,))
        within = spans[max(first, 0) : end]
        return {call - start for low, high in within for call in range(max(low, start), min(high, start + count))}

    def _go_on(self, to: Place) -> None:
        self._to = to
        if self._open.is_full:
            first = self._known[-1].last if self._known else _BEGINNING
            self._known.append(_Known(first, to, 0, self._open))
            self._open = CallsPart()

    def _read(self, file: JournalRecords) -> list[CallsPart]:
        found = []
        for at, each in enumerate(self._known):
            if each.part is None:
                try:
                    record = file.record(each.seq)
                    each.part = CallsPart(known_blocks(CallsKnown.decode(record.head), record))
                except JournalCorrupt:
                    self._begin_at(at)
                    break
            found.append(each.part)
        return found

    def _begin_at(self, at: int) -> None:
        """Know nothing from this part on."""
        del self._known[at:]
        self._open = CallsPart()
        self._to = self._known[-1].last if self._known else _BEGINNING
