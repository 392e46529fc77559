"""An actor's place in a process of actors: which of its messages came over the link, and what is owed for them.

Knows no cell and no socket.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol

from cuebook.processes.notes import Notes
from cuebook.processes.outcomes import pack_outcome
from cuebook.runtime.cells.envelope import Entry, size_of
from cuebook.runtime.cells.lanes import PriorityLane
from cuebook.runtime.cells.mailbox import Mailbox, MailboxSpec

__all__ = ["HostedMailbox", "Receipt", "Receipts"]


class ReceiptPort(Protocol):
    """Whoever sends what is owed."""

    def owe(self, receipts: Receipts) -> None:
        """Something of it is to be sent soon."""

    def flush(self) -> None:
        """Send at once."""


class Receipts:
    """What the owner of an actor is told of its messages.

    Attributes:
        actor: number of the actor in the owner's system. name: its name.
        begun: number of the last message over the link that was begun.
        in_hand: number of the one that is in hand; 0 where it is none of these.
        answers: flat: number, form, value.
    """

    __slots__ = ("_notes", "_page", "_place", "actor", "answers", "begun", "in_hand", "is_owing", "name", "port")

    def __init__(
        self, actor: int, name: str, port: ReceiptPort, page: memoryview[float], *, notes: Notes, slot: int
    ) -> None:
        self.actor = actor
        self.name = name
        self.port = port
        self.begun = 0
        self.in_hand = 0
        self.answers: list[Any] = []
        self.is_owing = False
        self._notes = notes
        self._page = page
        self._place = 2 * slot
        self._note()

    def begin(self, number: int) -> None:
        """The actor takes the message of this number in hand; 0: another one."""
        self.in_hand = number
        if number > self.begun:
            self.begun = number
            if not self.is_owing:
                self.port.owe(self)
        self._note()

    def rest(self) -> None:
        """It has none in hand."""
        self.in_hand = 0
        self._note()

    def answer(self, number: int, outcome: Any) -> None:
        """Settle an ask. The answer is noted where the owner finds it if this process dies before it is sent, which is
        after all that the loop has to do now; one that is too large for that is sent at once.
        """
        form, value = pack_outcome(self.name, outcome)
        self.answers += (number, form, value)
        if not self.is_owing:
            self.port.owe(self)
        if not self._notes.add(self.actor, number, form, value):
            self.port.flush()

    def _note(self) -> None:
        # The owner reads it when this process has died.
        place = self._place
        if place:
            page = self._page
            page[place] = self.begun
            page[place + 1] = self.in_hand


class Receipt:
    """Where the answer to a message over the link goes. One that was not begun is still its owner's."""

    __slots__ = ("_is_done", "_receipts", "is_ask", "number")

    def __init__(self, receipts: Receipts, number: int, *, is_ask: bool) -> None:
        self._receipts = receipts
        self._is_done = False
        self.number = number
        self.is_ask = is_ask

    @property
    def is_begun(self) -> bool:
        """Whether the actor has had it in hand."""
        return self.number <= self._receipts.begun

    def done(self) -> bool:
        """Whether it is answered."""
        return self._is_done

    def set_result(self, outcome: Any) -> None:
        """Answer it."""
        if not self._is_done:
            self._is_done = True
            if self.is_ask and self.is_begun:
                self._receipts.answer(self.number, outcome)


class _HostedLane(deque[Entry]):
    """Notes which message over the link is begun, as it is taken. One that is no ask is an ordinary one then."""

    __slots__ = ("_receipts",)

    def __init__(self, receipts: Receipts) -> None:
        super().__init__()
        self._receipts = receipts

    def popleft(self) -> Entry:
        entry = super().popleft()
        receipt: Any = entry[2]
        if type(receipt) is not Receipt:
            self._receipts.begin(0)
            return entry
        self._receipts.begin(receipt.number)
        return entry if receipt.is_ask else _told(entry)


def _told(entry: Any) -> Any:
    """The entry of a message that nobody asks with; it stays part of its trace."""
    told = (entry[0], entry[1], None, *entry[3:])
    if not hasattr(entry, "mark"):
        return told
    marked = type(entry)(told)
    marked.mark = entry.mark
    return marked


class HostedMailbox(Mailbox):
    """The mailbox of an actor whose owner is another process."""

    __slots__ = ("_receipts",)

    def __init__(self, spec: MailboxSpec, receipts: Receipts) -> None:
        super().__init__(spec)
        self._receipts = receipts

    def open_lane(self) -> deque[Entry] | PriorityLane[Entry]:
        """The user lane. (Priorities are the owner's affair.)"""
        if self.user is None:
            self.user = _HostedLane(self._receipts)
        return self.user

    def take_early(self) -> Entry:
        """The next of those before users'."""
        self._receipts.begin(0)
        return super().take_early()

    def rest(self) -> None:
        """Nothing waits. The queue stays: a new one would cost more than the message that comes next."""
        self._receipts.rest()

    def give_back(self) -> None:
        """Drop every message over the link that was not begun: it is its owner's again."""
        lane = self.open_lane()
        assert isinstance(lane, deque)
        kept = [entry for entry in lane if (receipt := _receipt(entry)) is None or receipt.is_begun]
        lane.clear()
        lane.extend(kept)
        self.size = sum(size_of(entry[0]) for entry in kept)


def _receipt(entry: Entry) -> Receipt | None:
    """Of a message that came over the link."""
    reply: Any = entry[2]
    return reply if type(reply) is Receipt else None
