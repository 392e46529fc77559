"""The family of streams: how the records of durable actors are folded, and what of them stays.

Knows no run and no file.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from cuebook.errors import JournalCorrupt
from cuebook.persistence.history.family import Fold, Numbering
from cuebook.persistence.history.state import JournalState
from cuebook.persistence.history.stream import StreamState
from cuebook.persistence.records.record import Entry, Kind, Record
from cuebook.persistence.records.stream_heads import (
    WHOLE,
    Duties,
    Events,
    Received,
    Renumbered,
    SnapshotKept,
    StreamOpened,
    place_followed,
)

__all__ = ["StreamFamily"]


class StreamFamily:
    """What is kept of durable actors."""

    @property
    def folds(self) -> Mapping[Kind, Fold]:
        return _FOLDS

    def staying(self, state: JournalState, kept: frozenset[int], *, drop_events: bool) -> _StreamsStaying:
        return _StreamsStaying(kept, _covered_events(state, kept) if drop_events else {}, state)

    def salvaged(self, state: JournalState, record: Record) -> Entry | None:
        del state, record
        return None


class _StreamsStaying:
    """What of the streams stays: all but removed ones, snapshots whose bytes are gone, and events that a kept snapshot
    has in it.
    """

    def __init__(self, kept: frozenset[int], covered: dict[int, int], state: JournalState) -> None:
        self._kept = kept
        self._covered = covered
        self._state = state
        self._dropped: dict[str, tuple[int, int]] = {}
        self._followed = _followed(state)

    def keeps(self, record: Record) -> bool:
        if record.run in self._state.removed:
            return False
        if record.kind is Kind.SNAPSHOT:
            return record.seq in self._kept
        if record.kind is not Kind.EVENTS:
            return True
        head = Events.decode(record.head)
        if head.last > self._covered.get(record.run, 0) or (record.seq, head.count - 1) > self._followed:
            return True
        self._dropped[self._state.streams[record.run].opened.type] = (record.seq, head.count)
        return False

    def keeps_state(self, record: Record) -> bool:
        del record
        return True

    def last_words(self, numbering: Numbering, journal_id: bytes) -> Sequence[Entry]:
        """Whoever has read events up to some record finds the place again."""
        opened = self._state.opened
        if opened is None or not self._state.streams:
            return ()
        return (Renumbered.of_runs((opened.journal_id, journal_id), numbering, self._dropped).entry(0),)


def _followed(state: JournalState) -> tuple[int, int]:
    """Record and event up to where all who follow others have come; further than anything where nobody does."""
    journal = b"" if state.opened is None else state.opened.journal_id
    places = [place_followed(each.followed.get(journal.hex(), 0)) for each in state.streams.values() if each.followed]
    return min((place[:2] for place in places), default=(sys.maxsize, WHOLE))


def _covered_events(state: JournalState, kept: frozenset[int]) -> dict[int, int]:
    """By stream the last event that is in each snapshot of it which is kept."""
    return {
        number: min(head.number for seq, head in stream.snapshots if seq in kept)
        for number, stream in state.streams.items()
        if any(seq in kept for seq, _ in stream.snapshots)
    }


def _opened(state: JournalState, record: Record) -> None:
    if record.run in state.streams or record.run in state.removed or record.run >= 0:
        raise JournalCorrupt(f"record {record.seq} opens stream {record.run} again", seq=record.seq)
    state.streams[record.run] = StreamState(record.run, StreamOpened.decode(record.head))


def _events(state: JournalState, record: Record) -> None:
    state.stream_of(record.run, record.seq).add_events(record.seq, Events.decode(record.head))


def _snapshot(state: JournalState, record: Record) -> None:
    state.stream_of(record.run, record.seq).add_snapshot(record.seq, SnapshotKept.decode(record.head))


def _duties(state: JournalState, record: Record) -> None:
    state.stream_of(record.run, record.seq).add_duties(Duties.decode(record.head))


def _received(state: JournalState, record: Record) -> None:
    state.stream_of(record.run, record.seq).add_received(Received.decode(record.head))


def _removed(state: JournalState, record: Record) -> None:
    state.stream_of(record.run, record.seq)
    del state.streams[record.run]
    state.removed.add(record.run)


def _renumbered(state: JournalState, record: Record) -> None:
    del state
    Renumbered.decode(record.head)


_FOLDS: dict[Kind, Fold] = {
    Kind.STREAM_OPENED: _opened,
    Kind.EVENTS: _events,
    Kind.SNAPSHOT: _snapshot,
    Kind.DUTIES: _duties,
    Kind.RECEIVED: _received,
    Kind.STREAM_REMOVED: _removed,
    Kind.RENUMBERED: _renumbered,
}
