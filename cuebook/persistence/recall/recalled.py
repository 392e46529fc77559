"""What this process has read of a journal stays read: its fold, and which runs had which calls, brought up to date.

Derived, and checked against the chain each time: it is begun anew where the journal does not have the record that was
read last. Knows no run's plan.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager

from cuebook.errors import JournalCorrupt
from cuebook.persistence.history.arguments import Block
from cuebook.persistence.history.arguments_read import blocks_of
from cuebook.persistence.history.replay import JournalState, apply
from cuebook.persistence.journal.contents import LISTED, listing
from cuebook.persistence.journal.records import JournalRecords
from cuebook.persistence.recall.calls_part import short_keys
from cuebook.persistence.recall.first_look import FEW_CALLS, ArgumentsAt, places_by_bytes
from cuebook.persistence.recall.known_calls import Given, KnownCalls
from cuebook.persistence.recall.thin_fold import ThinFold
from cuebook.persistence.records.record import Entry, Kind, Record
from cuebook.persistence.records.run_heads import Arguments, Reused

__all__ = ["Recalled", "recalled"]

_JOURNALS_MAX = 4
_WHOLE_MAX = 4096
"""A journal of fewer records is folded whole."""
_OF_RUNS = sorted({*LISTED, Kind.JOURNAL, Kind.COMPLETED, Kind.FAILED})
_KEPT_CALLS_MAX = 1 << 20
"""So many calls one run takes into the index, where that is kept for all runs to come."""
_LOOKS = 2
"""So many runs look through the bytes of calls before one takes them in: there may not be more runs than that."""
_CALLS_MAX = 1 << 11
"""So many where it is not, or not yet."""
_READ_SINGLY_MAX = 256
"""So many records are read one by one; where there are more, one pass over the journal is cheaper."""


class Recalled:
    """A journal as this process knows it. One at a time asks it, see `recalled`.

    Attributes:
        state: the fold, up to the record that was read last.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._visits = 0
        self._thin: ThinFold | None = None
        self._begin()

    def catch_up(self, file: JournalRecords) -> None:
        """Read what was appended since.

        Raises:
            JournalCorrupt: a record is damaged.
        Cost: 4 us a new record of runs; the first time all are new, of which those of calls are left for later where
            there are many, see `ThinFold`.
        """
        if not self._is_of(file):
            self._begin()
        try:
            end = file.last_seq
            if not self.state.last_seq and end > _WHOLE_MAX:
                self._begin_thin(file, end)
            if self.state.last_seq < end:
                for record in file.records(after=self.state.last_seq, until=end, kinds=_OF_RUNS, bodies=False):
                    if self._thin is not None:
                        self._thin.before(file, record)
                    apply(self.state, record)
                    self._note(record)
                self.state.last_seq = end
                self._hash = _hash_of(file, end)
        except BaseException:  # a record half folded is nothing to go on from
            self._begin()
            raise
        self._visits += 1

    def _begin_thin(self, file: JournalRecords, end: int) -> None:
        self._thin = ThinFold(self.state, self.lock)
        if self._thin.begin(file, listing(file, end), end, self._note):
            self._hash = _hash_of(file, end)
        else:
            self._begin()

    def places_of(
        self, file: JournalRecords, wanted: Sequence[Block], may_have: Callable[[int], bool]
    ) -> dict[int, set[int] | None] | None:
        """The runs that may have had one of these calls, and those that took their arguments; None: ask all of them.

        Of each run the starts of its blocks, shifted by `PLACE_BITS`; None where any block of it may have one.

        Args:
            wanted: the new calls. may_have: whether a run is of interest.

        Cost: 0.5 us a new call and part of the index, and 30 ms for each million calls that the index does not have
            yet; taking them in, 1 us a call, at most 1,048,576 in one run.
        """
        count = sum(block.count for block in wanted)
        if count > FEW_CALLS and 4 * count > self._calls.calls:
            return None
        looked_at = self._looked_at()
        if self._calls.is_due(looked_at):
            self._calls.learn(file, _KEPT_CALLS_MAX, looked_at)
        elif self._visits > 1:
            self._calls.learn(file, _CALLS_MAX)
        if count > FEW_CALLS:
            self._calls.learn(file, None)
        found: dict[int, set[int] | None] = {**self._calls.places(file, short_keys(wanted))}
        left = [ArgumentsAt(seq, head) for seq, run, head in self._calls.unknown() if may_have(run)]
        for run, places in places_by_bytes(file, left, wanted).items() if left else ():
            found[run] = places | (found.get(run) or set())
        return self._with_takers({run: places for run, places in found.items() if may_have(run)})

    def _looked_at(self) -> int:
        """The record up to which enough runs have looked for their calls."""
        after = next(itertools.islice(reversed(self.state.runs.values()), _LOOKS - 1, None), None)
        return 0 if after is None else after.opened_seq

    def unsaved(self) -> list[Entry]:
        """Records that spare later processes some of the work that this one has done, to be appended by whoever can."""
        return self._calls.unsaved()

    def _with_takers(self, found: dict[int, set[int] | None]) -> dict[int, set[int] | None]:
        waiting = list(found)
        while waiting:
            for taker in self._takers_of(waiting.pop()):
                if found.get(taker, ()) is not None:
                    found[taker] = None
                    waiting.append(taker)
        return found

    def _takers_of(self, source: int) -> set[int]:
        """The runs that took their arguments of this one, or of one that did, and have something of their own."""
        # A program that is run a thousand times over makes a chain, or a star, of runs that all did nothing.
        takers = self._takers.get(source, set())
        done, waiting = set[int](), list(takers)
        while waiting:
            taker = waiting.pop()
            run = self.state.runs.get(taker)
            if taker in done or taker == source or run is None or run.has_nothing:
                takers.discard(taker)
                if taker not in done and taker != source:
                    waiting.extend(self._takers.pop(taker, ()))
                done.add(taker)
            else:
                takers.add(taker)
        return takers

    def _note(self, record: Record) -> None:
        if record.kind is Kind.CALLS_KNOWN:
            self._calls.note_known(record)
        elif record.kind is Kind.REUSED:
            told = Reused.decode(record.head).ranges
            self._calls.note_reused(record.run, [(start, start + count) for _, _, start, count in told])
        elif record.kind is Kind.ARGUMENTS:
            _, head = self.state.runs[record.run].arguments[-1]
            if head.source_run is None:
                self._calls.note_given(Given(record.seq, record.run, head))
            else:
                self._takers.setdefault(head.source_run, set()).add(record.run)

    def blocks(self, file: JournalRecords, wanted: Iterable[int]) -> dict[int, list[Block]]:
        """The arguments of these runs, where they are the same as another's shared with it.

        Raises:
            JournalCorrupt: a record is damaged.
        """
        runs = self._with_sources(wanted)
        heads = sorted((seq, number, head) for number in runs for seq, head in self.state.runs[number].arguments)
        found: dict[int, list[Block]] = {number: [] for number in sorted(runs)}
        bodies = self._bodies(file, [seq for seq, _, head in heads if head.source_run is None], runs)
        for seq, number, head in heads:
            if head.source_run is not None:
                found[number].extend(_slice(found.get(head.source_run, []), head.source_start, head.count))
                continue
            of_record = next(bodies, (seq, []))
            if of_record[0] != seq:
                raise JournalCorrupt(f"record {seq} of {file.name} is missing", seq=seq)
            found[number].extend(of_record[1])
        return found

    def _bodies(
        self, file: JournalRecords, seqs: Sequence[int], runs: Collection[int]
    ) -> Iterator[tuple[int, list[Block]]]:
        if len(seqs) <= _READ_SINGLY_MAX:
            records: Iterator[Record] = (file.record(seq) for seq in seqs)
        else:
            records = file.records(after=seqs[0] - 1, kinds=(Kind.ARGUMENTS,), runs=tuple(runs))
        wanted = frozenset(seqs)
        for record in records:
            if record.seq in wanted:
                yield record.seq, list(blocks_of(record, Arguments.decode(record.head)))

    def _with_sources(self, wanted: Iterable[int]) -> set[int]:
        found, waiting = set[int](), list(wanted)
        while waiting:
            number = waiting.pop()
            run = self.state.runs.get(number)
            if run is None or number in found:
                continue
            found.add(number)
            waiting.extend(head.source_run for _, head in run.arguments if head.source_run is not None)
        return found

    def _is_of(self, file: JournalRecords) -> bool:
        last = self.state.last_seq
        try:
            return last > 0 and _hash_of(file, last) == self._hash
        except JournalCorrupt:
            return False  # reading it anew tells what is wrong with it

    def _begin(self) -> None:
        self.state, self._hash, self._visits, self._thin = JournalState(), b"", 0, None
        self._calls = KnownCalls()
        self._takers: dict[int, set[int]] = {}


def _hash_of(file: JournalRecords, seq: int) -> bytes:
    return next(file.records_at((seq,))).hash


def _slice(blocks: Sequence[Block], start: int, count: int) -> list[Block]:
    """The blocks that hold calls `[start, start + count)`; both ends lie between blocks."""
    picked = []
    at = 0
    for block in blocks:  # a block is written whole or not at all, so no range begins within one
        if start <= at and at + block.count <= start + count:
            picked.append(block)
        at += block.count
    return picked


_known: OrderedDict[bytes, Recalled] = OrderedDict()
_guard = threading.Lock()


@contextmanager
def recalled(file: JournalRecords, journal_id: bytes) -> Iterator[Recalled]:
    """What is known of an open journal, up to date; nobody else asks it while the block lasts.

    Raises:
        JournalCorrupt: a record is damaged.
    Memory: that of the folds of the last four journals, and 5 bytes a call.
    """
    with _guard:
        found = _known.setdefault(journal_id, Recalled())
        _known.move_to_end(journal_id)
        while len(_known) > _JOURNALS_MAX:
            _known.popitem(last=False)
    with found.lock:
        found.catch_up(file)
        yield found


def _forget_in_child() -> None:
    global _guard
    _known.clear()
    _guard = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
