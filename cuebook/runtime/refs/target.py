"""What stands behind a ref: an actor of this process, or something that passes for one. Knows no ref."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from cuebook.runtime.refs.deadlines import Deadlines
from cuebook.runtime.refs.ready import ReadyQueue
from cuebook.runtime.refs.status import ActorStatistics
from cuebook.runtime.refs.waiting import Waiter

__all__ = ["Target"]


class Target(Waiter, Protocol):
    """What a ref needs of the actor behind it."""

    deadlines: Deadlines
    ready: ReadyQueue

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Where it runs."""

    def offer(self, frame: Any, reply: asyncio.Future[Any] | None = None) -> bool:
        """`post` where nothing is special, which is quick. Else False, and nothing was done."""

    def post(self, frame: Any, reply: asyncio.Future[Any] | None = None, *, urgent: bool = False) -> None:
        """Queue a message. Raises MailboxFull or ActorStopped."""

    def has_room(self, size: int) -> bool:
        """Whether `post` of so many bytes is not refused for want of room."""

    def lets_actors_wait(self, timeout: float | None) -> bool:
        """Whether actors too may wait for room, for so many seconds: a circle of them is seen, or the wait ends."""

    async def wait_for_room(self, size: int, *, is_question: bool = False) -> None:
        """Until `has_room`, or the actor has stopped."""

    def request_stop(self, timeout_s: float, *, drain: bool) -> None:
        """Begin to stop; no effect where it has stopped."""

    def kill(self, error: BaseException | None) -> None:
        """End the incarnation as a failure."""

    def unpark(self) -> bool:
        """Begin again; whether it was parked."""

    def trace(self, on: bool) -> None:
        """Tell whoever reads along what it does."""

    async def wait_until_ended(self) -> bool:
        """Until the actor has stopped for good; whether everything queued had been handled."""

    def statistics(self) -> ActorStatistics:
        """The counts now."""

    @property
    def is_alive(self) -> bool:
        """Whether the actor takes messages or will again."""
