"""From the journal back to the state: the newest snapshot that can be read, and the events after it.

Knows no command and writes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from cuebook.actors.stream_messages import StreamFound
from cuebook.durable.events.event_types import EventTypes
from cuebook.durable.events.folding import check_returned
from cuebook.durable.events.kept_decoder import KeptDecoder
from cuebook.durable.events.kept_events import KeptEvents
from cuebook.durable.ledger import Ledger
from cuebook.durable.owed.kept_duties import KeptDuties
from cuebook.errors import (
    CuebookError,
    JournalNotTrusted,
    RecoveryFailed,
    UnknownEvent,
)
from cuebook.logs import get_logger
from cuebook.persistence.records.record import Kind, Picked
from cuebook.persistence.records.stream_heads import Duties, Events, Received, SnapshotKept
from cuebook.persistence.values import ValueEncoder
from cuebook.persistence.values.placeholders import Opaque, Unresolved, placeholder_in, type_of
from cuebook.runtime.tasks.exits import is_exit, own
from cuebook.wire.codec import pack, unpack
from cuebook.wording import text_of

__all__ = ["FoldedStream", "Folding", "packed_state", "recovered"]

PAGE = 512
"""Records that are read at once."""
SLICE_S = 0.005
"""Seconds after which it is others' turn."""
SNAPSHOTS_MAX = 64
_UNMADE = object()
"""In place of an event that is not there yet."""

_log = get_logger("durable")


class Folding(Protocol):
    """What a recovery needs of an actor."""

    id: str
    type_name: str
    event_types: EventTypes

    def initial_state(self) -> Any:
        """The state before the first event."""

    def apply(self, state: Any, event: Any) -> Any:
        """The state with one more event in it."""


@dataclass(slots=True)
class FoldedStream:
    """Where a recovery has come to.

    Attributes:
        number: of the last event in `state`. seq: of the last record that is in it; 0: none.
        unread: what was wrong with snapshots that could not be read.
    """

    state: Any
    number: int = 0
    seq: int = 0
    duties: KeptDuties = field(default_factory=KeptDuties)
    unread: list[str] = field(default_factory=list)


async def recovered(actor: Folding, ledger: Ledger, found: StreamFound) -> FoldedStream:
    """Fold the committed records of one stream; others get their turn every few milliseconds.

    Raises:
        RecoveryFailed: an event cannot be applied, is of an unknown type, or is missing.
        JournalNotTrusted: only code could rebuild an event or the state, and others can have written to the journal.
        JournalError: the journal cannot be read.
    """
    unread: list[str] = []
    so_far = _from_snapshot(actor, ledger, found.number, unread) if found.last else None
    so_far = so_far or FoldedStream(actor.initial_state(), unread=unread)
    _fold_duties(so_far, ledger, found.number)
    fold = _Fold(actor, ledger, so_far)
    now = asyncio.get_running_loop().time  # in a simulation, the simulated one
    until = now() + SLICE_S
    for record in _records(ledger, Kind.EVENTS, found.number, so_far.seq) if found.last else ():
        fold.take(record)
        if now() > until:
            await asyncio.sleep(0)
            until = now() + SLICE_S
    if so_far.number != found.last:
        raise RecoveryFailed(f"{fold.name} ends at event {so_far.number}, but {found.last} were kept: `cuebook verify`")
    return so_far


def packed_state(state: Any, duties: KeptDuties, encoder: ValueEncoder) -> bytes:
    """The bytes of a snapshot.

    Raises:
        ValueNotKept: a part of the state cannot be kept. JournalError: a blob cannot be written.
    """
    return pack([encoder.encode(state), duties.packed()])


class _Fold:
    """Applies records of events, one after the other."""

    def __init__(self, actor: Folding, ledger: Ledger, so_far: FoldedStream) -> None:
        self.name = f"{actor.type_name} {actor.id!r}"
        self._apply: Callable[[Any, Any], Any] = actor.apply
        self._types = actor.event_types
        self._kept = KeptEvents(ledger, actor.event_types)
        self._so_far = so_far

    def take(self, record: Picked) -> None:
        """Apply the events of one record."""
        so_far = self._so_far
        head = Events.decode(record.head)
        if head.first != so_far.number + 1:
            what = "its first events were dropped" if not so_far.number else f"events after {so_far.number} are missing"
            raise RecoveryFailed(
                f"{self.name} goes on with event {head.first}: {what}, and no snapshot can be read{self._unread()}"
            )
        apply, state, number = self._apply, so_far.state, so_far.number
        event: Any = _UNMADE
        try:
            for make, value in self._kept.makers_and_values(record, head):
                number += 1
                event = _UNMADE
                for event in make(value):
                    new = apply(state, event)
                    if new is None:
                        check_returned(apply, state, event)
                    state = new
        except (UnknownEvent, JournalNotTrusted):
            raise
        except BaseException as error:
            if is_exit(own(error)):
                raise
            kind = f"apply event {number}, a {type(event).__qualname__}"
            if event is _UNMADE:
                kind = f"read event {number}, its upcaster raised"
            raise RecoveryFailed(f"{self.name} cannot {kind}: {type(error).__name__}: {text_of(error)}") from error
        so_far.state, so_far.number, so_far.seq = state, number, record.seq

    def _unread(self) -> str:
        if not self._so_far.unread:
            return ""
        return f" ({self._so_far.unread[0]}): give new fields a default, or {self._types.owner} an upcaster"


def _from_snapshot(actor: Folding, ledger: Ledger, stream: int, unread: list[str]) -> FoldedStream | None:
    """Begin with the newest snapshot that can be read; each that cannot is said, and noted in `unread`."""
    decoder = ledger.decoder.with_upcasters(actor.event_types.upcasters)
    for record in ledger.file.select(Kind.SNAPSHOT, stream, limit=SNAPSHOTS_MAX, newest=True):
        number = SnapshotKept.decode(record.head).number
        try:
            body = ledger.file.state(record.seq)
            if body is None:
                return None  # dropped, and so are all before it
            return _unpacked(body, decoder, ledger, number=number, seq=record.seq)
        except JournalNotTrusted:
            raise
        except (CuebookError, ValueError, TypeError) as error:
            unread.append(str(error))
            _log.warning(
                "snapshot cannot be read; an older one is tried, or all events",
                actor=f"{actor.type_name}/{actor.id}",
                number=number,
                error=str(error),
            )
    return None


def _unpacked(body: bytes, decoder: KeptDecoder, ledger: Ledger, *, number: int, seq: int) -> FoldedStream:
    state, duties = unpack(body)
    value = decoder.decode(state)
    part = placeholder_in(value, Unresolved, Opaque) if decoder.placeholders else None
    if part is not None and ledger.refusal is not None:
        raise ledger.refusal(type_of(part))
    if part is not None:
        raise ValueError(f"{type_of(part)}: {part.reason}" if type(part) is Unresolved else f"{part!r} is not opened")
    return FoldedStream(value, number, seq, KeptDuties.unpacked(duties))


def _fold_duties(so_far: FoldedStream, ledger: Ledger, stream: int) -> None:
    for record in _records(ledger, Kind.DUTIES, stream, so_far.seq):
        so_far.duties.take(Duties.decode(record.head).rows)
    for record in _records(ledger, Kind.RECEIVED, stream, so_far.seq):
        so_far.duties.receive(Received.decode(record.head).rows)


def _records(ledger: Ledger, kind: Kind, stream: int, after: int) -> Iterator[Picked]:
    while page := ledger.file.select(kind, stream, after=after, limit=PAGE):
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].seq
