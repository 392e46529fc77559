"""What fields of heads have to be, beyond their type: moments, counts, and plain facts under known names.

Knows no kind. Each raises ValueError, which a head's `decode` makes the error of a damaged record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["checked_counts", "checked_facts", "checked_moments"]


_MOMENT_MAX = 253_402_300_799
"""The last second of the year 9999: no calendar goes further."""


def checked_moments(*moments: float) -> None:
    """Refuse what is no number of seconds that a calendar has: NaN, 1e300, a truth value."""
    for moment in moments:
        if type(moment) is bool or not -_MOMENT_MAX <= moment <= _MOMENT_MAX:
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
