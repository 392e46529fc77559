"""Where a thread is. Knows no actor."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import FrameType

__all__ = ["frame_of", "shows_frames"]

_current_frames: Callable[[], Mapping[int, FrameType]] | None = getattr(sys, "_current_frames", None)
"""CPython's; other Pythons need not have it."""


def shows_frames() -> bool:
    """Whether this Python can tell where another thread is."""
    return _current_frames is not None


def frame_of(thread_id: int) -> FrameType | None:
    """The innermost frame of a thread; None where it has ended, or cannot be seen."""
    return None if _current_frames is None else _current_frames().get(thread_id)
