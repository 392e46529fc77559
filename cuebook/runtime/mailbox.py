"""What waits for an actor: bounded lanes of envelopes, and who waits for room. Knows no message type."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cuebook.runtime.errors import MailboxFull
from cuebook.runtime.ref import ActorRef
from cuebook.runtime.timers import Timer

__all__ = ["Envelope", "Mailbox", "MailboxSpec", "Overflow"]


class Overflow(StrEnum):
    """What happens to a message for a full mailbox."""

    RAISE = "raise"
    """The sender gets MailboxFull; `tell` and `ask` from outside of actors wait for room."""
    DROP_NEW = "drop_new"
    """The message is dropped and counted; its asker gets MailboxFull."""
    DROP_OLD = "drop_old"
    """The oldest messages make room, are counted, and their askers get MailboxFull."""


@dataclass(frozen=True, slots=True)
class MailboxSpec:
    """The bounds of a mailbox.

    Parameters:
        capacity: messages, at least 1.
        bytes_max: bytes of their frames; a larger message still gets in where it is alone.
        overflow: what happens beyond either.
    """

    capacity: int = 1024
    bytes_max: int = 64 * 1024 * 1024
    overflow: Overflow | str = Overflow.RAISE

    def __post_init__(self) -> None:
        if self.capacity < 1 or self.bytes_max < 1:
            raise ValueError("a mailbox holds at least one message and one byte")
        object.__setattr__(self, "overflow", Overflow(self.overflow))


class Envelope:
    """A message on its way: its frame, its sender, where the answer goes, the timer that it comes from."""

    __slots__ = ("frame", "reply", "sender", "timer")

    def __init__(
        self,
        frame: bytes,
        sender: ActorRef | None = None,
        reply: asyncio.Future[Any] | None = None,
        timer: Timer | None = None,
    ) -> None:
        self.frame = frame
        self.sender = sender
        self.reply = reply
        self.timer = timer


class Mailbox:
    """A user lane within its bounds, and an urgent lane before it that has none: keep that one for a few
    small messages.

    An idle mailbox holds no queue.
    """

    __slots__ = (
        "_capacity",
        "_size_max",
        "_urgent",
        "_user",
        "_waiters",
        "dropped",
        "high_water",
        "is_closed",
        "overflow",
        "size",
    )

    def __init__(self, spec: MailboxSpec) -> None:
        self._capacity = spec.capacity
        self._size_max = spec.bytes_max
        self._user: deque[Envelope] | None = None
        self._urgent: deque[Envelope] | None = None
        self._waiters: deque[asyncio.Future[None]] | None = None
        self.overflow = spec.overflow
        self.size = 0
        self.high_water = 0
        self.is_closed = False
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._user or ()) + len(self._urgent or ())

    @property
    def capacity(self) -> int:
        """Most messages of the user lane."""
        return self._capacity

    def has_room(self, size: int) -> bool:
        """Whether a message of `size` bytes is within the bounds now, and nobody waits before it."""
        return not self._waiters and self._fits(size)

    def put(self, envelope: Envelope) -> list[Envelope]:
        """Queue at the end of the user lane. Returns what had to make room.

        Raises:
            MailboxFull: no room, and the overflow rule keeps what is there.
        """
        user = self._user
        if user is None:
            user = self._user = deque()
        size = len(envelope.frame)
        depth = len(user)
        pushed_out: list[Envelope] = []
        if depth and (depth >= self._capacity or self.size + size > self._size_max):
            pushed_out = self._make_room(user, size)
            depth = len(user)
        user.append(envelope)
        self.size += size
        if depth >= self.high_water:
            self.high_water = depth + 1
        return pushed_out

    def put_unbounded(self, envelope: Envelope, *, urgent: bool) -> None:
        """Queue whatever the bounds: an urgent message, or one that the actor owes itself."""
        lane = self._urgent if urgent else self._user
        if lane is None:
            lane = deque()
            if urgent:
                self._urgent = lane
            else:
                self._user = lane
        lane.append(envelope)
        if not urgent:
            self.size += len(envelope.frame)
            self.high_water = max(self.high_water, len(lane))

    def take(self) -> Envelope | None:
        """The next message, urgent ones first; None where nothing waits."""
        if self._urgent:
            return self._urgent.popleft()
        if not self._user:
            return None
        envelope = self._user.popleft()
        self.size -= len(envelope.frame)
        return envelope

    def take_many(self, count: int) -> list[Envelope]:
        """The next messages, at most `count`, in the order of `take`."""
        taken: list[Envelope] = []
        while len(taken) < count:
            envelope = self.take()
            if envelope is None:
                break
            taken.append(envelope)
        return taken

    async def wait_for_room(self, size: int, loop: asyncio.AbstractEventLoop) -> None:
        """Until a message of `size` bytes fits, or the mailbox is closed; first come, first served."""
        is_first_time = True
        while not self.is_closed and not (self._fits(size) if not is_first_time else self.has_room(size)):
            waiters = self._waiters
            if waiters is None:
                waiters = self._waiters = deque()
            waiter: asyncio.Future[None] = loop.create_future()
            # Whoever was woken and found the room taken goes back to the head of the queue.
            waiters.append(waiter) if is_first_time else waiters.appendleft(waiter)
            is_first_time = False
            try:
                await waiter
            except asyncio.CancelledError:
                self._leave(waiter)
                raise

    def admit(self) -> None:
        """Wake as many waiters as there is room for; call it when messages were taken."""
        waiters = self._waiters
        if waiters is None:
            return
        room = self._capacity - len(self._user or ()) if self.size < self._size_max else 0
        while waiters and room > 0:
            waiter = waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                room -= 1
        if not waiters:
            self._waiters = None

    def rest(self) -> None:
        """Give back the memory of an empty user lane."""
        if not self._user:
            self._user = None

    def close(self) -> list[Envelope]:
        """Take no more, wake every waiter and empty the lanes. Returns what was in them."""
        self.is_closed = True
        for waiter in self._waiters or ():
            if not waiter.done():
                waiter.set_result(None)
        left = [*(self._urgent or ()), *(self._user or ())]
        self._urgent = self._user = self._waiters = None
        self.size = 0
        return left

    def _fits(self, size: int) -> bool:
        user = self._user
        return not user or (len(user) < self._capacity and self.size + size <= self._size_max)

    def _leave(self, waiter: asyncio.Future[None]) -> None:
        if waiter.done() and not waiter.cancelled():
            self.admit()  # it was this waiter's turn: the next one's now
        elif self._waiters is not None and waiter in self._waiters:
            self._waiters.remove(waiter)

    def _make_room(self, user: deque[Envelope], size: int) -> list[Envelope]:
        if self.overflow is not Overflow.DROP_OLD:
            if self.overflow is Overflow.DROP_NEW:
                self.dropped += 1
            raise MailboxFull(
                f"{len(user):,} of {self._capacity:,} messages, {self.size:,} of {self._size_max:,} bytes"
            )
        pushed_out: list[Envelope] = []
        while user and (len(user) >= self._capacity or self.size + size > self._size_max):
            oldest = user.popleft()
            self.size -= len(oldest.frame)
            pushed_out.append(oldest)
        self.dropped += len(pushed_out)
        return pushed_out
