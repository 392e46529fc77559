"""A hold on code that awaits: it is cancelled, as anyio cancels, or let go of. Knows no task and no actor."""

from __future__ import annotations

from types import TracebackType

from anyio import CancelScope

__all__ = ["Hold"]


class Hold:
    """Cancels what awaits in its `with` block, at each of its waits; a shield in there is respected.

    It may be cancelled before the block is entered. Used for one block.

    Attributes:
        is_cancelled: whether it was. has_caught: whether the block was left because of that.
    """

    __slots__ = ("_inner", "_outer", "has_caught", "is_cancelled")

    def __init__(self) -> None:
        self._outer: CancelScope | None = None
        self._inner: CancelScope | None = None
        self.is_cancelled = False
        self.has_caught = False

    def cancel(self) -> None:
        """Cancel the block, now or when it is entered."""
        self.is_cancelled = True
        if self._outer is not None:
            self._outer.cancel()

    def let_go(self) -> None:
        """Cancel what resists no longer: anyio would try again in each turn of the loop, for ever."""
        if self._inner is not None:
            self._inner.shield = True

    def __enter__(self) -> None:
        # Made here and not before: anyio makes scopes in tasks only.
        self._outer = CancelScope()
        self._outer.__enter__()
        self._inner = CancelScope()
        self._inner.__enter__()
        if self.is_cancelled:
            self._outer.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        outer, inner = self._outer, self._inner
        self._outer = self._inner = None
        assert outer is not None and inner is not None
        inner.__exit__(kind, error, traceback)
        self.has_caught = bool(outer.__exit__(kind, error, traceback))
        return self.has_caught
