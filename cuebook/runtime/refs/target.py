"""What stands behind a ref: an actor of this process, or something that passes for one. Knows no ref."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.refs.deadlines import Deadlines
from cuebook.runtime.refs.ready import ReadyQueue
from cuebook.runtime.refs.status import ActorState, ActorStatistics
from cuebook.runtime.refs.waiting import Waiter

__all__ = ["Bonding", "Supervised", "Target"]


class Bonding(Protocol):
    """Who is told of an actor's end, and who fails with it."""

    watched_by: dict[Any, None]
    linked: dict[Any, None]


class Target(Waiter, Protocol):
    """All that is asked of what stands behind a ref.

    Attributes:
        deadlines: of the asks made of it. ready: where whoever is answered goes on.
        home: the id of the system that it is known in; serial: its number there. loop: where it runs.
        state: its phase. ended: why it ended for good, and with what; Exit.SHUTDOWN and None before.
    """

    deadlines: Deadlines
    ready: ReadyQueue

    @property
    def ref(self) -> Any: ...
    @property
    def home(self) -> bytes: ...
    @property
    def serial(self) -> int: ...
    @property
    def loop(self) -> asyncio.AbstractEventLoop: ...
    @property
    def state(self) -> ActorState: ...
    @property
    def ended(self) -> tuple[Exit, BaseException | None]: ...

    # Messages

    def offer(self, frame: Any, reply: asyncio.Future[Any] | None = None) -> bool:
        """`post` where nothing is special, which is quick. Else False, and nothing was done."""

    def post(self, frame: Any, reply: asyncio.Future[Any] | None = None, *, urgent: bool = False) -> None:
        """Queue a message. Raises MailboxFull or ActorStopped."""

    def report(self, message: Any) -> None:
        """Receive what the runtime has to say, before all messages. Raises TypeError where that cannot be."""

    def has_room(self, size: int) -> bool:
        """Whether `post` of so many bytes is not refused for want of room."""

    def lets_actors_wait(self, timeout: float | None) -> bool:
        """Whether actors too may wait for room, for so many seconds: a circle of them is seen, or the wait ends."""

    async def wait_for_room(self, size: int, *, is_question: bool = False) -> None:
        """Until `has_room`, or the actor has stopped."""

    # Its life

    def request_stop(self, timeout_s: float, *, drain: bool) -> None:
        """Begin to stop; no effect where it has stopped."""

    def kill(self, error: BaseException | None = None) -> None:
        """End the incarnation as a failure."""

    def unpark(self) -> bool:
        """Begin again; whether it was parked."""

    async def wait_until_ended(self) -> bool:
        """Until the actor has stopped for good; whether everything queued had been handled."""

    def bonds(self) -> Bonding:
        """What it has to do with others. Raises ActorStopped where it cannot have anything to do with them."""

    def inform(self, signal: Any, watch: Any) -> None:
        """Receive what became of another actor, if the watch still stands then."""

    # What is seen of it

    @property
    def is_alive(self) -> bool:
        """Whether the actor takes messages or will again."""

    def doing(self) -> str:
        """The type of the message in hand; "" where there is none."""

    def statistics(self) -> ActorStatistics:
        """The counts now."""

    def trace(self, on: bool) -> None:
        """Tell whoever reads along what it does."""


class Supervised(Target, Protocol):
    """An actor of this system, as whoever started it sees it."""

    @property
    def restarts(self) -> int: ...
    @property
    def is_idle(self) -> bool:
        """Whether it runs and has nothing in hand, nothing waiting, no child, and owes no answer."""

    def cause(self) -> BaseException | None:
        """What the last incarnation failed with."""

    def begin_again(self) -> None:
        """Start the next incarnation, where it waits for that."""

    async def retire(self, timeout_s: float) -> None:
        """End the incarnation in good order, within that time; the next one begins when it is told to."""

    def finish(self) -> bool:
        """End for good as the last incarnation did, where it waits to begin again; whether it did."""

    async def wait_until_settled(self) -> None:
        """Until it receives, waits to begin again, or has stopped for good."""

    def watch(self, ref: Any, *, restarts: bool) -> None:
        """Have it receive word of another actor's end; at once, where that has ended."""
