"""The state of one run, as its records tell it one after the other.

Knows no other run, no file and no body.
"""

from __future__ import annotations

import bisect
from array import array
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cuebook.errors import JournalCorrupt
from cuebook.persistence.history.marks import DoneCalls, Marks
from cuebook.persistence.records.bodies import durations_of
from cuebook.persistence.records.fields import is_moment
from cuebook.persistence.records.run_heads import (
    STATES_KEPT,
    Arguments,
    Closing,
    Completed,
    Failed,
    Reused,
    RunClosed,
    RunOpened,
    StateKept,
)
from cuebook.persistence.stores.port import Holder

__all__ = ["RESULTS_MAX", "ReusedRange", "RunState", "RunStatus"]

RESULTS_MAX = 1 << 33
"""Calls of one run, at most: a record beyond is damage, and must not cost memory."""


_SPAN_BITS = 8
_OF_CALLS = frozenset(
    {
        "_made", "own", "done", "failures", "reused", "states", "completed", "seconds", "last_at", "_seqs", "_starts",
        "_counts", "_scattered", "_places", "_spans", "_by_start",
    }
)  # fmt: skip
"""What records of calls have a say in."""


class RunStatus(StrEnum):
    """What has become of a run; abandoned: nobody closed it and nobody runs it."""

    RUNNING = "running"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True)
class ReusedRange:
    """Calls `[start, start + count)` have the results of `[source_start, source_start + count)` of `source_run`."""

    source_run: int
    source_start: int
    start: int
    count: int


class RunState:
    """What the journal says of one run.

    Attributes:
        number: the run's number.
        opened_seq, opened: its first record.
        arguments: number and head of each record of arguments, in order.
        done: the calls that have a result, their own or reused.
        own: the calls whose result lies in a record of this run and was not forgotten.
        failures: number of the record and head, by call; a call that completed later is not among them.
        reused: what was taken from earlier runs.
        states: number of the record and head of the newest two states of a call, oldest first, by call.
        closed_seq, closed: its last record, 0 and None where there is none.
        completed: number of calls with a result of their own. seconds: what these took together.
        last_at: when the last of them began, seconds since the epoch; 0 where there is none.
        is_forgotten: nothing of it is to be reused.
    """

    def __init__(self, number: int, seq: int, opened: RunOpened) -> None:
        self.number = number
        self.opened_seq = seq
        self.opened = opened
        self.arguments: list[tuple[int, Arguments]] = []
        self.closed_seq = 0
        self.closed: RunClosed | None = None
        self.is_forgotten = False
        self._load: Callable[[int], None] | None = None
        self.begin_calls()

    def begin_calls(self) -> None:
        """Nothing is known of its calls but their arguments."""
        self._load = None
        self._made = Marks()
        self.own = self._made
        self.done = DoneCalls(self._made)
        self.failures: dict[int, tuple[int, Failed]] = {}
        self.reused: list[ReusedRange] = []
        self.states: dict[int, list[tuple[int, StateKept]]] = {}
        self.completed = 0
        self.seconds = 0.0
        self.last_at = 0.0
        self._seqs = array("Q")
        self._starts = array("Q")
        self._counts = array("Q")
        self._scattered: dict[int, Sequence[int]] = {}
        self._places: Places | None = None
        self._spans: dict[int, tuple[int, int]] = {}
        self._by_start: tuple[list[int], list[ReusedRange]] | None = None

    def leave_calls_out(self, load: Callable[[int], None]) -> None:
        """What its records of calls say is folded in when somebody asks for it: by `load(number)`."""
        for name in _OF_CALLS:
            delattr(self, name)
        self._load = load

    def __getattr__(self, name: str) -> Any:
        load = self.__dict__.get("_load")
        if load is None or name not in _OF_CALLS:
            raise AttributeError(f"a run has no {name!r}", name=name, obj=self)
        load(self.number)
        return self.__dict__[name]

    @property
    def total(self) -> int | None:
        """Number of its calls; None while the source has not ended."""
        if self.opened.total is not None:
            return self.opened.total
        return None if self.closed is None else self.known

    @property
    def known(self) -> int:
        """Number of calls whose arguments are journaled."""
        return self.arguments[-1][1].start + self.arguments[-1][1].count if self.arguments else 0

    @property
    def reused_count(self) -> int:
        """Number of calls that took an earlier result."""
        return sum(each.count for each in self.reused)

    @property
    def results_count(self) -> int:
        """Number of calls that have a result; as its last record tells it, where its calls are not folded in."""
        return self.done.count() if self._load is None or self.closed is None else self.closed.done

    @property
    def has_nothing(self) -> bool:
        """Whether it is over, with no result of its own and no failure, as its last record says."""
        return self.closed is not None and self.closed.done == self.closed.reused and not self.closed.failed

    def status(self, holder: Holder | None) -> RunStatus:
        """What has become of it, where `holder` writes to the journal now."""
        if self.closed is not None:
            return _STATUS[self.closed.status]
        return RunStatus.RUNNING if holder is not None and self.is_of(holder) else RunStatus.ABANDONED

    def is_of(self, holder: Holder) -> bool:
        """Whether that process has begun it."""
        return (holder.host, holder.pid) == (self.opened.host, self.opened.pid)

    def results(self) -> Iterator[tuple[int, Sequence[int]]]:
        """Number of each COMPLETED record, and its calls in the order of their values."""
        for record, seq in enumerate(self._seqs):
            yield seq, self._calls_of(record)

    def locate(self, index: int) -> tuple[int, int] | None:
        """Number of the record that holds a call's own result, and the place of its value in it.

        Cost: a microsecond; the first time after a change, 8 bytes and some nanoseconds a call.
        """
        places = self._places
        if places is None:  # others may fold more in meanwhile: what is found here is right for what there was
            places = self._places = _indexed(self._calls_of(record) for record in range(len(self._seqs)))
        record = places.record_of(index)
        return None if record is None else (self._seqs[record], self._calls_of(record).index(index))

    def records_of(self, low: int, end: int) -> tuple[int, int]:
        """The first and the last record, at the outside, that hold results of calls [low, end); 0 and 0 where none do.

        Cost: a microsecond for each 256 of the calls.
        """
        first, last = low >> _SPAN_BITS, (end - 1) >> _SPAN_BITS
        among = range(first, last + 1) if last - first < len(self._spans) else self._spans
        found = [self._spans[page] for page in among if first <= page <= last and page in self._spans]
        return (min(span[0] for span in found), max(span[1] for span in found)) if found else (0, 0)

    def reused_from(self, index: int) -> tuple[int, int] | None:
        """The run and call whose result this call took, or None."""
        for each in self.reused_within(index, index + 1):
            return each.source_run, each.source_start + index - each.start
        return None

    def reused_within(self, low: int, end: int) -> Iterator[ReusedRange]:
        """The ranges taken from earlier runs that have calls of [low, end), in the order of the calls."""
        by_start = self._by_start
        if by_start is None:
            ranges = sorted(self.reused, key=lambda each: each.start)
            by_start = self._by_start = ([each.start for each in ranges], ranges)
        starts, ranges = by_start
        for at in range(max(bisect.bisect_right(starts, low) - 1, 0), bisect.bisect_left(starts, end)):
            if ranges[at].start + ranges[at].count > low:
                yield ranges[at]

    def add_arguments(self, seq: int, head: Arguments) -> None:
        """Fold in an ARGUMENTS record."""
        if head.start != self.known or head.count < 0:
            raise JournalCorrupt(f"record {seq}: the arguments of run {self.number} have a gap", seq=seq)
        self.arguments.append((seq, head))

    def add_completed(self, seq: int, head: Completed) -> None:
        """Fold in a COMPLETED record. A call that had a result keeps it: first committed wins."""
        record, start, count = len(self._seqs), head.start, head.count
        if start is None:
            places = head.places
            self._scattered[record] = places
            self._check_end(max(places) + 1, seq)
            fresh = sum(self._make(place, place + 1) for place in places)
            start = min(places)
        else:
            places = range(start, start + count)
            self._check_end(places.stop, seq)
            fresh = self._make(start, places.stop)
        if self.failures:
            self._succeeded(places)
        for page in _pages(places):
            self._spans[page] = (self._spans.get(page, (seq, seq))[0], seq)
        self._seqs.append(seq)
        self._starts.append(start)
        self._counts.append(count)
        self._places = None
        self.completed += fresh
        took = sum(durations_of(head))
        if is_moment(took):  # nothing that is read decides over the others' sum
            self.seconds += took
        self.last_at = max(self.last_at, head.t0)

    def add_failed(self, seq: int, head: Failed) -> None:
        """Fold in a FAILED record."""
        if not self.done[head.index]:
            self.failures[head.index] = (seq, head)

    def add_reused(self, seq: int, head: Reused) -> None:
        """Fold in a REUSED record."""
        for source_run, source_start, start, count in head.ranges:
            if count:
                self._check_end(start + count, seq)
                self.done.take(start, start + count)
                self.reused.append(ReusedRange(source_run, source_start, start, count))
        self._by_start = None

    def add_state(self, seq: int, head: StateKept) -> None:
        """Fold in a STATE record."""
        kept = self.states.setdefault(head.index, [])
        kept.append((seq, head))
        del kept[:-STATES_KEPT]

    def add_closed(self, seq: int, head: RunClosed) -> None:
        """Fold in the RUN_CLOSED record."""
        self.closed_seq, self.closed = seq, head

    def forget(self, index: int) -> None:
        """The result of one call is not to be reused."""
        if self.own is self._made:
            self.own = self._made.copy()
        self.own.drop(index)

    def forget_all(self) -> None:
        """No result so far is to be reused."""
        self.own = Marks()
        self.is_forgotten = True

    def _calls_of(self, record: int) -> Sequence[int]:
        scattered = self._scattered.get(record)
        if scattered is not None:
            return scattered
        return range(self._starts[record], self._starts[record] + self._counts[record])

    def _check_end(self, end: int, seq: int) -> None:
        if end > RESULTS_MAX or (self.opened.total is not None and end > self.opened.total):
            raise JournalCorrupt(
                f"record {seq} has a result for call {end - 1}, which run {self.number} has not", seq=seq
            )

    def _make(self, start: int, end: int) -> int:
        """Calls that this run has made; those that had a result keep it."""
        if not self.done.has_taken:
            return self._own(start, end)
        return sum(self._own(low, high) for low, high in [*_missing(self.done, start, end)])

    def _own(self, start: int, end: int) -> int:
        if self.own is not self._made:
            for low, high in _missing(self._made, start, end):
                self.own.add(low, high)
        return self._made.add(start, end)

    def _succeeded(self, places: Sequence[int]) -> None:
        # Whichever is shorter is gone through: there may be many failures, or one record of very many calls.
        if len(places) <= len(self.failures):
            for place in places:
                self.failures.pop(place, None)
            return
        among = places if isinstance(places, range) else frozenset(places)
        for place in [place for place in self.failures if place in among]:
            del self.failures[place]


class Places:
    """Which record holds a call's result, by the number of the record: 8 bytes a call, where there are calls."""

    def __init__(self) -> None:
        self._pages: dict[int, array[int]] = {}

    def put(self, calls: Sequence[int], record: int) -> None:
        """The results of these calls lie in a record."""
        pages, wanted = self._pages, record + 1
        for call in calls:
            page = pages.get(call >> 8)
            if page is None:
                page = pages[call >> 8] = array("Q", bytes(8 << 8))
            page[call & 255] = wanted

    def record_of(self, call: int) -> int | None:
        """The record of a call; None where there is none."""
        page = self._pages.get(call >> 8)
        found = 0 if page is None else page[call & 255]
        return found - 1 if found else None


def _indexed(records: Iterator[Sequence[int]]) -> Places:
    places = Places()
    for record, calls in reversed([*enumerate(records)]):  # so that the first committed is written last
        places.put(calls, record)
    return places


def _pages(places: Sequence[int]) -> Collection[int]:
    if isinstance(places, range):
        return range(places.start >> _SPAN_BITS, ((places.stop - 1) >> _SPAN_BITS) + 1)
    return {place >> _SPAN_BITS for place in places}


def _missing(marks: Marks | DoneCalls, start: int, end: int) -> Iterator[tuple[int, int]]:
    at = marks.gap(start, end)
    while at < end:
        stop = marks.find(at, end)
        stop = end if stop < 0 else stop
        yield at, stop
        at = marks.gap(stop, end)


_STATUS = {
    Closing.FINISHED: RunStatus.FINISHED,
    Closing.INTERRUPTED: RunStatus.INTERRUPTED,
    Closing.FAILED: RunStatus.FAILED,
}
