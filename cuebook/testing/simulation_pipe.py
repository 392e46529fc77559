"""One direction of a simulated socket pair. Knows no message."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import Any

__all__ = ["Pipe"]


class Pipe:
    """In order, and late; what has not arrived when `items` is cleared is gone.

    Args:
        chance: draws how late.
        arrive: takes what has arrived from the left of the items, one at least.
    """

    def __init__(self, chance: random.Random, arrive: Callable[[deque[Any]], None]) -> None:
        self.items: deque[Any] = deque()
        self._chance = chance
        self._arrive = arrive
        self._delay_s = chance.choice([0.0001, 0.002, 0.02])

    def put(self, item: Any) -> None:
        """Send something: a message, or the end."""
        self.items.append(item)
        asyncio.get_running_loop().call_later(self._delay_s * self._chance.random(), self._next)

    def _next(self) -> None:
        if self.items:
            self._arrive(self.items)
