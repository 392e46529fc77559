"""The page of memory that a worker process shares with its parent. Knows no call."""

from __future__ import annotations

import os

__all__ = ["NONSENSE", "NOTES_BYTES", "PAGE_BYTES", "make_page", "since", "whole"]

PAGE_BYTES = 4096
"""Doubles. In a worker three are used: index of the running call (-1: none), its start (monotonic, s), whether there is
anything to do. In a process of actors two an actor: the last message begun, whether one is in hand."""
NOTES_BYTES = 128 * 1024
"""Behind the page, in a process of actors: answers that have not been sent. What is not written to takes no memory."""


NONSENSE = -2
"""Stands for a number that nobody of ours can have written: a call may write anywhere in its memory."""

_WHOLE_MAX = 1 << 53


def whole(value: float) -> int:
    """A number of the page that is whole, from -1 on; `NONSENSE` where it is none.

    >>> whole(7.0), whole(-1.0), whole(float("inf")), whole(float("nan")), whole(0.5)
    (7, -1, -2, -2, -2)
    """
    return int(value) if -1 <= value <= _WHOLE_MAX and value == int(value) else NONSENSE


def since(start: float, now: float) -> float:
    """Seconds from a moment of the page to now, both monotonic; 0 where it is no moment.

    >>> since(2.0, 5.0), since(float("nan"), 5.0), since(9.0, 5.0)
    (3.0, 0.0, 0.0)
    """
    return now - start if 0 <= start <= now else 0.0


def make_page() -> int:
    """A descriptor of a fresh page, zeroed, with no name that anything else could open."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("cuebook-page")
    else:
        import tempfile

        fd, name = tempfile.mkstemp()
        os.unlink(name)  # noqa: PTH108 - a path of a moment, by name from mkstemp
    os.ftruncate(fd, PAGE_BYTES + NOTES_BYTES)
    return fd
