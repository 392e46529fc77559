"""A hook of a subclass that runs after one of its base's, without having to call it. Knows no actor."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

__all__ = ["is_preceded", "preceded"]


def preceded(hook: Callable[..., Any], before: str) -> Callable[..., Any]:
    """The hook, after `self.<before>()`, which is awaited where it asks for that, and does nothing the second time."""

    @functools.wraps(hook)
    async def both(self: Any, *args: Any) -> None:
        pending = getattr(self, before)()
        if pending is not None:
            await pending
        outcome = hook(self, *args)
        if hasattr(outcome, "__await__"):
            await outcome

    both.precedes = before  # type: ignore[attr-defined]
    return both


def is_preceded(hook: Callable[..., Any]) -> bool:
    """Whether it is one that `preceded` made."""
    return hasattr(hook, "precedes")
