"""What others need to know of a job, and of a stage. Knows no journal."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

__all__ = ["JobPort", "StagePort"]


class JobPort(Protocol):
    """A job that holds somewhere."""

    name: str
    is_given: bool


class StagePort(Protocol):
    """A function that is a stage."""

    name: str
    func: Callable[..., Any]
    version: str | None
    depends: Sequence[Any]

    @property
    def signature(self) -> inspect.Signature:
        """Of the function."""

    def looked_at(self) -> AbstractContextManager[None]:
        """While this lasts, the stage counts by its name wherever it stands."""
