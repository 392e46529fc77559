"""The trace of single actors: what they receive, send, answer and fail on, as a stream and in the log.

Knows no cell.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cuebook.logs import get_logger
from cuebook.runtime.reports.deadletters import opened
from cuebook.runtime.reports.readers import Readers, Stream
from cuebook.runtime.seeing.observing import Sending, Work
from cuebook.wording import in_one_line, repr_of

__all__ = ["TraceEvent", "TraceKind", "Tracing"]

_log = get_logger("trace")


class TraceKind(StrEnum):
    """What an actor did."""

    RECEIVED = "received"
    """Its handler was called with a message."""
    SENT = "sent"
    """It put a message into the mailbox of another (or its own)."""
    REPLIED = "replied"
    """Its handler returned, and whoever asked is answered."""
    HANDLED = "handled"
    """Its handler returned; nobody asked, or the answer comes later."""
    FAILED = "failed"
    """Its handler raised or was cancelled; or what it sent was not taken."""


@dataclass(frozen=True, slots=True)
class TraceEvent:
    """One thing that a traced actor did. `str()` is one readable line.

    Attributes:
        at: seconds since 1970, by the system's clock. actor: name of the traced actor.
        message: the message, or its bytes where they do not decode. count: messages, where `receive_many` got
            several, of which `message` is the first.
        peer: the sender of what was received, the target of what was sent; None: from outside of actors.
        seconds: RECEIVED: how long it waited; REPLIED, HANDLED, FAILED: how long the handler worked.
        error: what was raised, else None. trace_id: the chain of messages that it is part of, 32 hex digits.
    """

    at: float
    actor: str
    kind: TraceKind
    message: Any
    peer: str | None
    seconds: float
    error: BaseException | None
    trace_id: str
    count: int = 1

    def __str__(self) -> str:
        way = {TraceKind.SENT: " to", TraceKind.RECEIVED: " from"}.get(self.kind)
        parts = [f"{in_one_line(self.actor)} {self.kind.value} {type(self.message).__qualname__}"]
        if self.count > 1:
            parts.append(f" and {self.count - 1} more")
        if way is not None:
            parts.append(f"{way} {in_one_line(self.peer or 'outside')}")
        if self.kind is not TraceKind.SENT:
            parts.append(f" {'waited' if self.kind is TraceKind.RECEIVED else 'after'} {self.seconds:.3g} s")
        if self.error is not None:
            parts.append(f": {repr_of(self.error)}")
        return "".join(parts)


class Tracing:
    """Turns what is observed of the traced actors into events.

    Attributes:
        names: the traced actors.
    """

    __slots__ = ("_readers", "_time", "names")

    def __init__(self, time: Any) -> None:
        self._time = time
        self._readers: Readers[TraceEvent] = Readers()
        self.names: set[str] = set()

    def stream(self) -> Stream[TraceEvent]:
        """Events from now on, until the system ends."""
        return self._readers.stream()

    def close(self) -> None:
        """End every stream."""
        self._readers.close()

    def set(self, name: str, *, on: bool) -> bool:
        """Trace an actor, or not any more. Returns whether any is traced."""
        (self.names.add if on else self.names.discard)(name)
        return bool(self.names)

    # As an observer

    def sending(self, sending: Sending) -> None:
        """Marks are made by others."""

    def sent(self, sending: Sending, error: BaseException | None) -> None:
        """A traced actor has sent."""
        if sending.sender not in self.names or not self._is_wanted():
            return
        kind = TraceKind.SENT if error is None else TraceKind.FAILED
        self.emit(
            TraceEvent(
                at=self._time(),
                actor=str(sending.sender),
                kind=kind,
                message=opened(sending.content),
                peer=sending.cell.name,
                seconds=0.0,
                error=error,
                trace_id=sending.mark.trace_id,
            )
        )

    def begins(self, work: Work) -> bool:
        """Whether it is a traced actor's."""
        is_traced = work.cell.name in self.names and self._is_wanted()
        if is_traced:
            self.emit(self._of(work, TraceKind.RECEIVED, work.waited_s, None))
        return is_traced

    def enters(self, work: Work, note: Any) -> None:
        """Code is not minded."""

    def leaves(self, token: Any) -> None:
        """Code is not minded."""

    def ends(self, work: Work, note: Any, error: BaseException | None) -> None:
        """A traced actor's handler is done."""
        if not note:
            return
        kind = TraceKind.FAILED
        if error is None:
            kind = TraceKind.REPLIED if work.is_answered() else TraceKind.HANDLED
        self.emit(self._of(work, kind, work.seconds, error))

    def restarted(self, cell: Any) -> None:
        """Restarts are in the log and in the counts."""

    def _is_wanted(self) -> bool:
        return bool(self._readers) or _log.is_heard(logging.INFO)

    def _of(self, work: Work, kind: TraceKind, seconds: float, error: BaseException | None) -> TraceEvent:
        return TraceEvent(
            at=self._time(),
            actor=work.cell.name,
            kind=kind,
            message=work.message,
            peer=work.sender,
            seconds=seconds,
            error=error,
            trace_id=work.mark.trace_id,
            count=work.count,
        )

    def emit(self, event: TraceEvent) -> None:
        """Tell whoever reads along what a traced actor did."""
        self._readers.put(event)
        _log.info(
            str(event),
            actor=event.actor,
            kind=event.kind.value,
            message=type(event.message).__qualname__,
            trace_id=event.trace_id,
        )
