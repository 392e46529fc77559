"""A hold on code that awaits: it is cancelled, as anyio cancels, or let go of. Knows no actor."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any

from anyio import CancelScope

from cuebook.runtime.tasks.exits import is_being_cancelled, is_exit

__all__ = ["AGAIN_S", "Hold"]

AGAIN_S = 0.5
"""Seconds after which what did not obey is cancelled once more."""
_TURNS = 5
"""Turns of the loop in which a cancellation arrives, unless it is shielded from."""


class Hold:
    """Cancels what awaits in its `with` block, twice where the first time did not end it; a shield in there is
    respected, and what the block awaits to clean up goes on.

    It may be cancelled before the block is entered. Used for one block.

    Attributes:
        is_cancelled: whether it was. has_caught: whether the block was left because of that.
    """

    __slots__ = ("_inner", "_is_again", "_outer", "_seen", "_task", "_turns", "has_caught", "is_cancelled")

    def __init__(self) -> None:
        self._outer: CancelScope | None = None
        self._inner: CancelScope | None = None
        self._task: asyncio.Task[Any] | None = None
        self._seen = self._turns = 0
        self._is_again = False
        self.is_cancelled = False
        self.has_caught = False

    def cancel(self) -> None:
        """Cancel the block, now or when it is entered."""
        self.is_cancelled = True
        if self._outer is not None:
            self._is_again = False
            self._press()

    def is_end(self, error: BaseException) -> bool:
        """Whether this, which left what the block awaits, is the end of the block and no failure of that."""
        if isinstance(error, asyncio.CancelledError):
            return is_being_cancelled()
        if isinstance(error, GeneratorExit):
            return not self._is_here()  # a task that is thrown away closes its coroutine, and does not run then
        return is_exit(error)

    def _is_here(self) -> bool:
        try:
            return self._task is not None and asyncio.current_task() is self._task
        except RuntimeError:  # no loop runs
            return False

    def let_go(self) -> None:
        """Cancel no more what resists."""
        if self._inner is not None:
            self._is_again = True
            self._inner.shield = True

    def __enter__(self) -> None:
        # Made here and not before: anyio makes scopes in tasks only.
        self._task = asyncio.current_task()
        self._outer = CancelScope()
        self._outer.__enter__()
        self._inner = CancelScope()
        self._inner.__enter__()
        if self.is_cancelled:
            self.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        outer, inner = self._outer, self._inner
        self._outer = self._inner = None
        assert outer is not None and inner is not None
        inner.__exit__(kind, error, traceback)
        self.has_caught = bool(outer.__exit__(kind, error, traceback))
        return self.has_caught

    def _press(self) -> None:
        """Cancel. anyio would do so again in each turn of the loop, for as long as the block goes on."""
        inner, outer, task = self._inner, self._outer, self._task
        if inner is None or outer is None or task is None:
            return  # it has ended meanwhile
        self._seen, self._turns = task.cancelling(), _TURNS
        inner.shield = False
        outer.cancel()
        self._ease()

    def _ease(self) -> None:
        """Let the block clean up, once the cancellation has arrived."""
        inner, task = self._inner, self._task
        if inner is None or task is None:
            return
        self._turns -= 1
        loop = asyncio.get_running_loop()
        if task.cancelling() > self._seen:
            inner.shield = True
        elif self._turns > 0:
            loop.call_soon(self._ease)
            return
        if not self._is_again:
            self._is_again = True
            loop.call_later(AGAIN_S, self._press)
