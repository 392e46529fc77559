"""Where a run's calls come from: a list, less what is reused, or an iterator fed from outside. Knows no actor."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

__all__ = ["CallSource", "FedSource", "ListSource"]


class CallSource(Protocol):
    """Calls to do, each with its index; what has been taken can be looked at until it is done."""

    @property
    def is_exhausted(self) -> bool:
        """Whether no call will ever come again."""

    @property
    def total(self) -> int | None:
        """How many calls there are in all, reused ones too; None where it is not known yet."""

    @property
    def remaining(self) -> int | None:
        """Calls not taken yet; None where it is not known."""

    @property
    def waiting(self) -> int:
        """Calls that could be taken now."""

    def take(self, limit: int) -> Sequence[int]:
        """Indexes of up to `limit` next calls; empty when none is there now."""

    def arguments(self, indexes: Sequence[int]) -> Sequence[Any]:
        """The arguments of calls that were taken and are not done."""

    def argument(self, index: int) -> Any:
        """The arguments of one such call."""

    def done(self, indexes: Sequence[int]) -> None:
        """These calls are committed (or will not be done): their arguments are not needed any more."""

    def undone(self) -> list[int]:
        """Calls that were taken and are not done."""


class ListSource:
    """A whole list of calls.

    Args:
        calls: every call's arguments.
        todo: ranges of indexes that are to be done, ascending; None: all.
    """

    def __init__(self, calls: Sequence[Any], todo: Iterable[range] | None = None) -> None:
        self._calls = calls
        self._todo = deque([range(len(calls))] if todo is None else todo)
        if self._todo and not len(self._todo[0]):
            self._todo.popleft()
        self._left = sum(map(len, self._todo))
        self._is_done = bytearray(len(calls))
        self._taken: list[range] = []

    @property
    def is_exhausted(self) -> bool:
        return not self._todo

    @property
    def total(self) -> int | None:
        return len(self._calls)

    @property
    def remaining(self) -> int | None:
        return self._left

    @property
    def waiting(self) -> int:
        return self._left

    def take(self, limit: int) -> Sequence[int]:
        if not self._todo:
            return ()
        first = self._todo[0]
        if len(first) >= limit or len(self._todo) == 1:
            return self._cut(limit)
        picked: list[int] = []
        while self._todo and len(picked) < limit:
            picked.extend(self._cut(limit - len(picked)))
        return picked

    def _cut(self, limit: int) -> range:
        first = self._todo.popleft()
        if len(first) > limit:
            self._todo.appendleft(first[limit:])
            first = first[:limit]
        self._left -= len(first)
        if self._taken and self._taken[-1].stop == first.start:
            self._taken[-1] = range(self._taken[-1].start, first.stop)
        else:
            self._taken.append(first)
        return first

    def arguments(self, indexes: Sequence[int]) -> Sequence[Any]:
        if isinstance(indexes, range):
            return self._calls[indexes.start : indexes.stop]
        return [self._calls[index] for index in indexes]

    def argument(self, index: int) -> Any:
        return self._calls[index]

    def done(self, indexes: Sequence[int]) -> None:
        if isinstance(indexes, range):
            self._is_done[indexes.start : indexes.stop] = b"\1" * len(indexes)
            return
        for index in indexes:
            self._is_done[index] = 1

    def undone(self) -> list[int]:
        return [index for taken in self._taken for index in taken if not self._is_done[index]]


class FedSource:
    """Calls of an iterator, fed in order from outside; holds only what is taken and not done, and the next few.

    Attributes:
        on_done: called when calls were done, so that the feeder may go on.
        count: calls that were fed or skipped so far.
    """

    def __init__(self) -> None:
        self._waiting: deque[int] = deque()
        self._calls: dict[int, Any] = {}
        self.on_done: Callable[[], None] | None = None
        self.count = 0
        self._is_ended = False

    @property
    def is_exhausted(self) -> bool:
        return self._is_ended and not self._waiting

    @property
    def total(self) -> int | None:
        return self.count if self._is_ended else None

    @property
    def remaining(self) -> int | None:
        return len(self._waiting) if self._is_ended else None

    @property
    def waiting(self) -> int:
        """Calls that were fed and not taken."""
        return len(self._waiting)

    @property
    def held(self) -> int:
        """Calls in memory: fed and not done."""
        return len(self._calls)

    def feed(self, call: Any) -> int:
        """Add a call to be done; returns its index."""
        index = self.count
        self.count += 1
        self._calls[index] = call
        self._waiting.append(index)
        return index

    def skip(self) -> int:
        """A call that need not be done (it is reused); returns its index."""
        self.count += 1
        return self.count - 1

    def end(self) -> None:
        """No call follows."""
        self._is_ended = True

    def take(self, limit: int) -> Sequence[int]:
        waiting = self._waiting
        taken = [waiting.popleft() for _ in range(min(limit, len(waiting)))]
        if taken and taken[-1] - taken[0] + 1 == len(taken):
            return range(taken[0], taken[-1] + 1)
        return taken

    def arguments(self, indexes: Sequence[int]) -> Sequence[Any]:
        calls = self._calls
        return [calls[index] for index in indexes]

    def argument(self, index: int) -> Any:
        return self._calls[index]

    def done(self, indexes: Sequence[int]) -> None:
        for index in indexes:
            self._calls.pop(index, None)
        if self.on_done is not None:
            self.on_done()

    def undone(self) -> list[int]:
        waiting = set(self._waiting)
        return [index for index in self._calls if index not in waiting]
