"""Context variables of whoever asked for a run, for calls that run in this process. Knows no call."""

from __future__ import annotations

from contextvars import Context, ContextVar, Token
from typing import Any

__all__ = ["AdoptedContext"]

_OURS = "cuebook_"
"""Variables of this name say what an actor or a call has in hand: that is not what its caller has."""

_OF_DECIMAL = "decimal_context"
"""Its value is changed in place by `getcontext().prec = 5`: each worker has one of its own."""


class AdoptedContext:
    """The context of one worker, a thread or a task, which has the variables of one run after the other."""

    def __init__(self) -> None:
        self._tokens: list[tuple[ContextVar[Any], Token[Any]]] = []

    def adopt(self, context: Context) -> None:
        """Have the variables of another context, and no more those of the one before. In the worker's own context."""
        while self._tokens:
            var, token = self._tokens.pop()
            var.reset(token)
        for var, value in context.items():
            if not var.name.startswith(_OURS):
                own = value.copy() if var.name == _OF_DECIMAL else value
                self._tokens.append((var, var.set(own)))
