"""Looking at what actors send and receive, while someone looks: each of their cells has an observer then.

A system without observers runs none of this code. Knows no stream and no telemetry.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from cuebook.logs import get_logger
from cuebook.runtime.cells.cell import Cell
from cuebook.runtime.cells.envelope import Entry, Envelope
from cuebook.runtime.cells.ports import CellCore
from cuebook.runtime.refs.ref import ActorRef, sender_now
from cuebook.runtime.reports.trace_context import TraceContext, trace_now
from cuebook.runtime.tasks.exits import is_exit, own

__all__ = ["Observation", "Observer", "Sending", "Work", "WorkElsewhere"]

_log = get_logger("runtime")


class Sending:
    """A message that is being put into a mailbox.

    Attributes:
        sender: name of the actor, None from outside. content: the frame, or the message by reference.
        reply: where the answer to an ask goes, else None. mark: the trace that it is part of.
        note: for the one observer that follows it to its answer.
    """

    __slots__ = ("cell", "content", "mark", "note", "reply", "sender")

    def __init__(self, cell: Cell, content: Any, sender: ActorRef | None, reply: asyncio.Future[Any] | None) -> None:
        self.cell = cell
        self.content = content
        self.sender = None if sender is None else sender.name
        self.reply = reply
        self.mark = trace_now.get() or TraceContext.fresh()
        self.note: Any = None


class Work:
    """A handler at work on one message, or on all that `receive_many` was given.

    Attributes:
        message: the first message. count: how many there are. sender: name of the first one's sender.
        waited_s: seconds that the first message waited. began: monotonic seconds when the handler was called.
        mark: the step that the handler makes; parent: the step that sent the message, None where unknown.
        is_asked: whether someone waits for the answer.
    """

    __slots__ = ("began", "cell", "count", "is_asked", "mark", "message", "parent", "sender", "waited_s")

    def __init__(self, cell: Cell, message: Any, entry: Entry | None, count: int = 1) -> None:
        self.cell = cell
        self.message = message
        self.count = count
        self.began = cell.now()
        envelope = Envelope(None, at=self.began) if entry is None else Envelope._make(entry)
        self.sender = None if envelope.sender is None else envelope.sender.name
        self.waited_s = max(self.began - envelope.at, 0.0)
        self.is_asked = envelope.reply is not None
        self.parent: TraceContext | None = getattr(entry, "mark", None)
        self.mark = TraceContext.fresh() if self.parent is None else self.parent.step()

    def is_answered(self) -> bool:
        """Whether what the handler returns goes to someone who asked."""
        return self.is_asked and self.cell.receiving.current is not None

    @property
    def seconds(self) -> float:
        """How long the handler has worked."""
        return self.cell.now() - self.began


@dataclass(frozen=True, slots=True)
class WorkElsewhere:
    """A handler that has worked in another process, as `Work` has one here.

    Attributes:
        actor: its name; kind: that of its class. message: name of the first message's type.
        began: seconds since 1970. error: what it raised.
    """

    actor: str
    kind: str
    message: str
    count: int
    began: float
    seconds: float
    waited_s: float
    mark: TraceContext
    parent: TraceContext | None
    error: BaseException | None


class Observer(Protocol):
    """Someone who looks. What it raises is logged, and reaches no actor."""

    def sending(self, sending: Sending) -> None:
        """A message is about to be put into a mailbox; its mark may be changed."""

    def sent(self, sending: Sending, error: BaseException | None) -> None:
        """It is in there; or was not taken."""

    def begins(self, work: Work) -> Any:
        """A handler is about to be called; the mark may be changed. What is returned comes back."""

    def enters(self, work: Work, note: Any) -> Any:
        """From here on the handler's code runs in this context. What is returned comes back to `leaves`."""

    def leaves(self, token: Any) -> None:
        """Until here."""

    def ends(self, work: Work, note: Any, error: BaseException | None) -> None:
        """The handler has returned, or raised."""

    def restarted(self, cell: Cell) -> None:
        """An actor is about to begin its next incarnation."""


class Observation:
    """The observers of one system.

    Parameters:
        cells: the living actors; `adopt` those that are started later.
    """

    __slots__ = ("_cells", "observers")

    def __init__(self, cells: Mapping[str, Cell]) -> None:
        self._cells = cells
        self.observers: tuple[Observer, ...] = ()

    def adopt(self, cell: Cell) -> None:
        """Look at a new actor as well, if anyone looks."""
        if self.observers:
            cell.observe(ActorObserver(cell, self))

    def add(self, observer: Observer) -> None:
        """Let someone look; no effect where it does already. Cost: a look at each actor for the first one."""
        if observer not in self.observers:
            self._set((*self.observers, observer))

    def remove(self, observer: Observer) -> None:
        """It looks no more."""
        self._set(tuple(one for one in self.observers if one is not observer))

    def _set(self, observers: tuple[Observer, ...]) -> None:
        was, self.observers = self.observers, observers
        if bool(was) is not bool(observers):
            for cell in self._cells.values():
                cell.observe(ActorObserver(cell, self) if observers else None)

    @property
    def hears_of_work(self) -> bool:
        """Whether anyone looks who wants to know of handlers in other processes."""
        return any(hasattr(observer, "worked") for observer in self.observers)

    def worked(self, work: WorkElsewhere) -> None:
        """A handler has worked in another process."""
        for observer in self.observers:
            if hasattr(observer, "worked"):
                _tell(observer, "worked", work)

    def run(self, work: Work, call: Callable[[], Any]) -> Any:
        """Call a handler; where it gives something to await, that is observed to its end too."""
        notes = [(observer, _tell(observer, "begins", work)) for observer in self.observers]
        tokens = _enter(work, notes)
        try:
            outcome = call()
        except BaseException as error:
            _leave(tokens)
            _end(work, notes, error)
            raise
        _leave(tokens)
        if hasattr(outcome, "__await__"):
            return _awaited(work, notes, outcome)
        _end(work, notes, None)
        return outcome


_Notes = list[tuple[Observer, Any]]


def _tell(observer: Observer, what: str, *arguments: Any) -> Any:
    try:
        return getattr(observer, what)(*arguments)
    except BaseException as error:
        if is_exit(own(error)):
            raise
        _log.error("observer failed", observer=type(observer).__qualname__, at=what, exc_info=error)
        return None


def _enter(work: Work, notes: _Notes) -> list[Callable[[], Any]]:
    token = trace_now.set(work.mark)
    undo: list[Callable[[], Any]] = [lambda: trace_now.reset(token)]
    for observer, note in notes:
        entered = _tell(observer, "enters", work, note)
        undo.append(partial(_tell, observer, "leaves", entered))
    return undo


def _leave(undo: list[Callable[[], Any]]) -> None:
    for step in reversed(undo):
        step()


def _end(work: Work, notes: _Notes, error: BaseException | None) -> None:
    for observer, note in notes:
        _tell(observer, "ends", work, note, error)


async def _awaited(work: Work, notes: _Notes, outcome: Any) -> Any:
    tokens = _enter(work, notes)
    try:
        value = await outcome
    except BaseException as error:
        _leave(tokens)
        _end(work, notes, error)
        raise
    _leave(tokens)
    _end(work, notes, None)
    return value


class Marked(tuple[Any, ...]):  # noqa: SLOT001 - a tuple has room for a mark in its __dict__ only
    """An entry of a mailbox, and the trace that it is part of."""

    mark: TraceContext | None


class _ObservedHandler:
    """A handler that works under the eyes of an observation."""

    __slots__ = ("handler", "observer")

    def __init__(self, observer: ActorObserver, handler: Callable[[Any], Any]) -> None:
        self.observer = observer
        self.handler = handler

    def __call__(self, message: Any) -> Any:
        """Handle a message."""
        handler, cell = self.handler, self.observer.cell
        return self.observer.observation.run(Work(cell, message, cell.receiving.current), lambda: handler(message))


class _ObservedBatch(_ObservedHandler):
    """A handler of many messages."""

    __slots__ = ()

    def __call__(self, deliveries: Any) -> Any:
        """Handle them."""
        handler = self.handler
        work = Work(self.observer.cell, deliveries[0].message, None, len(deliveries))
        sender = deliveries[0].sender
        work.sender = None if sender is None else sender.name
        return self.observer.observation.run(work, lambda: handler(deliveries))


class ActorObserver:
    """From where one actor is looked at. A `CellObserver`."""

    __slots__ = ("cell", "observation")

    def __init__(self, cell: Cell, observation: Observation) -> None:
        self.cell = cell
        self.observation = observation

    def offer(self, cell: CellCore, frame: Any, reply: asyncio.Future[Any] | None) -> bool:
        """No short way: every message is posted."""
        return False

    def post(self, cell: CellCore, frame: Any, reply: asyncio.Future[Any] | None, *, urgent: bool) -> None:
        """See a message on its way into the mailbox. Raises as `Body.post`."""
        sending = Sending(self.cell, frame, sender_now(), reply)
        observers = self.observation.observers
        for observer in observers:
            _tell(observer, "sending", sending)
        token = trace_now.set(sending.mark)
        error: BaseException | None = None
        try:
            cell.body.post(cell, frame, reply, urgent=urgent)
        except BaseException as raised:
            error = raised
            raise
        finally:
            trace_now.reset(token)
            for observer in observers:
                _tell(observer, "sent", sending, error)

    def mark(self, entry: Entry) -> Any:
        """The entry, with the trace that goes on there."""
        marked = Marked(entry)
        marked.mark = trace_now.get()
        return marked

    def seen(self, handler: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """A handler that is looked at while it works on a message."""
        return _ObservedHandler(self, handler)

    def seen_many(self, handler: Callable[[list[Any]], Any]) -> Callable[[list[Any]], Any]:
        """The same of one that works on many."""
        return _ObservedBatch(self, handler)

    def unseen(self, handler: Any) -> Any:
        """The handler itself."""
        return handler.handler if isinstance(handler, _ObservedHandler) else handler

    def restarted(self) -> None:
        """The next incarnation is about to begin."""
        for observer in self.observation.observers:
            _tell(observer, "restarted", self.cell)
