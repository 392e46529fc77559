"""How many workers a run should have where nobody said: twice as many as long as that pays. Pure."""

from __future__ import annotations

__all__ = ["LOOK_S", "CrewSize"]

LOOK_S = 0.25
"""A rate is taken over so many seconds at least, and two calls of each worker."""
PAYS = 1.1
"""Twice as many workers have to be so much faster; else it is the smaller number again, for good."""


class CrewSize:
    """The number of workers of a run while it is being found.

    Args:
        most: how many there may be.

    Attributes:
        workers: how many there should be now; 0 before the first look.
        is_settled: whether that will not change any more.

    >>> size = CrewSize(8)
    >>> [size.look(at, calls, ready) for at, calls, ready in [(0.0, 0, 2), (1.0, 100, 2), (1.1, 110, 4), (2.1, 310, 4)]]
    [2, 4, 4, 8]
    >>> size.look(2.2, 330, 8), size.look(3.2, 540, 8), size.is_settled
    (8, 4, True)
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.workers = 0
        self.is_settled = False
        self._since: tuple[float, int] | None = None
        self._before: tuple[int, float] | None = None

    def look(self, now: float, finished: int, ready: int) -> int:
        """The number of workers from now on.

        Args:
            now: seconds of any steady clock. finished: calls of the run that are over.
            ready: workers that can be given calls. Until all of them can, nothing is measured.
        """
        self.workers = self.workers or ready
        if self.is_settled or not ready:
            return self.workers
        if ready < self.workers:
            self._since = None
        elif self._since is None:
            self._since = (now, finished)
        else:
            seconds, calls = now - self._since[0], finished - self._since[1]
            if seconds >= LOOK_S and calls >= 2 * self.workers:
                self._decide(calls / seconds)
        return self.workers

    def _decide(self, rate: float) -> None:
        self._since = None
        if self._before is not None and rate < PAYS * self._before[1]:
            self.workers, self.is_settled = self._before[0], True
        elif self.workers >= self._most:
            self.is_settled = True
        else:
            self._before = (self.workers, rate)
            self.workers = min(2 * self.workers, self._most)
