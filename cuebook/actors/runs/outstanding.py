"""What one worker has been given and has not answered, in the order of handing out. Pure bookkeeping."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

__all__ = ["Outstanding"]


class Outstanding:
    """Calls of one worker, a message's calls together; a worker answers in the order in which it was asked.

    Cost: O(1) a message for answers in order, O(calls) for any other.
    """

    __slots__ = ("_batches", "_front", "calls")

    def __init__(self) -> None:
        self._batches: deque[Sequence[int]] = deque()
        self._front = 0
        self.calls = 0

    def __len__(self) -> int:
        """How many messages are unanswered, wholly or in part."""
        return len(self._batches)

    def __repr__(self) -> str:
        return f"<Outstanding {self.calls} calls in {len(self._batches)} messages>"

    def add(self, indexes: Sequence[int]) -> None:
        """These calls were handed out in one message."""
        self._batches.append(indexes)
        self.calls += len(indexes)

    def indexes(self) -> list[int]:
        """Every unanswered call, in order."""
        flat = [index for batch in self._batches for index in batch]
        return flat[self._front :]

    def answer_run(self, start: int, count: int) -> bool:
        """Calls `start .. start + count - 1` are answered; False when some of them were not outstanding."""
        while count:
            if not self._batches:
                return False
            batch = self._batches[0]
            here = min(count, len(batch) - self._front)
            is_expected = batch[self._front] == start and (
                isinstance(batch, range)
                or list(batch[self._front : self._front + here]) == list(range(start, start + here))
            )
            if not is_expected:
                return self._answer_any(range(start, start + count))
            self._advance(batch, here)
            start += here
            count -= here
        return True

    def answer(self, indexes: Iterable[int]) -> bool:
        """These calls are answered (or given back); False when some of them were not outstanding."""
        return self._answer_any(indexes)

    def clear(self) -> list[int]:
        """Forget all; returns what was outstanding."""
        left = self.indexes()
        self._batches.clear()
        self._front = 0
        self.calls = 0
        return left

    def _advance(self, batch: Sequence[int], count: int) -> None:
        self.calls -= count
        self._front += count
        if self._front == len(batch):
            self._batches.popleft()
            self._front = 0

    def _answer_any(self, indexes: Iterable[int]) -> bool:
        gone = set(indexes)
        left: deque[Sequence[int]] = deque()
        front = self._front
        found = 0
        for batch in self._batches:
            rest = [index for index in batch[front:] if index not in gone]
            found += len(batch) - front - len(rest)
            front = 0
            if rest:
                left.append(rest)
        self._batches = left
        self._front = 0
        self.calls -= found
        return found == len(gone)
