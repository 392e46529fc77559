"""The results of a run's calls, its own and those taken from earlier runs, in one pass over the journal.

Knows no arguments. What is decoded, and whether anything is unpickled, is up to the decoder.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from cuebook.errors import JournalCorrupt
from cuebook.persistence.history.marks import Marks
from cuebook.persistence.history.run import ReusedRange
from cuebook.persistence.records.bodies import durations_of, ends_of, starts_of
from cuebook.persistence.records.record import Kind, Record
from cuebook.persistence.records.run_heads import Completed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cuebook.persistence.history.replay import JournalState
    from cuebook.persistence.journal.reader import Reader
    from cuebook.persistence.journal.records import JournalRecords

__all__ = ["Decoder", "RunResults", "origins", "read_ranges", "read_results"]


class Decoder(Protocol):
    """Makes values of bytes, see `ValueDecoder`."""

    def decode(self, data: bytes | memoryview) -> Any:
        """One value."""

    def decode_many(self, data: bytes | memoryview, count: int) -> list[Any]:
        """Values one after the other."""


@dataclass(frozen=True, slots=True)
class RunResults:
    """Results of calls from one record, all sequences in the same order.

    Attributes:
        indexes: calls of the run asked for.
        source_run, sources: the run that made these calls, and what they were there.
        values: what they returned.
        seconds: how long each took.
        t0, offsets: when each began: seconds since the epoch, and since `t0`.
    """

    indexes: Sequence[int]
    source_run: int
    sources: Sequence[int]
    values: Sequence[Any]
    seconds: Sequence[float]
    t0: float
    offsets: Sequence[float]

    @property
    def started(self) -> list[float]:
        """When each call began, seconds since the epoch."""
        return [self.t0 + offset for offset in self.offsets]


def origins(state: JournalState, number: int) -> list[ReusedRange]:
    """What a run took from earlier ones, each range from the run that made the calls, sorted by source."""
    found = [origin for each in state.runs[number].reused for origin in _made(state, each)]
    return sorted(found, key=lambda each: (each.source_run, each.source_start))


def _made(state: JournalState, wanted: ReusedRange) -> Iterator[ReusedRange]:
    """The pieces of a range, each from the run that made its calls."""
    waiting = [wanted]
    while waiting:
        each = waiting.pop()
        source = state.runs[each.source_run]
        low, end = each.source_start, each.source_start + each.count
        shift = each.start - each.source_start
        for taken in source.reused_within(low, end):
            first, last = max(low, taken.start), min(end, taken.start + taken.count)
            if first >= last:
                continue
            if low < first:
                yield ReusedRange(source.number, low, low + shift, first - low)
            start = taken.source_start + first - taken.start
            inner = ReusedRange(taken.source_run, start, first + shift, last - first)
            if taken.source_run < source.number:
                waiting.append(inner)
            else:
                yield inner
            low = last
        if low < end:
            yield ReusedRange(source.number, low, low + shift, end - low)


def read_results(reader: Reader, state: JournalState, number: int, decoder: Decoder) -> Iterator[RunResults]:
    """All results of a run, record by record in the order of their commits, each call once.

    Args:
        reader: the journal.
        state: what it says; later records do not count.
        number: the run.
        decoder: of values; one that trusts nobody unpickles nothing.

    Raises:
        JournalCorrupt: a record or a blob is damaged, or (at the end) a result is missing; what was yielded is
            whole.
    Cost: 2 us a record, and one decode of each value; memory of one record.
    """
    run = state.runs[number]
    own = ReusedRange(number, 0, 0, len(run.done))
    seen = Marks()
    yield from read_ranges(reader, [own, *origins(state, number)], decoder, seen=seen, state=state)
    missing = next((gap for low, end in run.done.spans() if (gap := seen.gap(low, end)) < end), None)
    if missing is not None:
        raise JournalCorrupt(f"the result of call {missing} of run {number} is missing from {reader.name}")


def read_ranges(
    records: JournalRecords,
    ranges: Sequence[ReusedRange],
    decoder: Decoder,
    *,
    seen: Marks,
    state: JournalState | None = None,
    holding: bytes | None = None,
) -> Iterator[RunResults]:
    """Results that lie in given ranges of calls of given runs, record by record, each call once: the first committed.

    Args:
        records: the journal.
        ranges: whose results, and which calls they are for.
        decoder: of values.
        seen: gets the calls for which a result was found; one that is in it is passed over.
        state: what the journal says; no more of it is read than may hold these results, and later records do not
            count. None: all of it is read.
        holding: only those that lie in records with these bytes; damage may hide them.

    Raises:
        JournalCorrupt: a record or a blob is damaged; what was yielded is whole.
    Cost: 2 us a record, and one decode of each value; memory of one record.
    """
    wanted: dict[int, list[ReusedRange]] = {}
    for each in sorted(ranges, key=lambda each: each.source_start):
        wanted.setdefault(each.source_run, []).append(each)
    for first, last in [(1, None)] if state is None else _spans(state, ranges):
        some = partial(records.records, after=first - 1, until=last, holding=holding)
        yield from _in_span(some, decoder, wanted, seen=seen)


def _in_span(
    records: Callable[..., Iterator[Record]],
    decoder: Decoder,
    wanted: dict[int, list[ReusedRange]],
    *,
    seen: Marks,
) -> Iterator[RunResults]:
    starts = {source: [each.source_start for each in of_run] for source, of_run in wanted.items()}
    # Nothing but this loop refers to what reads: where a value cannot be had, the journal is let go of at once, and not
    # when the error is forgotten.
    for record in records(kinds=(Kind.COMPLETED,), runs=tuple(wanted)):
        picked = _Picked(Completed.decode(record.head), wanted[record.run], starts[record.run], seen)
        if picked.indexes:
            yield _results(record, picked, decoder)


_GAP_RECORDS = 256
"""Records in between that are sooner read than left out."""


def _spans(state: JournalState, ranges: Sequence[ReusedRange]) -> list[tuple[int, int | None]]:
    """The parts of the journal that may hold results of these ranges: first and last record of each, in order."""
    found: list[tuple[int, int | None]] = []
    spans = (
        state.runs[each.source_run].records_of(each.source_start, each.source_start + each.count) for each in ranges
    )
    end = -_GAP_RECORDS
    for first, last in sorted(span for span in spans if span[1]):
        if first - end > _GAP_RECORDS:
            found.append((first, last))
            end = last
        else:
            end = max(end, last)
            found[-1] = (found[-1][0], end)
    return found


class _Picked:
    """Which values of a record are wanted: their places in it, and the calls they are results of."""

    def __init__(self, head: Completed, ranges: list[ReusedRange], starts: list[int], seen: Marks) -> None:
        self.head = head
        self.sources = head.places
        self.places: Sequence[int] = range(head.count)
        self.indexes: Sequence[int] = self._whole(ranges, starts, seen) or self._singly(ranges, starts, seen)

    def _whole(self, ranges: list[ReusedRange], starts: list[int], seen: Marks) -> Sequence[int]:
        if self.head.start is None:
            return ()
        at = bisect.bisect_right(starts, self.head.start) - 1
        if at < 0:
            return ()
        offset = self.head.start - ranges[at].source_start
        if offset + self.head.count > ranges[at].count:
            return ()
        start = ranges[at].start + offset
        end = start + self.head.count
        if seen.find(start, end) >= 0:
            return ()
        seen.add(start, end)
        return range(start, end)

    def _singly(self, ranges: list[ReusedRange], starts: list[int], seen: Marks) -> Sequence[int]:
        indexes, places, sources = [], [], []
        for place, source in enumerate(self.sources):
            at = bisect.bisect_right(starts, source) - 1
            if at < 0 or source >= ranges[at].source_start + ranges[at].count:
                continue
            index = ranges[at].start + source - ranges[at].source_start
            if not seen[index]:  # the first committed counts
                seen.add(index, index + 1)
                indexes.append(index)
                places.append(place)
                sources.append(source)
        self.places, self.sources = places, sources
        return indexes


def _results(record: Record, picked: _Picked, decoder: Decoder) -> RunResults:
    head, places, body = picked.head, picked.places, record.body or b""
    durations, starts = durations_of(head), starts_of(head)
    if len(places) == head.count:
        values = decoder.decode_many(body, head.count)
    else:
        ends = ends_of(head)
        view = memoryview(body)
        values = [decoder.decode(view[ends[place] : ends[place + 1]]) for place in places]
    is_whole = len(places) == head.count
    return RunResults(
        indexes=picked.indexes,
        source_run=record.run,
        sources=picked.sources,
        values=values,
        seconds=durations if is_whole else [durations[place] for place in places],
        t0=head.t0,
        offsets=starts if is_whole else [starts[place] for place in places],
    )
