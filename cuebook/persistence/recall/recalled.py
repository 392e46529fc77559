"""What this process has read of a journal stays read: its fold, and which runs had which calls, brought up to date.

Derived, and checked against the chain each time: it is begun anew where the journal does not have the record that was
read last. Knows no run's plan.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager

from cuebook.errors import JournalCorrupt, MalformedMessage
from cuebook.persistence.history.arguments import Block, block_keys
from cuebook.persistence.history.arguments_read import blocks_of
from cuebook.persistence.history.replay import JournalState, apply
from cuebook.persistence.journal.records import JournalRecords
from cuebook.persistence.recall.first_look import FEW_CALLS, ArgumentsAt, places_by_bytes
from cuebook.persistence.recall.known_calls import KnownCalls
from cuebook.persistence.recall.thin_fold import ThinFold
from cuebook.persistence.records.record import Kind, Record
from cuebook.persistence.records.run_heads import Arguments

__all__ = ["Recalled", "recalled"]

_JOURNALS_MAX = 4
_WHOLE_MAX = 4096
"""A journal of fewer records is folded whole."""
_KNOWN_AT_ONCE_MAX = 1 << 15
_LOOKS_MAX = 16
"""Knowing more calls than those costs as much as so many looks through their bytes."""
_READ_SINGLY_MAX = 256
"""So many records are read one by one; where there are more, one pass over the journal is cheaper."""


class Recalled:
    """A journal as this process knows it. One at a time asks it, see `recalled`.

    Attributes:
        state: the fold, up to the record that was read last.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.state = JournalState()
        self._thin: ThinFold | None = None
        self._hash = b""
        self._visits = self._looks = 0
        self._calls: KnownCalls | None = None
        self._indexed = 0
        self._takers: dict[int, set[int]] = {}
        self._taken_to = 0

    def catch_up(self, file: JournalRecords) -> None:
        """Read what was appended since.

        Raises:
            JournalCorrupt: a record is damaged.
        Cost: 4 us a new record; the first time all are new, of which those of calls are left for later where there are
            many, see `ThinFold`.
        """
        if not self._is_of(file):
            self._begin()
        try:
            if not self.state.last_seq:
                self._begin_thin(file)
            for record in file.records(after=self.state.last_seq, bodies=False):
                if self._thin is not None:
                    self._thin.before(file, record)
                apply(self.state, record)
                self._hash = record.hash
        except BaseException:  # a record half folded is nothing to go on from
            self._begin()
            raise
        self._visits += 1

    def _begin_thin(self, file: JournalRecords) -> None:
        end = file.last_seq
        if end > _WHOLE_MAX:
            self._thin = ThinFold(self.state, self.lock)
            if self._thin.begin(file, end):
                self._hash = file.record(end).hash
            else:
                self._begin()

    def places_of(
        self, file: JournalRecords, wanted: Sequence[Block], runs: Collection[int]
    ) -> dict[int, set[int] | None] | None:
        """The runs that had one of these calls, and those that took their arguments; None: ask all of them.

        Of each run the places that `KnownCalls.places` tells; None where any block of it may have one.

        A first run reads what it needs and no more. From the second on it pays to know which run had which call, and
        where there is much to be known, once a few runs have gone through all of it.

        Args:
            wanted: the new calls. runs: those of the same function.

        Cost: 2 us a call that was added since, the first time that it pays all were; before, as `places_by_bytes`.
        """
        count = sum(block.count for block in wanted)
        is_known = self._calls is not None or self._is_worth_knowing()
        if is_known and self._visits >= 2:
            if self._calls is None:
                self._calls = KnownCalls()
            self._index(file, self._calls)
            if 4 * count > len(self._calls):
                return None
            keys = [key for block in wanted for key in block_keys(block)]
            found: dict[int, set[int] | None] = {**self._calls.places(keys)}
        elif count <= FEW_CALLS:
            found = {**places_by_bytes(file, self._heads(self._with_sources(runs)), wanted)}
            self._looks += 1
        else:
            return None
        return self._with_takers(found)

    def _heads(self, runs: Iterable[int]) -> list[ArgumentsAt]:
        """The records that hold arguments of these runs, in ascending order."""
        told = (each for number in runs for each in self.state.runs[number].arguments)
        return sorted(
            (ArgumentsAt(seq, head) for seq, head in told if head.source_run is None), key=lambda each: each.seq
        )

    def _is_worth_knowing(self) -> bool:
        calls = sum(run.known for run in self.state.runs.values())
        return calls <= _KNOWN_AT_ONCE_MAX or self._looks >= _LOOKS_MAX

    def _with_takers(self, found: dict[int, set[int] | None]) -> dict[int, set[int] | None]:
        self._note_takers()
        waiting = list(found)
        while waiting:
            for taker in self._takers.get(waiting.pop(), ()):
                if found.get(taker, ()) is not None:
                    found[taker] = None
                    waiting.append(taker)
        return found

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
            return last > 0 and file.record(last).hash == self._hash
        except JournalCorrupt:
            return False  # reading it anew tells what is wrong with it

    def _begin(self) -> None:
        self.state, self._thin, self._hash, self._visits, self._looks = JournalState(), None, b"", 0, 0
        self._calls, self._indexed, self._takers, self._taken_to = None, 0, {}, 0

    def _index(self, file: JournalRecords, calls: KnownCalls) -> None:
        try:
            for record in file.records(after=self._indexed, kinds=(Kind.ARGUMENTS,)):
                if record.seq > self.state.last_seq:
                    break
                head = Arguments.decode(record.head)
                start = head.start
                for block in blocks_of(record, head):
                    calls.add(record.run, start, block_keys(block))
                    start += block.count
        except (JournalCorrupt, MalformedMessage):
            self._calls, self._indexed = None, 0
            raise
        self._indexed = self.state.last_seq

    def _note_takers(self) -> None:
        """Which runs took arguments of which: of the runs that were opened since, and of the last ones again."""
        numbers = list(self.state.runs)
        for number in numbers[self._taken_to :]:
            for _, head in self.state.runs[number].arguments:
                if head.source_run is not None:
                    self._takers.setdefault(head.source_run, set()).add(number)
        self._taken_to = max(0, len(numbers) - _MAY_GROW)


_MAY_GROW = 64
"""So many of the newest runs may get more arguments: as many as may be under way in one process and one journal."""


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
    Memory: that of the folds of the last four journals, and 16 bytes a call once it was asked twice.
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
