"""What passes for an actor and does nothing: neutral answers, and the actor that is not there. Knows no ref."""

from __future__ import annotations

import asyncio
from typing import Any, Self

from cuebook.errors import ActorStopped
from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.refs.status import ActorState, ActorStatistics
from cuebook.runtime.refs.target import Bonding
from cuebook.runtime.refs.waiting import Activation

__all__ = ["Absent", "Inert"]


class Inert:
    """The answers of a `Target` of which nothing comes. Whatever passes for an actor says what is different."""

    __slots__ = ()

    name: str

    # Messages

    def offer(self, frame: Any, reply: asyncio.Future[Any] | None = None) -> bool:
        """False: nothing is quick here."""
        return False

    def report(self, message: Any) -> None:
        """Nobody listens."""

    def has_room(self, size: int) -> bool:
        """There always is."""
        return True

    def lets_actors_wait(self, timeout: float | None) -> bool:
        """Nobody has to."""
        return False

    async def wait_for_room(self, size: int, *, is_question: bool = False) -> None:
        """At once."""

    def has_deferred(self, reply: asyncio.Future[Any]) -> bool:
        """It owes nothing."""
        return False

    def stands_for(self) -> Self:
        """Itself."""
        return self

    # Its life

    def request_stop(self, timeout_s: float, *, drain: bool) -> None:
        """No effect."""

    def kill(self, error: BaseException | None = None) -> None:
        """No effect."""

    def unpark(self) -> bool:
        """No effect."""
        return False

    async def wait_until_ended(self) -> bool:
        """At once."""
        return True

    def bonds(self) -> Bonding:
        """Raises ActorStopped."""
        raise ActorStopped(f"{self.name} is not there, so nothing can be linked to it")

    def inform(self, signal: Any, watch: Any) -> None:
        """It watches nobody."""

    # What is seen of it

    def doing(self) -> str:
        """Nothing."""
        return ""

    def statistics(self) -> ActorStatistics:
        """All zero."""
        return ActorStatistics(ActorState.STOPPED, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.0)

    def trace(self, on: bool) -> None:
        """No effect."""


class Absent(Inert):
    """The actor of a ref that has stopped, or lives elsewhere: it refuses every message with ActorStopped.

    Parameters:
        name: of the actor. why: "has stopped", or the like.
    """

    __slots__ = ("name", "ref", "why")

    home = b""
    serial = 0
    state = ActorState.STOPPED
    activation: Activation | None = None
    deadlines: Any = None
    ready: Any = None
    ended: tuple[Exit, BaseException | None] = (Exit.SHUTDOWN, None)
    is_alive = False
    ref: Any

    def __init__(self, name: str, why: str) -> None:
        self.name = name
        self.why = why

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop."""
        return asyncio.get_running_loop()

    def post(self, frame: Any, reply: asyncio.Future[Any] | None = None, *, urgent: bool = False) -> None:
        """Raises ActorStopped."""
        raise ActorStopped(f"{self.name} {self.why}")
