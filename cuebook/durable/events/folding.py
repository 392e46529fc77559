"""The fold: states of events, checked for the one mistake that is easily made. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["applied", "check_returned"]


def applied(apply: Callable[[Any, Any], Any], state: Any, event: Any) -> Any:
    """The state with one more event in it.

    Raises:
        TypeError: `apply` gave back None although there was a state.
    """
    new = apply(state, event)
    if new is None:
        check_returned(apply, state, event)
    return new


def check_returned(apply: Callable[[Any, Any], Any], state: Any, event: Any) -> None:
    """Where `apply` gave back None: raise TypeError unless that was the state before, too."""
    if state is not None:
        name = getattr(apply, "__qualname__", "apply")
        raise TypeError(f"{name} gave back None for a {type(event).__qualname__}: it is to return the next state")
