"""One direction of a wire between processes that are none: late, and faulty as it is told to be. Knows no message."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Any

__all__ = ["Pipe", "TransportFault", "TransportFaults"]


class TransportFault(Enum):
    """How one message on its way goes wrong."""

    DROP = "drop"
    """It never arrives."""
    REPEAT = "repeat"
    """It arrives twice."""
    SWAP = "swap"
    """It arrives after the one that follows it."""
    GARBLE = "garble"
    """What arrives is not what was sent."""
    DELAY = "delay"
    """It arrives later, and all that follows it too."""


class TransportFaults:
    """A plan of failures for messages on their way; nothing goes wrong until it says so.

    Attributes:
        sent: messages so far; what is planned counts from here.
    """

    def __init__(self) -> None:
        self.sent = 0
        self._plan: dict[int, tuple[TransportFault, float]] = {}

    def drop_next(self, count: int = 1) -> None:
        """The next messages never arrive."""
        self._next(count, TransportFault.DROP)

    def repeat_next(self, count: int = 1) -> None:
        """The next messages arrive twice."""
        self._next(count, TransportFault.REPEAT)

    def swap_next(self, count: int = 1) -> None:
        """Each of the next messages arrives after the one that follows it."""
        self._next(count, TransportFault.SWAP)

    def garble_next(self, count: int = 1) -> None:
        """What arrives of the next messages is garbage."""
        self._next(count, TransportFault.GARBLE)

    def delay_next(self, seconds: float, count: int = 1) -> None:
        """The next messages arrive so many seconds later than they would, and what follows them not before."""
        if not seconds >= 0:
            raise ValueError(f"a delay is 0 or more seconds, not {seconds!r}")
        self._next(count, TransportFault.DELAY, seconds)

    def next_fault(self) -> tuple[TransportFault | None, float]:
        """What becomes of the message that is sent now, and by how many seconds it is late."""
        self.sent += 1
        return self._plan.pop(self.sent, (None, 0.0))

    def _next(self, count: int, fault: TransportFault, seconds: float = 0.0) -> None:
        if type(count) is not int or count < 1:
            raise ValueError(f"a plan is for 1 or more messages, not {count!r}")
        taken = max(self._plan, default=0)
        first = max(self.sent, taken) + 1  # one plan after the other
        for number in range(first, first + count):
            self._plan[number] = (fault, seconds)


class Pipe:
    """In order, and late; what has not arrived when `items` is cleared is gone.

    Args:
        chance: draws how late.
        arrive: takes what has arrived from the left of the items, one at least.
        faults: what goes wrong; by default nothing.
        garble: makes garbage of an item.
    """

    def __init__(
        self,
        chance: random.Random,
        arrive: Callable[[deque[Any]], None],
        *,
        faults: TransportFaults | None = None,
        garble: Callable[[Any], Any] = lambda item: item,
    ) -> None:
        self.items: deque[Any] = deque()
        self._chance = chance
        self._arrive = arrive
        self._faults = faults
        self._garble = garble
        self._held: list[Any] = []
        self._until = 0.0
        self._delay_s = chance.choice([0.0001, 0.002, 0.02])

    def put(self, item: Any) -> None:
        """Send something: a message, or the end."""
        fault, late_s = (None, 0.0) if self._faults is None else self._faults.next_fault()
        if fault is TransportFault.DROP:
            return
        if fault is TransportFault.GARBLE:
            item = self._garble(item)
        if fault is TransportFault.SWAP:
            self._held.append(item)
            return
        held, self._held = self._held, []
        self._send([item, item] if fault is TransportFault.REPEAT else [item], late_s)
        self._send(held, 0.0)

    def _send(self, items: list[Any], late_s: float) -> None:
        loop = asyncio.get_running_loop()
        for item in items:
            self.items.append(item)
            delay_s = self._delay_s * self._chance.random()
            if late_s or self._until > loop.time():
                self._until = max(loop.time() + delay_s + late_s, self._until)
                loop.call_at(self._until, self._next)
            else:
                loop.call_later(delay_s, self._next)

    def _next(self) -> None:
        if self.items:
            self._arrive(self.items)
