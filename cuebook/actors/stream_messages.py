"""What durable actors and the Journal say to each other. They go by reference: what is kept was encoded before."""

from __future__ import annotations

from dataclasses import dataclass

from cuebook.persistence.records.record import Entry
from cuebook.wire.message import message

__all__ = [
    "AppendEvents",
    "CloseStream",
    "EventsAppended",
    "EventsRefused",
    "OpenStream",
    "RemoveStream",
    "StreamFound",
    "StreamGone",
]


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class OpenStream:
    """To the Journal, behind queued appends: `writer` is from now on the one that appends to this stream."""

    type: str
    id: str
    where: str
    writer: bytes


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class CloseStream:
    """To the Journal: `writer` appends no more."""

    stream: int
    writer: bytes


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class StreamFound:
    """Journal: the stream's number, that of its last committed event (0 where there is none), when it was opened."""

    number: int
    last: int
    opened_at: float = 0.0


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class RemoveStream:
    """To the Journal, behind queued appends: this stream is no more."""

    type: str
    id: str


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class StreamGone:
    """Journal: it is on disk that the stream is no more. `was_there`: whether anything was kept of it."""

    was_there: bool


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class AppendEvents:
    """To the Journal: commit `entries` of one stream, all or none.

    Attributes:
        first, count: the events among them.
        states: place in entries, and bytes, of each snapshot.
    """

    stream: int
    writer: bytes
    first: int
    count: int
    entries: tuple[Entry, ...]
    states: tuple[tuple[int, bytes], ...]


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class EventsAppended:
    """Journal: they are on disk."""


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class EventsRefused:
    """Journal: they are surely not on disk. `error` names the class of the error."""

    error: str
    text: str
