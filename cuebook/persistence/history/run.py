"""The state of one run, as its records tell it one after the other.

Knows no other run, no file and no body.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cuebook.errors import JournalCorrupt
from cuebook.persistence.records.bodies import durations_of
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

_BYTES = [bytes([1]) * count for count in range(1025)]


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
        done: a byte for each call up to the last one known to be done: 1 where it has a result, its own or reused.
        own: a byte for each call: 1 where the result lies in a record of this run and was not forgotten.
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
        self.done = bytearray()
        self.own = bytearray()
        self.failures: dict[int, tuple[int, Failed]] = {}
        self.reused: list[ReusedRange] = []
        self.states: dict[int, list[tuple[int, StateKept]]] = {}
        self.closed_seq = 0
        self.closed: RunClosed | None = None
        self.completed = 0
        self.seconds = 0.0
        self.last_at = 0.0
        self.is_forgotten = False
        self._seqs = array("Q")
        self._starts = array("Q")
        self._counts = array("Q")
        self._scattered: dict[int, Sequence[int]] = {}
        self._record_of: array[int] | None = None

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

    def status(self, holder: Holder | None) -> RunStatus:
        """What has become of it, where `holder` writes to the journal now."""
        if self.closed is not None:
            return _STATUS[self.closed.status]
        if holder is not None and (holder.host, holder.pid) == (self.opened.host, self.opened.pid):
            return RunStatus.RUNNING
        return RunStatus.ABANDONED

    def results(self) -> Iterator[tuple[int, Sequence[int]]]:
        """Number of each COMPLETED record, and its calls in the order of their values."""
        for record, seq in enumerate(self._seqs):
            yield seq, self._places(record)

    def locate(self, index: int) -> tuple[int, int] | None:
        """Number of the record that holds a call's own result, and the place of its value in it.

        Cost: a microsecond; the first time after a change, 4 bytes and some nanoseconds a call.
        """
        if self._record_of is None:
            self._record_of = self._indexed()
        record = self._record_of[index] if 0 <= index < len(self._record_of) else 0
        if not record:
            return None
        return self._seqs[record - 1], self._places(record - 1).index(index)

    def reused_from(self, index: int) -> tuple[int, int] | None:
        """The run and call whose result this call took, or None."""
        for each in self.reused:
            if each.start <= index < each.start + each.count:
                return each.source_run, each.source_start + index - each.start
        return None

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
            self._reach(max(places) + 1, seq)
            fresh = self._mark_scattered(places)
            start = min(places)
        else:
            end = start + count
            if end > len(self.done):
                self._reach(end, seq)
            if self.done.find(1, start, end) < 0:
                ones = _BYTES[count] if count < len(_BYTES) else b"\1" * count
                self.done[start:end] = self.own[start:end] = ones
                fresh = count
                if self.failures:
                    self._succeeded(range(start, end))
            else:
                fresh = self._mark_scattered(range(start, end))
        self._seqs.append(seq)
        self._starts.append(start)
        self._counts.append(count)
        self._record_of = None
        self.completed += fresh
        self.seconds += sum(durations_of(head))
        self.last_at = max(self.last_at, head.t0)

    def add_failed(self, seq: int, head: Failed) -> None:
        """Fold in a FAILED record."""
        if not (head.index < len(self.done) and self.done[head.index]):
            self.failures[head.index] = (seq, head)

    def add_reused(self, seq: int, head: Reused) -> None:
        """Fold in a REUSED record."""
        for source_run, source_start, start, count in head.ranges:
            self._reach(start + count, seq)
            self.done[start : start + count] = b"\1" * count
            self.reused.append(ReusedRange(source_run, source_start, start, count))

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
        if index < len(self.own):
            self.own[index] = 0

    def forget_all(self) -> None:
        """No result so far is to be reused."""
        self.own = bytearray(len(self.own))
        self.is_forgotten = True

    def _places(self, record: int) -> Sequence[int]:
        scattered = self._scattered.get(record)
        if scattered is not None:
            return scattered
        return range(self._starts[record], self._starts[record] + self._counts[record])

    def _reach(self, end: int, seq: int) -> None:
        if end > RESULTS_MAX or (self.opened.total is not None and end > self.opened.total):
            raise JournalCorrupt(
                f"record {seq} has a result for call {end - 1}, which run {self.number} has not", seq=seq
            )
        missing = end - len(self.done)
        if missing > 0:
            self.done.extend(bytes(missing))
            self.own.extend(bytes(missing))

    def _mark_scattered(self, places: Sequence[int]) -> int:
        fresh = 0
        for place in places:
            if not self.done[place]:
                self.done[place] = self.own[place] = 1
                fresh += 1
        self._succeeded(places)
        return fresh

    def _succeeded(self, places: Sequence[int]) -> None:
        for place in [place for place in self.failures if place in places]:
            del self.failures[place]

    def _indexed(self) -> array[int]:
        found = array("I", bytes(4 * len(self.done)))
        for record in reversed(range(len(self._seqs))):  # so that the first committed is written last
            if record in self._scattered:
                for place in self._scattered[record]:
                    found[place] = record + 1
            else:
                start, count = self._starts[record], self._counts[record]
                found[start : start + count] = array("I", [record + 1]) * count
        return found


_STATUS = {
    Closing.FINISHED: RunStatus.FINISHED,
    Closing.INTERRUPTED: RunStatus.INTERRUPTED,
    Closing.FAILED: RunStatus.FAILED,
}
