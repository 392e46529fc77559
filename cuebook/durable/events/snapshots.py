"""When a durable actor keeps a snapshot of its state, and how many. Decides; keeps nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["SnapshotPolicy"]


@dataclass(frozen=True, slots=True)
class SnapshotPolicy:
    """Snapshots shorten a recovery: it begins with the newest that can be read. Without one it begins with the first
    event.

    Args:
        every: after each so many events; None: not by number.
        when: a function of (state, event, number) that says yes, asked after each event; None: not so.
        keep: how many of the newest are kept; the older one is there in case the newest cannot be read.

    Raises:
        ValueError: `every` or `keep` is below 1.
    """

    every: int | None = None
    when: Callable[[Any, Any, int], bool] | None = None
    keep: int = 2

    def __post_init__(self) -> None:
        if (self.every is not None and self.every < 1) or self.keep < 1:
            raise ValueError("a SnapshotPolicy has every >= 1 (or None) and keep >= 1")

    def is_due(self, state: Any, event: Any, number: int) -> bool:
        """Whether the state is kept now, after `event`, which was the `number`-th."""
        if self.every is not None and number % self.every == 0:
            return True
        return self.when is not None and bool(self.when(state, event, number))
