"""Whose progress a checkpoint is where no call runs and it is not the program's: something that says so while it runs.

Knows no stage.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Protocol

__all__ = ["ProgressPort", "progress_around"]


class ProgressPort(Protocol):
    """What keeps the progress of whatever runs here.

    Attributes:
        began: when it began, seconds of `time.monotonic`. marks: how often, or when, each label was reached last.
        is_async: whether it is a coroutine, in which answers are awaited.
    """

    is_async: bool

    began: float
    marks: dict[str | None, list[float]]

    def save_state(self, label: str | None, state: Any, metrics: dict[str, Any]) -> int | None:
        """Keep `state`; blocks until it is committed and returns its number; None once the attempt is over."""

    def find_state(self, default: Any) -> Any:
        """The newest state of an earlier, unfinished attempt, else `default`; blocks."""


progress_around: ContextVar[ProgressPort | None] = ContextVar("progress_around", default=None)
