"""What fields of heads have to be, beyond their type: moments, counts, and plain facts under known names.

Knows no kind. Each raises ValueError, which a head's `decode` makes the error of a damaged record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["checked_counts", "checked_facts", "checked_moments", "is_moment"]


_MOMENT_MAX = 253_402_300_799
"""The last second of the year 9999: no calendar goes further."""


def is_moment(seconds: float) -> bool:
    """Whether it is a number of seconds that a calendar has, since the epoch or from one moment to another."""
    return -_MOMENT_MAX <= seconds <= _MOMENT_MAX


def checked_moments(*moments: float) -> None:
    """Refuse what is no number of seconds that a calendar has: 1 << 60, say, where an integer stands for one."""
    for moment in moments:
        if not is_moment(moment):
            raise ValueError(f"{moment} is no number of seconds")


def checked_counts(*counts: int) -> None:
    """Refuse what counts or numbers nothing: what is below 0, a truth value."""
    for count in counts:
        if type(count) is not int or count < 0:
            raise ValueError(f"{count!r} is no count")


def checked_facts(facts: Mapping[Any, Any], types: Mapping[str, type]) -> None:
    """Refuse names that are no texts, and values under known names that are not of the type of that name."""
    for name, value in facts.items():
        if type(name) is not str or not isinstance(value, types.get(name, object)):
            raise ValueError(f"{name!r} holds {type(value).__name__}")
