"""The heads of a stream's records: what is kept of a durable actor beside its encoded events.

Knows no body. The golden bytes of every head are in the tests; a field is only ever added at the end, with a new format
version.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from cuebook.errors import MalformedMessage
from cuebook.persistence.records.arrays import packed, unpacked
from cuebook.persistence.records.fields import is_moment
from cuebook.persistence.records.head import Head, Keep, Owner, malformed
from cuebook.persistence.records.record import Kind
from cuebook.wire.codec import unpack

__all__ = [
    "FOLLOWED",
    "WHOLE",
    "Duties",
    "DutyRow",
    "Events",
    "Received",
    "Renumbered",
    "SnapshotKept",
    "StreamOpened",
    "StreamRemoved",
    "packed_place",
    "packed_places",
    "place_followed",
    "unpacked_places",
]

_Types = type | tuple[type, ...]
_NUMBERS = frozenset({float, int})
_TEXT = {str}

DutyRow = tuple[str, float, bytes | None, list[str] | None]
"""Key, due (seconds since the epoch), the encoded message or None where it is owed no more, and for whom: type, id and
class of the receiver, or None for the actor itself.
"""


@dataclass(frozen=True, slots=True)
class StreamOpened(Head):
    """A durable actor kept something for the first time.

    Attributes:
        type, id: its name. where: its class, as `module:Class`.
        at: seconds since the epoch.
    """

    kind: ClassVar[Kind] = Kind.STREAM_OPENED
    _types: ClassVar[tuple[_Types, ...]] = (str, str, str, (float, int))
    type: str
    id: str
    where: str
    at: float


@dataclass(frozen=True, slots=True)
class Events(Head):
    """Events `[first, first + count)` of a stream; the body holds their values one after the other.

    Attributes:
        first: number of the first, from 1. count: how many, at least 1.
        writer: 16 bytes that name the incarnation which wrote them.
        names: names of event types, each once; empty for a value that says itself what it is.
        places: little-endian u16 array, which name each event has; None where all have the first.
        at: seconds since the epoch.
    """

    kind: ClassVar[Kind] = Kind.EVENTS
    _types: ClassVar[tuple[_Types, ...]] = (int, int, bytes, list, (bytes, type(None)), (float, int))
    first: int
    count: int
    writer: bytes
    names: tuple[str, ...]
    places: bytes | None
    at: float

    @classmethod
    def decode(cls, data: bytes) -> Events:
        """The head of these bytes. Raises as every head does."""
        return cls(*cls.unpacked(data))

    @classmethod
    def unpacked(cls, data: bytes) -> tuple[int, int, bytes, tuple[str, ...], bytes | None, float]:
        """The fields of a head, in their order. Cost: about 1 us. Raises as `decode`."""
        try:
            first, count, writer, names, places, at = unpack(data)
            typed = type(writer) is bytes and type(names) is list and set(map(type, names)) == _TEXT
            typed = typed and type(first) is type(count) is int and type(at) in _NUMBERS and first > 0 and count > 0
            typed = typed and is_moment(at)
            if typed and (places is None or (type(places) is bytes and len(places) == 2 * count)):
                return first, count, writer, tuple(names), places, at
        except (MalformedMessage, TypeError, ValueError) as error:
            raise malformed(cls, str(error)) from error
        raise malformed(cls, "its numbers or names make no sense")

    @property
    def last(self) -> int:
        """Number of the last."""
        return self.first + self.count - 1


def unpacked_places(places: bytes, names: int) -> Sequence[int]:
    """The inverse of `packed_places`.

    Raises:
        ValueError: one is not below `names`.
    """
    found = unpacked("H", places)
    if max(found) >= names:
        raise ValueError("an event has no name")
    return found


def packed_places(places: Sequence[int]) -> bytes:
    """The bytes of `Events.places`."""
    return packed("H", places)


@dataclass(frozen=True, slots=True)
class SnapshotKept(Head):
    """The state after event `number` was kept; the bytes lie beside the chain, where older ones are dropped.

    Attributes:
        number: of the last event in it.
        digest: SHA-256 of the bytes. length: their number.
        keep: how many of the newest snapshots of the stream stay.
        at: seconds since the epoch.
    """

    kind: ClassVar[Kind] = Kind.SNAPSHOT
    _types: ClassVar[tuple[_Types, ...]] = (int, bytes, int, int, (float, int))
    number: int
    digest: bytes
    length: int
    keep: int
    at: float

    @classmethod
    def of_fields(cls, values: list[Any]) -> SnapshotKept:
        if values[3] < 1:
            raise ValueError("it keeps no snapshot")
        return cls(*values)

    def keeps(self, run: int) -> Keep:
        """A stream's snapshots: as many of the newest stay as it says itself."""
        return Keep((run, 0), self.digest, self.keep)


@dataclass(frozen=True, slots=True)
class Duties(Head):
    """Messages that the actor owes from now on, or owes no more.

    Attributes:
        rows: see `DutyRow`.
    """

    kind: ClassVar[Kind] = Kind.DUTIES
    _types: ClassVar[tuple[_Types, ...]] = (list,)
    rows: tuple[DutyRow, ...]

    @classmethod
    def of_fields(cls, values: list[Any]) -> Duties:
        return cls(tuple(_duty(*row) for row in values[0]))


def _duty(key: str, due: float, frame: bytes | None, target: list[str] | None) -> DutyRow:
    parts = target or []
    if type(key) is not str or type(due) not in (int, float) or not (frame is None or type(frame) is bytes):
        raise ValueError("a duty is a key, a time, a message and an address")
    if target is not None and [type(part) for part in parts] != [str, str, str]:
        raise ValueError("an address is a type, an id and a class")
    return key, float(due), frame, target


@dataclass(frozen=True, slots=True)
class Received(Head):
    """Deliveries that the actor has handled.

    Attributes:
        rows: name of the sender, and number of the delivery.
    """

    kind: ClassVar[Kind] = Kind.RECEIVED
    _types: ClassVar[tuple[_Types, ...]] = (list,)
    rows: tuple[tuple[str, int], ...]

    @classmethod
    def of_fields(cls, values: list[Any]) -> Received:
        rows = tuple((sender, number) for sender, number in values[0])
        if not all(type(sender) is str and type(number) is int for sender, number in rows):
            raise ValueError("a delivery is a sender and a number")
        return cls(rows)


FOLLOWED = "\0"
"""What stands before the id of a journal in hex, where else the name of a sender stands: an actor has followed the
events of others up to a place in that journal. The number is a `packed_place`.
"""
WHOLE = (1 << 24) - 1
"""In place of the number of an event in a record: the whole record."""


def place_followed(number: int) -> tuple[int, int, int]:
    """Record, event in it, and part of that: the inverse of `packed_place`."""
    return number >> 32, number >> 8 & WHOLE, number & 0xFF


def packed_place(seq: int, nth: int, part: int) -> int:
    """A place as one number, which grows with it. `nth` is below 2 ** 24, `part` below 256."""
    return seq << 32 | nth << 8 | part


@dataclass(frozen=True, slots=True)
class StreamRemoved(Head):
    """A durable actor is no more: nothing of its stream is read again, and the next compaction leaves it out.

    Attributes:
        at: seconds since the epoch.
    """

    kind: ClassVar[Kind] = Kind.STREAM_REMOVED
    _types: ClassVar[tuple[_Types, ...]] = ((float, int),)
    at: float

    def drops(self, run: int) -> Iterable[Owner]:
        """All that was kept of its state."""
        return ((run, 0),)


@dataclass(frozen=True, slots=True)
class Renumbered(Head):
    """A compaction gave the records of a journal other numbers.

    Attributes:
        before, after: ids of the journal that was compacted, and of the one that it became.
        runs: little-endian u64 array of triples: records `[old, old + count)` have the numbers from `new` on now.
        dropped: by name of a type of durable actors, the old number of the last record whose events went, where actors
            of that type live on without them, and how many events it had.
    """

    kind: ClassVar[Kind] = Kind.RENUMBERED
    _types: ClassVar[tuple[_Types, ...]] = (bytes, bytes, bytes, dict)
    before: bytes
    after: bytes
    runs: bytes
    dropped: Mapping[str, tuple[int, int]]

    @classmethod
    def of_fields(cls, values: list[Any]) -> Renumbered:
        before, after, runs, dropped = values
        if len(runs) % 24 or not all(type(key) is str for key in dropped):
            raise ValueError("records are renumbered by triples, and what went is known by its type")
        went = {key: (seq, count) for key, (seq, count) in dropped.items()}
        if not all(type(number) is int for pair in went.values() for number in pair):
            raise ValueError("what went is a record and a number of events")
        return cls(before, after, runs, went)

    @classmethod
    def of_runs(
        cls,
        ids: tuple[bytes, bytes],
        runs: Sequence[tuple[int, int, int]],
        dropped: Mapping[str, tuple[int, int]],
    ) -> Renumbered:
        """The head of these ids and triples."""
        return cls(*ids, packed("Q", (number for run in runs for number in run)), dict(dropped))

    def place_of(self, seq: int) -> tuple[int, bool]:
        """The number that a record has now, and whether it is there; else that of the last one before it, or 0."""
        numbers = unpacked("Q", self.runs)
        place = bisect_right(numbers[0::3], seq) - 1
        if place < 0:
            return 0, False
        old, new, count = numbers[3 * place : 3 * place + 3]
        return (new + seq - old, True) if seq < old + count else (new + count - 1, False)
