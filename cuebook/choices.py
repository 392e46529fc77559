"""Options that are one of a few words. Knows no option."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypeVar

__all__ = ["one_of"]

_E = TypeVar("_E", bound=StrEnum)


def one_of(kind: type[_E], value: Any, what: str) -> _E:
    """The member of an enum that is meant, by itself or by its word.

    Parameters:
        what: "restart of 'counter'", for the error.

    Raises:
        ValueError: it is none; the text says which there are.
    """
    try:
        return kind(value)
    except ValueError:
        raise ValueError(f"{what} is one of {', '.join(map(str, kind))}, not {value!r}") from None
