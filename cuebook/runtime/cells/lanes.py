"""A lane of envelopes that are taken by priority, and in order of coming within one. Knows no mailbox."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

__all__ = ["PriorityLane"]

_T = TypeVar("_T")


class PriorityLane(Generic[_T]):
    """What a deque is to a mailbox, with levels: the highest is taken first, the lowest dropped first.

    Parameters:
        priority_of: the level of an entry; any integer.

    Cost: a few look-ups more than a deque; memory of a level goes when it is empty.
    """

    __slots__ = ("_count", "_levels", "_order", "_priority_of")

    def __init__(self, priority_of: Callable[[_T], int]) -> None:
        self._priority_of = priority_of
        self._levels: dict[int, deque[_T]] = {}
        self._order: list[int] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[_T]:
        for priority in reversed(self._order):
            yield from self._levels[priority]

    def append(self, entry: _T) -> None:
        """At the end of its level."""
        self._level(entry).append(entry)
        self._count += 1

    def appendleft(self, entry: _T) -> None:
        """At the head of its level."""
        self._level(entry).appendleft(entry)
        self._count += 1

    def popleft(self) -> _T:
        """The oldest of the highest level. Raises IndexError where there is none."""
        return self._pop(-1)

    def drop(self) -> _T:
        """The oldest of the lowest level. Raises IndexError where there is none."""
        return self._pop(0)

    def _level(self, entry: _T) -> deque[_T]:
        priority = self._priority_of(entry)
        level = self._levels.get(priority)
        if level is None:
            level = self._levels[priority] = deque()
            self._order.append(priority)
            self._order.sort()
        return level

    def _pop(self, place: int) -> _T:
        priority = self._order[place]
        level = self._levels[priority]
        entry = level.popleft()
        self._count -= 1
        if not level:
            del self._levels[priority], self._order[place]
        return entry
