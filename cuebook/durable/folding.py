"""The fold: states of events, checked for the one mistake that is easily made. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["applied"]


def applied(apply: Callable[[Any, Any], Any], state: Any, event: Any) -> Any:
    """The state with one more event in it.

    Raises:
        TypeError: `apply` gave back None although there was a state.
    """
    new = apply(state, event)
    if new is None and state is not None:
        name = getattr(apply, "__qualname__", "apply")
        raise TypeError(f"{name} gave back None for a {type(event).__qualname__}: it is to return the next state")
    return new
