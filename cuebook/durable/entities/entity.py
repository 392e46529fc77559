"""An entity: an actor that is there whenever a message comes for it. What stands behind its ref, awake or not.

Knows neither when it is put to sleep nor what it is made of.
"""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any, Protocol, cast

from cuebook.errors import ActorStopped, CuebookError, MailboxFull
from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.refs.absent import Inert
from cuebook.runtime.refs.deadlines import Deadlines
from cuebook.runtime.refs.ready import ReadyQueue
from cuebook.runtime.refs.ref import ActorRef, target_of
from cuebook.runtime.refs.reply import FailedReply
from cuebook.runtime.refs.status import ActorState, ActorStatistics
from cuebook.runtime.refs.target import Bonding, Supervised
from cuebook.runtime.refs.waiting import Activation, in_hand, refuse_cycle

__all__ = ["Entity", "EntityHome"]

HELD_MAX = 1024
"""Messages that wait while the entity is put to sleep."""
_ASLEEP = ActorStatistics(ActorState.STOPPED, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.0)


class EntityHome(Protocol):
    """Where an entity wakes up."""

    id: bytes
    loop: asyncio.AbstractEventLoop
    deadlines: Deadlines
    ready: ReadyQueue

    def wake(self, entity: Entity) -> ActorRef:
        """Start its actor. Raises ActorStopped where nothing is started any more."""

    def now(self) -> float:
        """Monotonic seconds."""

    def bury(self, name: str, frame: Any) -> None:
        """A message to this entity went nowhere."""


class Entity(Inert):
    """The target of an entity's ref. A message that comes while its actor stops waits for the next one.

    Args:
        name: of its actor.

    Attributes:
        awake: its newest actor, which may have ended; None where there was none.
        used_at: monotonic seconds of the last message.
        ref: what others send to.
    """

    serial = 0

    def __init__(self, home: EntityHome, name: str) -> None:
        self._home = home
        self.home = home.id
        self.loop = home.loop
        self.deadlines = home.deadlines
        self.ready = home.ready
        self.name = name
        self.used_at = 0.0
        self.awake: Supervised | None = None
        self._held: list[tuple[Any, asyncio.Future[Any] | None, bool, contextvars.Context]] = []
        self._night: asyncio.Task[None] | None = None
        self.ref: ActorRef = ActorRef(self)

    # What refs ask for

    def offer(self, frame: Any, reply: asyncio.Future[Any] | None = None) -> bool:
        """`post` where nothing is special: the actor is awake, and nobody who asks can be in a circle."""
        cell = self.awake
        if cell is None or not cell.is_alive or (reply is not None and in_hand.get() is not None):
            return False
        self.used_at = self._home.now()
        return cell.offer(frame, reply)

    def post(self, frame: Any, reply: asyncio.Future[Any] | None = None, *, urgent: bool = False) -> None:
        """Queue a message, and wake the actor up where it sleeps."""
        cell = self.awake
        if cell is None or not cell.is_alive:
            if self._night is not None or (cell is not None and cell.state is not ActorState.STOPPED):
                self._hold(frame, reply, urgent=urgent)
                return
            cell = self.awaken()
        asker = None if reply is None else in_hand.get()
        if asker is not None and asker.is_open:
            refuse_cycle(asker, cell, "the message")
        self.used_at = self._home.now()
        cell.post(frame, reply, urgent=urgent)

    def awaken(self) -> Supervised:
        """Start its actor, unless it is there or about to end."""
        awake = self.awake
        if awake is None or awake.state is ActorState.STOPPED:
            awake = self.awake = cast("Supervised", target_of(self._home.wake(self)))
        return awake

    def _hold(self, frame: Any, reply: asyncio.Future[Any] | None, *, urgent: bool) -> None:
        if len(self._held) >= HELD_MAX:
            raise MailboxFull(f"{self.name} is being put to sleep, and {HELD_MAX} messages wait for it already")
        self._held.append((frame, reply, urgent, contextvars.copy_context()))
        if self._night is None:
            self._night = self.loop.create_task(self._sleep_through(self.awake))

    async def _sleep_through(self, cell: Any) -> None:
        """Wait until its actor has ended for good; what came meanwhile wakes the next one."""
        await cell.wait_until_ended()
        held, self._held, self._night = self._held, [], None
        for frame, reply, urgent, context in held:
            if reply is not None and reply.done():
                continue
            try:
                context.run(self._post_again, frame, reply, urgent)
            except CuebookError as error:
                self._home.bury(self.name, frame)
                if reply is not None and not reply.done():
                    reply.set_result(FailedReply(error, is_undelivered=True))

    def _post_again(self, *held: Any) -> None:
        frame, reply, urgent = held
        self.post(frame, reply, urgent=urgent)

    @property
    def is_idle(self) -> bool:
        """Whether its actor is awake and has nothing in hand, nothing waiting and no answer owed."""
        cell = self.awake
        return cell is not None and cell.is_alive and cell.is_idle

    # What it has of its actor

    @property
    def activation(self) -> Activation | None:
        """The handler at work."""
        return None if self.awake is None else self.awake.activation

    def has_deferred(self, reply: asyncio.Future[Any]) -> bool:
        """Whether the answer is owed later."""
        return self.awake is not None and self.awake.has_deferred(reply)

    def stands_for(self) -> Any:
        """Its actor, where that is awake."""
        return self if self.awake is None else self.awake

    def report(self, message: Any) -> None:
        """No effect while it sleeps."""
        if self.awake is not None:
            self.awake.report(message)

    def has_room(self, size: int) -> bool:
        """Whether a message is not refused for want of room."""
        return self.awake is None or not self.awake.is_alive or self.awake.has_room(size)

    def lets_actors_wait(self, timeout: float | None) -> bool:
        """Whether actors too may wait for room."""
        return self.awake is not None and self.awake.lets_actors_wait(timeout)

    async def wait_for_room(self, size: int, *, is_question: bool = False) -> None:
        """Until there is room."""
        if self.awake is not None:
            await self.awake.wait_for_room(size, is_question=is_question)

    def request_stop(self, timeout_s: float, *, drain: bool) -> None:
        """Put it to sleep."""
        if self.awake is not None:
            self.awake.request_stop(timeout_s, drain=drain)

    def kill(self, error: BaseException | None = None) -> None:
        """End the incarnation as a failure; no effect while it sleeps."""
        if self.awake is not None:
            self.awake.kill(error)

    def trace(self, on: bool) -> None:
        """Let be seen what the actor does that is awake now; no effect while it sleeps."""
        if self.awake is not None:
            self.awake.trace(on)

    def doing(self) -> str:
        """What its actor is at."""
        return "" if self.awake is None else self.awake.doing()

    def unpark(self) -> bool:
        """Begin again; whether it was parked."""
        return self.awake is not None and self.awake.unpark()

    async def wait_until_ended(self) -> bool:
        """Until it sleeps."""
        return self.awake is None or await self.awake.wait_until_ended()

    def statistics(self) -> ActorStatistics:
        """Of its actor; all zero while it sleeps."""
        return _ASLEEP if self.awake is None else self.awake.statistics()

    @property
    def is_alive(self) -> bool:
        """It always takes messages."""
        return True

    # What watchers and links ask for: they are of the actor that is awake now

    @property
    def state(self) -> ActorState:
        """Where its actor is in its life; STOPPED while it sleeps."""
        return ActorState.STOPPED if self.awake is None else self.awake.state

    @property
    def ended(self) -> tuple[Exit, BaseException | None]:
        """How its last actor ended, where it sleeps."""
        return (Exit.SHUTDOWN, None) if self.awake is None else self.awake.ended

    def bonds(self) -> Bonding:
        """What its actor has to do with others."""
        if self.awake is None:
            raise ActorStopped(f"{self.name} sleeps, so nothing can be linked to it")
        return self.awake.bonds()
