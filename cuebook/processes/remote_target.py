"""What stands behind a ref whose actor lives in another process: it sends over a link. Knows no socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from cuebook.errors import ActorStopped, MailboxFull
from cuebook.processes.outcomes import pack_error
from cuebook.processes.protocol import Observe, Order, Verb
from cuebook.runtime.cells.bonds import Bonds
from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.refs.absent import Inert
from cuebook.runtime.refs.deadlines import Deadlines
from cuebook.runtime.refs.ready import ReadyQueue
from cuebook.runtime.refs.ref import ActorRef, sender_now
from cuebook.runtime.refs.status import ActorState, ActorStatistics
from cuebook.runtime.refs.waiting import Activation
from cuebook.wire.message import encode

__all__ = ["POSTS_MAX", "Beyond", "RemoteTarget"]

POSTS_MAX = 256
"""Messages to one actor on their way to its mailbox; beyond that a sender waits, or gets MailboxFull."""
POST_BYTES_MAX = 64 * 1024 * 1024


class TargetLink(Protocol):
    """The link to the other process."""

    loop: asyncio.AbstractEventLoop
    deadlines: Deadlines
    ready: ReadyQueue
    is_open: bool

    def forward(self, target: RemoteTarget, frame: bytes, reply: Any, sender: ActorRef | None, *, urgent: bool) -> None:
        """Send a message to the actor, and what it answers to `reply`."""

    def order(self, order: Order) -> None:
        """Send something else."""


class RemoteTarget(Inert):
    """An actor of another process, as it is known here: everything goes to it over the link. What it works at, whom it
    watches and what it owes is known there.

    Attributes:
        on_way, bytes_on_way: messages, and their bytes, that have not reached its mailbox yet.
        deferred: where answers go that it gives later, as its process has told when it last began to wait.
    """

    __slots__ = (
        "__weakref__",
        "_bonds",
        "_enders",
        "_link",
        "_waiters",
        "activation",
        "address",
        "bytes_on_way",
        "deadlines",
        "deferred",
        "ended",
        "home",
        "name",
        "on_way",
        "ready",
        "ref",
        "serial",
        "state",
    )

    def __init__(self, link: TargetLink, address: bytes, home: bytes, name: str, *, serial: int) -> None:
        self._link = link
        self.deadlines = link.deadlines
        self.ready = link.ready
        self.address = address
        self.home = home
        self.name = name
        self.serial = serial
        self.on_way = 0
        self.bytes_on_way = 0
        self.state = ActorState.RUNNING
        self.ended: tuple[Exit, BaseException | None] = (Exit.SHUTDOWN, None)
        self.activation: Activation | None = None
        self.deferred: list[Any] = []
        self._bonds: Bonds | None = None
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._enders: list[asyncio.Future[None]] = []
        self.ref = ActorRef(self)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Where its messages leave from."""
        return self._link.loop

    @property
    def is_alive(self) -> bool:
        """Whether it is not known to have stopped."""
        return self.state is not ActorState.STOPPED

    # What refs ask for

    def post(self, frame: Any, reply: Any = None, *, urgent: bool = False) -> None:
        """Send a message. Raises MailboxFull where too many are on their way, ActorStopped, TypeError."""
        if self.state is ActorState.STOPPED or not self._link.is_open:
            raise ActorStopped(
                f"{self.name} {'has stopped' if self._link.is_open else 'lived in a process that ended'}"
            )
        content = frame if type(frame) is bytes else encode(frame)
        if not urgent and not self._fits(len(content)):
            where = f"{self.name}, which lives in another process"
            raise MailboxFull(f"{self.on_way} messages are on their way to {where}: tell(message, timeout=...) waits")
        self.on_way += 1
        self.bytes_on_way += len(content)
        self._link.forward(self, content, reply, sender_now(), urgent=urgent)

    def posted(self, size: int) -> None:
        """A message has reached its mailbox, or was refused there."""
        self.on_way -= 1
        self.bytes_on_way -= size
        while self._waiters and self._fits(0):
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                break

    def has_room(self, size: int) -> bool:
        """Whether `post` of so many bytes is not refused for want of room."""
        return not self._waiters and self._fits(size)

    def lets_actors_wait(self, timeout: float | None) -> bool:
        """Actors may wait with a deadline: a circle of waits for room over the link is not seen."""
        return timeout is not None

    async def wait_for_room(self, size: int, *, is_question: bool = False) -> None:
        """Until `has_room`, or it has stopped; first come, first served."""
        while self.is_alive and self._link.is_open and not self._fits(size):
            waiter: asyncio.Future[None] = self.loop.create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            finally:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)

    def request_stop(self, timeout_s: float, *, drain: bool) -> None:
        """Ask for its orderly stop."""
        self._order("stop", timeout_s, drain=drain)

    def kill(self, error: BaseException | None = None) -> None:
        """Ask for the failure of its incarnation."""
        self._order("kill", error=error)

    def unpark(self) -> bool:
        """Ask for its new beginning; whether it was parked is not known here."""
        self._order("unpark")
        return self.is_alive

    async def wait_until_ended(self) -> bool:
        """Until it has stopped for good, or its process has."""
        if not self.is_alive or not self._link.is_open:
            return True
        self.bonds()
        ender: asyncio.Future[None] = self.loop.create_future()
        self._enders.append(ender)
        await ender
        return self.ended[1] is None

    def statistics(self) -> ActorStatistics:
        """What is known here: the messages on their way."""
        return ActorStatistics(self.state, self.on_way, self.bytes_on_way, POSTS_MAX, 0, 0, 0, 0, 0, 0, 0.0)

    def has_deferred(self, reply: asyncio.Future[Any]) -> bool:
        """Whether it is known that the answer comes later."""
        return any(reply is each for each in self.deferred)

    # What bonds ask for

    def bonds(self) -> Bonds:
        """Who watches it and is linked to it here. The first look has its process say what becomes of it."""
        if self._bonds is None:
            self._bonds = Bonds(self)
            if self._link.is_open:
                self._link.order(Observe(self.address))
        return self._bonds

    def report(self, message: Any) -> None:
        """Raises TypeError: what the runtime tells its actors goes by reference."""
        raise TypeError(f"{self.name} lives in another process: {type(message).__qualname__} cannot be sent there")

    # What the link says

    def restarted(self, count: int, cause: BaseException | None) -> None:
        """It has a new incarnation."""
        if self._bonds is not None:
            self._bonds.restarted(count, cause)

    def failed(self, error: BaseException) -> None:
        """Its incarnation failed."""
        if self._bonds is not None:
            self._bonds.failed(error)

    def down(self, reason: Exit, error: BaseException | None) -> None:
        """It has ended for good, as far as can be known here."""
        if self.state is ActorState.STOPPED:
            return
        self.state = ActorState.STOPPED
        self.ended = (reason, error)
        for waiter in (*self._waiters, *self._enders):
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()
        self._enders.clear()
        if self._bonds is not None:
            self._bonds.release()
            self._bonds.down(reason, error)

    def _fits(self, size: int) -> bool:
        return not self.on_way or (self.on_way < POSTS_MAX and self.bytes_on_way + size <= POST_BYTES_MAX)

    def _order(
        self, verb: str, timeout_s: float = 0.0, *, drain: bool = False, error: BaseException | None = None
    ) -> None:
        if self.is_alive and self._link.is_open:
            self._link.order(Verb(self.address, verb, float(timeout_s), drain, pack_error(error)))


class Beyond:
    """The actor system at the other end of a link, as a place where refs are looked up.

    Parameters:
        remote: gives the ref of an actor there. home: the system's id.
    """

    def __init__(self, remote: Callable[[bytes, str, int], ActorRef], home: bytes) -> None:
        self._remote = remote
        self._home = home

    def find(self, name: str, serial: int) -> ActorRef | None:
        """The way to an actor there."""
        with contextlib.suppress(KeyError):
            return self._remote(self._home, name, serial)
        return None
