"""An exception in words, whatever its class makes of them. Knows no actor.

Classes of users' exceptions have methods of their own, and these fail as anything does.
"""

from __future__ import annotations

__all__ = ["repr_of", "text_of"]


def text_of(error: BaseException | None) -> str:
    """`str(error)`, or that there is none. Never raises."""
    try:
        return str(error)
    except Exception:
        return "(its message could not be made)"


def repr_of(error: BaseException | None) -> str:
    """`repr(error)`, or the name of its class. Never raises."""
    try:
        return repr(error)
    except Exception:
        return f"{type(error).__qualname__}(its message could not be made)"
