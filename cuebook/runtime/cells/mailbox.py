"""What waits for an actor: bounded lanes of envelopes, what was put aside, and who waits for room.

Knows no actor and no handler.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from cuebook.choices import one_of
from cuebook.errors import MailboxFull
from cuebook.runtime.cells.envelope import REFERENCE_BYTES, Entry, Envelope, size_of
from cuebook.runtime.cells.lanes import PriorityLane
from cuebook.wire.message import tag_in, tag_of

__all__ = ["Mailbox", "MailboxSpec", "Overflow"]


class Overflow(StrEnum):
    """What happens to a message for a full mailbox."""

    RAISE = "raise"
    """`tell` and `ask` wait for room, from outside and in handlers; `tell_nowait` raises MailboxFull."""
    WAIT = "wait"
    """As RAISE; a handler may wait for one in another process too, with a deadline: `tell(message, timeout=...)`."""
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
        priorities: message types and their levels; the highest is received first, others have 0. Within a
            level messages keep their order.
        stash_capacity: messages that the actor may put aside, 0 or more; the bound of bytes holds for them
            as well.
    """

    capacity: int = 1024
    bytes_max: int = 64 * 1024 * 1024
    overflow: Overflow | Literal["raise", "wait", "drop_new", "drop_old"] = Overflow.RAISE
    priorities: Mapping[type, int] = field(default_factory=dict)
    stash_capacity: int = 1024

    def __post_init__(self) -> None:
        for name in ("capacity", "bytes_max", "stash_capacity"):
            if type(given := getattr(self, name)) is not int:
                raise TypeError(f"{name} of a mailbox is a whole number, not {given!r}")
        if self.capacity < 1 or self.bytes_max < 1:
            raise ValueError("a mailbox holds at least one message and one byte")
        if self.stash_capacity < 0:
            raise ValueError(f"a stash holds 0 or more messages, not {self.stash_capacity}")
        object.__setattr__(self, "overflow", one_of(Overflow, self.overflow, "the overflow of a mailbox"))
        for kind, level in self.priorities.items():
            if type(level) is not int:
                raise TypeError(f"the priority of {kind!r} is an integer, not {level!r}")
            try:
                tag_of(kind)
            except (KeyError, TypeError):
                raise TypeError(f"a mailbox has priorities of message types, and {kind!r} is none") from None


class RoomWaiter(asyncio.Future[None]):
    """Who waits for room; `is_question`: with a message whose answer is waited for then."""

    def __init__(self, is_question: bool, *, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self.is_question = is_question


class Mailbox:
    """A user lane within its bounds; before it two that have none, for what the runtime says of other actors
    and for a few urgent messages; and a stash.

    An idle mailbox holds no queue.

    Attributes:
        spec: its bounds. size: bytes of the user lane. dropped, high_water: counts.
        is_held: nobody takes messages out, so that no question waits for room.
        mark: makes what is kept of a message that comes in, where someone looks; None: nobody does.
        user, urgent, supervision, waiters: the lanes, for the cell, whose two loops are too hot for a call a message.
    """

    __slots__ = (
        "_stash",
        "_stash_size",
        "dropped",
        "high_water",
        "is_closed",
        "is_held",
        "mark",
        "size",
        "spec",
        "supervision",
        "urgent",
        "user",
        "waiters",
    )

    def __init__(self, spec: MailboxSpec) -> None:
        self.spec = spec
        self.user: deque[Entry] | PriorityLane[Entry] | None = None
        self.supervision: deque[Entry] | None = None
        self._stash: deque[Entry] | None = None
        self._stash_size = 0
        self.urgent: deque[Entry] | None = None
        self.waiters: deque[RoomWaiter] | None = None
        self.size = 0
        self.high_water = 0
        self.is_closed = False
        self.is_held = False
        self.mark: Callable[[Entry], Entry] | None = None
        self.dropped = 0

    def __len__(self) -> int:
        return len(self.user or ()) + len(self.urgent or ()) + len(self.supervision or ())

    @property
    def capacity(self) -> int:
        """Most messages of the user lane."""
        return self.spec.capacity

    @property
    def overflow(self) -> Overflow | str:
        """What happens beyond the bounds."""
        return self.spec.overflow

    @property
    def stashed(self) -> int:
        """How many messages are put aside."""
        return len(self._stash or ())

    def oldest_at(self) -> float | None:
        """When the oldest of the messages that wait was put in; None where none does. Cost: one look a lane,
        or one a message where there are priorities.
        """
        heads = [lane[0] for lane in (self.supervision, self.urgent) if lane]
        if isinstance(self.user, PriorityLane):
            heads += self.user
        elif self.user:
            heads.append(self.user[0])
        return min((Envelope._make(entry).at for entry in heads), default=None)

    def has_room(self, size: int) -> bool:
        """Whether a message of `size` bytes is within the bounds now, and nobody waits before it."""
        user, spec = self.user, self.spec
        return not self.waiters and (not user or (len(user) < spec.capacity and self.size + size <= spec.bytes_max))

    def open_lane(self) -> deque[Entry] | PriorityLane[Entry]:
        """The user lane, which is made where there is none."""
        user = self.user
        if user is None:
            levels = {tag_of(kind): level for kind, level in self.spec.priorities.items()}
            user = self.user = PriorityLane(lambda entry: levels.get(tag_in(entry[0]), 0)) if levels else deque()
        return user

    def put(self, entry: Entry) -> Sequence[Entry]:
        """Queue at the end of the user lane. Returns what had to make room.

        Raises:
            MailboxFull: no room, and the overflow rule keeps what is there.
        """
        user = self.open_lane()
        size = size_of(entry[0])
        pushed_out = () if self._fits(size) else self._make_room(user, size)
        if self.mark is not None:
            entry = self.mark(entry)
        user.append(entry)
        self._grown(entry)
        return pushed_out

    def put_unbounded(self, entry: Entry, *, urgent: bool) -> None:
        """Queue whatever the bounds: an urgent message, or one that the actor owes itself."""
        if self.mark is not None:
            entry = self.mark(entry)
        if urgent:
            if self.urgent is None:
                self.urgent = deque()
            self.urgent.append(entry)
            return
        self.open_lane().append(entry)
        self._grown(entry)

    def put_supervision(self, entry: Entry) -> None:
        """Queue what the runtime has to say, before all messages of users."""
        if self.supervision is None:
            self.supervision = deque()
        self.supervision.append(entry)

    def put_back(self, entry: Entry) -> None:
        """Queue at the head of the user lane (of its level), whatever the bounds."""
        self.open_lane().appendleft(entry)
        self._grown(entry)

    def stash(self, entry: Entry) -> bool:
        """Put a message aside. False where there is no room for it."""
        stash = self._stash
        if stash is None:
            stash = self._stash = deque()
        size = size_of(entry[0])
        if len(stash) >= self.spec.stash_capacity or (stash and self._stash_size + size > self.spec.bytes_max):
            return False
        stash.append(entry)
        self._stash_size += size
        return True

    def unstash(self) -> int:
        """Put all that was put aside at the head of the user lane, in its order. Returns how many."""
        stash, self._stash, self._stash_size = self._stash, None, 0
        for entry in reversed(stash or ()):
            self.put_back(entry)
        return len(stash or ())

    def take_early(self) -> Entry:
        """The next of those before users': supervision, then urgent. One waits there."""
        early = self.supervision or self.urgent
        assert early
        return early.popleft()

    def take(self) -> Entry | None:
        """The next message: supervision, then urgent, then users'; None where nothing waits."""
        if self.supervision or self.urgent:
            return self.take_early()
        user = self.user
        if not user:
            return None
        entry = user.popleft()
        frame = entry[0]
        self.size -= len(frame) if type(frame) is bytes else REFERENCE_BYTES
        return entry

    def take_many(self, count: int) -> list[Entry]:
        """The next messages, at most `count`, in the order of `take`."""
        taken: list[Entry] = []
        while len(taken) < count:
            entry = self.take()
            if entry is None:
                break
            taken.append(entry)
        return taken

    async def wait_for_room(self, size: int, loop: asyncio.AbstractEventLoop, *, is_question: bool = False) -> None:
        """Until a message of `size` bytes fits, or the mailbox is closed, or held against a question; first come, first
        served.
        """
        is_first_time = True
        while not (self.is_closed or (is_question and self.is_held)) and not (
            self._fits(size) if not is_first_time else self.has_room(size)
        ):
            waiters = self.waiters
            if waiters is None:
                waiters = self.waiters = deque()
            waiter = RoomWaiter(is_question, loop=loop)
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
        waiters = self.waiters
        if waiters is None:
            return
        room = self.spec.capacity - len(self.user or ()) if self.size < self.spec.bytes_max else 0
        while waiters and room > 0:
            waiter = waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                room -= 1
        if not waiters:
            self.waiters = None

    def rest(self) -> None:
        """Give back the memory of an empty user lane."""
        if not self.user:
            self.user = None

    def take_asks(self) -> list[Envelope]:
        """Take out every message whose sender waits for an answer."""
        taken: list[Envelope] = []
        for lane in (self.urgent, self.user):
            for _ in range(len(lane or ())):
                assert lane is not None
                envelope = Envelope._make(lane.popleft())
                (lane if envelope.reply is None else taken).append(envelope)
        self.size = sum(size_of(entry[0]) for entry in self.user or ())
        return taken

    def close(self) -> list[Envelope]:
        """Take no more, wake every waiter and empty the lanes. Returns what was sent and not received; what the
        runtime had to say is of no use any more.
        """
        self.is_closed = True
        self._wake(self.waiters or ())
        lanes = (self.urgent, self._stash, self.user)
        left = [Envelope._make(entry) for lane in lanes for entry in lane or ()]
        self.supervision = self.urgent = self._stash = self.user = self.waiters = None
        self.size = 0
        return left

    def hold(self) -> None:
        """Nobody takes messages out from now on, until `release`: no question waits for room any more."""
        self.is_held = True
        questions = [waiter for waiter in self.waiters or () if waiter.is_question]
        self.waiters = deque(waiter for waiter in self.waiters or () if not waiter.is_question) or None
        self._wake(questions)

    def release(self) -> None:
        """Messages are taken out again."""
        self.is_held = False

    @staticmethod
    def _wake(waiters: Iterable[RoomWaiter]) -> None:
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _fits(self, size: int) -> bool:
        user = self.user
        return not user or (len(user) < self.spec.capacity and self.size + size <= self.spec.bytes_max)

    def _leave(self, waiter: RoomWaiter) -> None:
        if waiter.done() and not waiter.cancelled():
            self.admit()  # it was this waiter's turn: the next one's now
        elif self.waiters is not None and waiter in self.waiters:
            self.waiters.remove(waiter)

    def _grown(self, entry: Entry) -> None:
        self.size += size_of(entry[0])
        self.high_water = max(self.high_water, len(self.user or ()))

    def _make_room(self, user: deque[Entry] | PriorityLane[Entry], size: int) -> list[Entry]:
        overflow = self.spec.overflow
        if overflow is not Overflow.DROP_OLD:
            if overflow is Overflow.DROP_NEW:
                self.dropped += 1
            raise MailboxFull(
                f"{len(user):,} of {self.spec.capacity:,} messages, {self.size:,} of {self.spec.bytes_max:,} bytes"
            )
        pushed_out: list[Entry] = []
        while user and (len(user) >= self.spec.capacity or self.size + size > self.spec.bytes_max):
            oldest = user.drop() if isinstance(user, PriorityLane) else user.popleft()
            self.size -= size_of(oldest[0])
            pushed_out.append(oldest)
        self.dropped += len(pushed_out)
        return pushed_out
