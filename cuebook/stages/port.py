"""What others need to know of a job. Knows no journal."""

from __future__ import annotations

from typing import Protocol

__all__ = ["JobPort"]


class JobPort(Protocol):
    """A job that holds somewhere."""

    name: str
    is_given: bool
