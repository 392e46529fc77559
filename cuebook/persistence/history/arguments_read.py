"""The arguments of a run's calls, read back from its journal, wherever in it they lie.

Knows no results. What is decoded, and whether anything is unpickled, is up to the decoder.
"""

from __future__ import annotations

import bisect
import itertools
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cuebook.errors import JournalCorrupt
from cuebook.persistence.history.arguments import BLOCK_CALLS, Block, block_keys, shown_calls
from cuebook.persistence.history.cursor import RecordCursor
from cuebook.persistence.records.bodies import open_arguments
from cuebook.persistence.records.record import Kind, Record
from cuebook.persistence.records.run_heads import Arguments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cuebook.persistence.history.replay import JournalState
    from cuebook.persistence.journal.records import JournalRecords
    from cuebook.persistence.values import ValueDecoder

__all__ = ["CallArguments", "Segment", "blocks_of", "segments"]

_BODIES_KEPT = 2
_BLOCKS_KEPT = 64


@dataclass(frozen=True, slots=True)
class Segment:
    """Calls of a run whose arguments lie in one record.

    Attributes:
        start, count: which calls of the run asked for.
        run, seq: the record, and the run that it belongs to.
        skip: the first of them is the `skip`-th call of the record.
        size, form: of the record.
    """

    start: int
    count: int
    run: int
    seq: int
    skip: int
    size: int
    form: int


def segments(state: JournalState, number: int) -> list[Segment]:
    """Where the arguments of a run lie, in the order of its calls; what names an earlier run is followed.

    Raises:
        JournalCorrupt: the arguments that a record names are not there.
    """
    return list(_within(state, number, (0, state.runs[number].known), 0))


_Span = tuple[int, tuple[int, int], int]
"""Calls [from, to) of a run, as calls so many further on."""


def _within(state: JournalState, number: int, span: tuple[int, int], shift: int) -> Iterator[Segment]:
    """The segments of calls `span` of a run, as calls `shift` further on; a chain of runs may be of any length."""
    levels = [_level(state, (number, span, shift))]
    while levels:
        found = next(levels[-1], None)
        if found is None:
            levels.pop()
        elif isinstance(found, Segment):
            yield found
        else:
            levels.append(_level(state, found))


def _level(state: JournalState, wanted: _Span) -> Iterator[Segment | _Span]:
    """The same of one run: what lies in its own records, and the spans of earlier runs that they name."""
    number, (first, end), shift = wanted
    covered = first
    run = state.runs.get(number)
    heads = run.arguments if run is not None else []
    start = max(bisect.bisect_right(heads, first, key=lambda each: each[1].start) - 1, 0)
    for seq, head in itertools.islice(heads, start, None):
        low, high = max(first, head.start), min(end, head.start + head.count)
        if head.start >= end:
            break
        if low >= high:
            continue
        covered = high
        skip = low - head.start
        if head.source_run is None:
            yield Segment(low + shift, high - low, number, seq, skip, head.count, head.form)
        elif head.source_run >= number:
            raise JournalCorrupt(f"record {seq} takes arguments of a run that is not earlier", seq=seq)
        else:
            source = head.source_start + skip
            yield head.source_run, (source, source + high - low), low + shift - source
    if covered < end:
        raise JournalCorrupt(f"the arguments of calls {covered} to {end - 1} of run {number} are missing")


def blocks_of(record: Record, head: Arguments) -> Iterator[Block]:
    """The blocks of arguments in the body of a record, whose head this is.

    Raises:
        JournalCorrupt: its body holds no blocks.
    """
    left = head.count
    for identity, shown in open_arguments(record.body, record.seq):
        size = min(BLOCK_CALLS, left)
        left -= size
        yield Block(size, head.form, identity, shown)


class CallArguments:
    """Arguments by run and call. Synchronous; remembers the few records and blocks that it read last.

    Args:
        reader: the journal.
        state: what it says; calls of later records are not known.
        decoder: of values; one that trusts nobody unpickles nothing.
    """

    def __init__(self, reader: JournalRecords, state: JournalState, decoder: ValueDecoder) -> None:
        self._state = state
        self._decoder = decoder
        self._cursor = RecordCursor(reader, Kind.ARGUMENTS)
        self._segments: dict[int, tuple[list[Segment], list[int]]] = {}
        self._bodies: OrderedDict[int, list[Any]] = OrderedDict()
        self._shown: OrderedDict[tuple[int, int], list[Any]] = OrderedDict()

    def call(self, run: int, index: int) -> Any:
        """One call's arguments: a list, a dict of keyword arguments, or `Unkept`; None where not journaled.

        Cost: a microsecond near the call asked for last; else a record is read and a block decoded.
        """
        of_run, starts = self._segments_of(run)
        at = bisect.bisect_right(starts, index) - 1
        if at < 0 or index >= of_run[at].start + of_run[at].count:
            return None
        segment = of_run[at]
        place, inside = divmod(index - segment.start + segment.skip, BLOCK_CALLS)
        calls = self._shown.get((segment.seq, place))
        if calls is None:
            calls = shown_calls(self._block(segment, place), self._decoder)
            _remember(self._shown, (segment.seq, place), calls, _BLOCKS_KEPT)
        return calls[inside]

    def calls(self, run: int) -> Iterator[Any]:
        """The arguments of all calls of a run, in order."""
        for block, low, high in self._blocks(run):
            yield from shown_calls(block, self._decoder)[low:high]

    def keys(self, run: int) -> Iterator[bytes]:
        """The 16 bytes by which each call's arguments are known, in order."""
        for block, low, high in self._blocks(run):
            yield from block_keys(block)[low:high]

    def blocks(self, run: int) -> Iterator[Block]:
        """The blocks of a run's arguments, in order, each whole."""
        for block, _, _ in self._blocks(run):
            yield block

    def _blocks(self, run: int) -> Iterator[tuple[Block, int, int]]:
        """The blocks of a run, each with the first and the last of its calls that are meant."""
        for segment in self._segments_of(run)[0]:
            end = segment.skip + segment.count
            for place in range(segment.skip // BLOCK_CALLS, -(-end // BLOCK_CALLS)):
                first = place * BLOCK_CALLS
                yield self._block(segment, place), max(segment.skip - first, 0), min(end - first, BLOCK_CALLS)

    def _segments_of(self, run: int) -> tuple[list[Segment], list[int]]:
        found = self._segments.get(run)
        if found is None:
            of_run = segments(self._state, run)
            found = self._segments[run] = (of_run, [segment.start for segment in of_run])
        return found

    def _block(self, segment: Segment, place: int) -> Block:
        body = self._bodies.get(segment.seq)
        if body is None:
            body = open_arguments(self._cursor.read(segment.run, segment.seq).body, segment.seq)
            _remember(self._bodies, segment.seq, body, _BODIES_KEPT)
        try:
            identity, shown = body[place]
        except IndexError as error:
            raise JournalCorrupt(
                f"record {segment.seq} holds no block {place} of arguments", seq=segment.seq
            ) from error
        return Block(min(BLOCK_CALLS, segment.size - place * BLOCK_CALLS), segment.form, identity, shown)


def _remember(kept: OrderedDict[Any, list[Any]], key: Any, value: list[Any], limit: int) -> None:
    kept[key] = value
    if len(kept) > limit:
        kept.popitem(last=False)
