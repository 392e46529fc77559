"""Messages that were sent to an actor in another process and are not settled: plain bookkeeping. Knows no link.

They are numbered from 1 in the order of sending, and are begun there in that order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Flight", "Landing"]

_E = TypeVar("_E")


@dataclass(frozen=True, slots=True)
class Landing(Generic[_E]):
    """What becomes of all messages in flight when an incarnation ends.

    Attributes:
        not_begun: as good as never sent, in order. in_hand: the one that it had in hand, if any.
        begun: asks that were begun, and whose answer will not come.
    """

    not_begun: list[_E]
    in_hand: _E | None
    begun: list[_E]


class Flight(Generic[_E]):
    """Messages on their way, of one actor.

    Attributes:
        size: bytes of those that were not begun. begun_count: how many were begun ever.
    """

    __slots__ = ("_asked", "_first", "_last", "_sizes", "_waiting", "begun_count", "size")

    def __init__(self) -> None:
        self._waiting: deque[_E] = deque()
        self._sizes: deque[int] = deque()
        self._first = 1
        self._asked: dict[int, _E] = {}
        self._last: tuple[int, _E] | None = None
        self.size = 0
        self.begun_count = 0

    def __len__(self) -> int:
        """How many were not begun, as far as is known here."""
        return len(self._waiting)

    @property
    def next_number(self) -> int:
        """Of the message that is sent next."""
        return self._first + len(self._waiting)

    @property
    def unanswered(self) -> int:
        """Asks that were not answered."""
        return len(self._asked)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is waited for."""
        return not self._waiting and not self._asked

    def send(self, message: _E, size: int, *, is_ask: bool) -> int:
        """Note a message that is sent now. Returns its number."""
        number = self._first + len(self._waiting)
        self._waiting.append(message)
        self._sizes.append(size)
        self.size += size
        if is_ask:
            self._asked[number] = message
        return number

    def begin(self, number: int) -> None:
        """All up to this number were begun. Raises ValueError where so many were not sent."""
        if number >= self.next_number:
            raise ValueError(f"message {number} was begun, and {self.next_number - 1} were sent")
        waiting, sizes = self._waiting, self._sizes
        count = number - self._first + 1
        if count <= 0:
            return
        for _ in range(count - 1):
            waiting.popleft()
            self.size -= sizes.popleft()
        self._last = (number, waiting.popleft())
        self.size -= sizes.popleft()
        self._first = number + 1
        self.begun_count += count

    def answer(self, number: int) -> _E | None:
        """The ask of this number, which is answered now; None where nobody waits for that."""
        if self._last is not None and self._last[0] == number:
            self._last = None
        return self._asked.pop(number, None)

    def land(self, begun: int, in_hand: int) -> Landing[_E]:
        """Empty the table: nothing more comes of what was sent.

        Parameters:
            begun: the last message that was begun, if it is later than what is known. in_hand: the one that was
                not finished; 0: none.
        """
        self.begin(min(begun, self.next_number - 1))
        held: _E | None = self._asked.pop(in_hand, None)
        if held is None and self._last is not None and self._last[0] == in_hand:
            held = self._last[1]
        not_begun = list(self._waiting)
        waiting = range(self._first, self.next_number)
        asked = [message for number, message in self._asked.items() if number not in waiting]
        self._first = self.next_number
        self._waiting.clear()
        self._sizes.clear()
        self._asked.clear()
        self._last = None
        self.size = 0
        return Landing(not_begun, held, asked)

    def asked(self) -> Iterable[tuple[int, _E]]:
        """Every ask that was not answered, with its number."""
        return self._asked.items()
