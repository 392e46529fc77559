"""What a durable actor sends to the journal in one append: encoded as it is gathered. Awaits nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cuebook.persistence.records.record import Entry, Kind
from cuebook.persistence.records.stream_heads import Duties, DutyRow, Events, Received, SnapshotKept, packed_places
from cuebook.runtime.cells.actor import Delivery

__all__ = ["EventBatch", "Settlement"]

NAMES_MAX = 1 << 16


class Settlement(NamedTuple):
    """What becomes of one command when the batch is on disk.

    Attributes:
        delivery: whoever asked; None where nobody can be answered. outcome: the sealed answer.
        after: called with `state`. stops: the actor stops.
    """

    delivery: Delivery | None
    outcome: Any
    after: tuple[Callable[[Any], object], ...] = ()
    state: Any = None
    stops: bool = False


@dataclass(slots=True)
class EventBatch:
    """Events, snapshots and duties in order, and who waits for them.

    Args:
        stream: number of the actor's. writer: its incarnation. first: number of the first event.

    Attributes:
        count: of events. size: bytes, about. changed: keys of the duties in it. received: number of the last message
            of each sender that was handled, where it is kept which were.
    """

    stream: int
    writer: bytes
    first: int
    count: int = 0
    size: int = 0
    entries: list[Entry] = field(default_factory=list)
    states: list[tuple[int, bytes]] = field(default_factory=list)
    settled: list[Settlement] = field(default_factory=list)
    duties: list[DutyRow] = field(default_factory=list)
    received: dict[str, int] = field(default_factory=dict)
    changed: dict[str, None] = field(default_factory=dict)
    _names: dict[str, int] = field(default_factory=dict)
    _places: list[int] = field(default_factory=list)
    _bodies: list[bytes] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.settled)

    def add_event(self, name: str, body: bytes, at: float) -> None:
        """One more event."""
        if len(self._names) == NAMES_MAX:
            self.close_events(at)
        self._places.append(self._names.setdefault(name, len(self._names)))
        self._bodies.append(body)
        self.count += 1
        self.size += len(body)

    def add_snapshot(self, body: bytes, *, keep: int, at: float) -> None:
        """The state after the last event so far."""
        self.close_events(at)
        self.close_duties()
        head = SnapshotKept(self.first + self.count - 1, hashlib.sha256(body).digest(), len(body), keep, at)
        self.states.append((len(self.entries), body))
        self.entries.append(Entry(Kind.SNAPSHOT, self.stream, head.encode()))
        self.size += len(body)

    def add_duties(self, rows: Iterable[DutyRow]) -> None:
        """What is owed from now on, or no more."""
        for row in rows:
            self.duties.append(row)
            self.changed[row[0]] = None

    def successor(self) -> EventBatch:
        """The next batch, empty."""
        return EventBatch(self.stream, self.writer, self.first + self.count)

    def close_events(self, at: float) -> None:
        """The events so far are a record."""
        count = len(self._bodies)
        if not count:
            return
        places = packed_places(self._places) if len(self._names) > 1 else None
        first = self.first + self.count - count
        head = Events(first, count, self.writer, tuple(self._names), places, at)
        self.entries.append(Entry(Kind.EVENTS, self.stream, head.encode(), b"".join(self._bodies)))
        self._names.clear()
        self._places.clear()
        self._bodies.clear()

    def close_duties(self) -> None:
        """The duties and deliveries so far are records."""
        if self.duties:
            self.entries.append(Entry(Kind.DUTIES, self.stream, Duties(tuple(self.duties)).encode()))
            self.duties = []
        if self.received:
            self.entries.append(Entry(Kind.RECEIVED, self.stream, Received(tuple(self.received.items())).encode()))
            self.received = {}

    def close(self, at: float) -> None:
        """Nothing is added any more."""
        self.close_events(at)
        self.close_duties()
