"""What stands behind a ref whose actor is not there: it has stopped, or lives elsewhere. Knows no ref."""

from __future__ import annotations

import asyncio
from typing import Any

from cuebook.errors import ActorStopped
from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.refs.status import ActorState, ActorStatistics
from cuebook.runtime.refs.waiting import Activation

__all__ = ["Absent"]


class Absent:
    """Refuses every message with ActorStopped; all else has no effect.

    Parameters:
        name: of the actor. why: "has stopped", or the like.
    """

    __slots__ = ("name", "ref", "why")

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

    def offer(self, frame: Any, reply: Any = None) -> bool:
        """False."""
        return False

    def post(self, frame: Any, reply: Any = None, *, urgent: bool = False) -> None:
        """Raises ActorStopped."""
        raise ActorStopped(f"{self.name} {self.why}")

    def has_room(self, size: int) -> bool:
        """Nobody waits for it."""
        return True

    def lets_actors_wait(self, timeout: float | None) -> bool:
        """Nobody waits for it."""
        return False

    async def wait_for_room(self, size: int, *, is_question: bool = False) -> None:
        """At once."""

    def has_deferred(self, reply: asyncio.Future[Any]) -> bool:
        """It owes nothing."""
        return False

    def request_stop(self, timeout_s: float, *, drain: bool) -> None:
        """No effect."""

    def kill(self, error: BaseException | None = None) -> None:
        """No effect."""

    def doing(self) -> str:
        """Nothing."""
        return ""

    def trace(self, on: bool) -> None:
        """It does nothing."""

    def unpark(self) -> bool:
        """No effect."""
        return False

    async def wait_until_ended(self) -> bool:
        """At once."""
        return True

    def statistics(self) -> ActorStatistics:
        """All zero."""
        return ActorStatistics(self.state, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.0)
