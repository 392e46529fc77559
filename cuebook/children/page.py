"""The page of memory that a worker process shares with its parent. Knows no call."""

from __future__ import annotations

import os

__all__ = ["PAGE_BYTES", "make_page"]

PAGE_BYTES = 4096
"""Doubles. In a worker three are used: index of the running call (-1: none), its start (monotonic, s), whether there is
anything to do. In a process of actors two an actor: the last message begun, whether one is in hand."""


def make_page() -> int:
    """A descriptor of a fresh page, zeroed, with no name that anything else could open."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("cuebook-page")
    else:
        import tempfile

        fd, name = tempfile.mkstemp()
        os.unlink(name)  # noqa: PTH108 - a path of a moment, by name from mkstemp
    os.ftruncate(fd, PAGE_BYTES)
    return fd
