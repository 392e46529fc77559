"""Traces on their way between processes: the mark of a message, and what a traced actor has done. Knows no socket."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from cuebook.errors import CuebookError, MalformedMessage
from cuebook.processes.outcomes import pack_error, unpack_error
from cuebook.processes.protocol import Order, Traced, Worked
from cuebook.runtime.reports.deadletters import opened
from cuebook.runtime.reports.trace_context import TraceContext, trace_now
from cuebook.runtime.seeing.observing import Observation, Work, WorkElsewhere
from cuebook.runtime.seeing.tracing import TraceEvent, TraceKind
from cuebook.runtime.system import ActorSystem
from cuebook.wire.message import encode

__all__ = ["Carrier", "Reporter", "mark_now", "mark_of", "pack_marks", "send_traces", "unpack_event", "unpack_work"]


class Carrier:
    """An observer that sees nothing, and by whose being there marks go on from message to message."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return _nothing

    def carry(self, observation: Observation, *, on: bool) -> None:
        """Be there, or not. Cost: nothing where that is so already."""
        if on is not (self in observation.observers):
            (observation.add if on else observation.remove)(self)


class Reporter(Carrier):
    """An observer that has the owner told of each handler that has worked here.

    Parameters:
        order: sends an order.
    """

    def __init__(self, order: Callable[[Order], None]) -> None:
        self._order = order

    def begins(self, work: Work) -> float:
        """A handler is about to be called: now."""
        return time.time()

    def ends(self, work: Work, note: float, error: BaseException | None) -> None:
        """It has returned, or raised."""
        cell = work.cell
        message, parent = type(work.message).__name__, work.parent
        above = None if parent is None else parent.traceparent
        times = (float(note), float(work.seconds), float(work.waited_s))
        told = Worked(
            cell.name, cell.kind, message, work.count, *times, work.mark.traceparent, above, pack_error(error)
        )
        self._order(told)


def unpack_work(worked: Worked) -> WorkElsewhere:
    """The other way. Raises MalformedMessage."""
    return WorkElsewhere(
        actor=worked.actor,
        kind=worked.kind,
        message=worked.message,
        count=worked.count,
        began=worked.began,
        seconds=worked.seconds,
        waited_s=worked.waited_s,
        mark=mark_of(worked.mark),
        parent=None if worked.parent is None else mark_of(worked.parent),
        error=None if worked.error is None else unpack_error(worked.error),
    )


def _nothing(*_: Any) -> None:
    return None


def pack_marks(entries: Sequence[Any]) -> list[Any]:
    """The traces that messages of a mailbox are part of."""
    return [None if (mark := getattr(entry, "mark", None)) is None else mark.traceparent for entry in entries]


def mark_now() -> str | None:
    """That of the code that runs now."""
    mark = trace_now.get()
    return None if mark is None else mark.traceparent


def mark_of(text: str) -> TraceContext:
    """The other way. Raises MalformedMessage."""
    try:
        _, trace, span, flags = text.split("-")
        return TraceContext(int(trace, 16), int(span, 16), int(flags, 16))
    except ValueError:
        raise MalformedMessage(f"{text!r} is no trace") from None


def _pack_event(event: TraceEvent) -> Order:
    """What a traced actor has done, for its owner."""
    try:
        frame = event.message if type(event.message) is bytes else encode(event.message)
    except (TypeError, CuebookError):  # it goes by reference, and stays there
        frame = b""
    error = pack_error(event.error)
    return Traced(
        event.at, event.actor, event.kind.value, frame, event.peer, event.seconds, error, event.trace_id, event.count
    )


def unpack_event(traced: Traced) -> TraceEvent:
    """The other way. Raises MalformedMessage."""
    error = None if traced.error is None else unpack_error(traced.error)
    try:
        kind = TraceKind(traced.kind)
    except ValueError:
        raise MalformedMessage(f"nothing is called {traced.kind!r} in a trace") from None
    message = opened(traced.frame)
    return TraceEvent(
        traced.at, traced.actor, kind, message, traced.peer, traced.seconds, error, traced.trace_id, traced.count
    )


async def send_traces(system: ActorSystem, order: Callable[[Order], None]) -> None:
    """Send what the traced actors of a system do, until it ends."""
    async for event in system.traces():
        order(_pack_event(event))
