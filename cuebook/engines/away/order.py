"""Numbered things that may overtake one another on their way, put back in order. Knows no line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

__all__ = ["InOrder"]

T = TypeVar("T")


class InOrder(Generic[T]):
    """Gives each thing out when all those before it were; the first one has number 1."""

    def __init__(self) -> None:
        self._next = 1
        self._early: dict[int, T] = {}

    def put(self, number: int, thing: T) -> Iterator[T]:
        """One has come; those that can be given out now."""
        self._early[number] = thing
        while self._next in self._early:
            yield self._early.pop(self._next)
            self._next += 1
