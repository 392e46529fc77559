"""Why an incarnation ended. Knows no actor, and not what follows."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Exit"]


class Exit(StrEnum):
    """Why an incarnation ended."""

    NORMAL = "normal"
    """It stopped itself."""
    SHUTDOWN = "shutdown"
    """It was told to stop, by whoever or by the end of its parent or system."""
    FAILURE = "failure"
    """It raised, could not start, or was killed."""
