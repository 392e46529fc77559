"""A seeded event loop in virtual time: who of those that are ready goes next is chance, and the seed replays it.

Knows nothing of actors.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, cast

from cuebook.testing.virtual_time import VirtualTimeLoop

__all__ = ["JITTER_S", "ShuffledLoop", "run_shuffled"]

JITTER_S = 0.0005
"""A timer is this late at most, in virtual seconds; never early."""
_STALL_S = 0.2
_T = TypeVar("_T")


class _Callback:
    """What `call_soon` gives: as an `asyncio.Handle`."""

    __slots__ = ("_args", "_callback", "_context", "_is_cancelled", "_loop")

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: contextvars.Context | None,
    ) -> None:
        self._callback = callback
        self._args = args
        self._loop = loop
        self._context = contextvars.copy_context() if context is None else context
        self._is_cancelled = False

    def cancel(self) -> None:
        """It is not called."""
        self._is_cancelled = True

    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self._is_cancelled

    def run(self) -> None:
        """Call it, unless it was cancelled; what it raises is the loop's, unless it ends the program."""
        if self._is_cancelled:
            return
        try:
            self._context.run(self._callback, *self._args)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            context = {"message": f"Exception in callback {self._callback!r}", "exception": error}
            self._loop.call_exception_handler(context)


class ShuffledLoop(VirtualTimeLoop):
    """A VirtualTimeLoop that runs its ready callbacks in an order drawn from a seed.

    asyncio promises that `call_soon` is first come, first served over all of a loop. Here that holds only for the
    callbacks of one object (one task, one actor's driver, one host): what different objects do is drawn at random,
    as a different order of arrival would have it. Code that is right here relies on no order between strangers.
    What other threads hand in is run in order, as it comes.

    Args:
        seed: the same seed and the same code give the same order.
        stall_s: as in VirtualTimeLoop.

    Attributes:
        before_each: called before each callback: the moment for whatever is to happen between two steps.
    """

    runs_one_by_one = True
    """Actors that are ready are callbacks of their own here, to be shuffled."""

    def __init__(self, seed: int, stall_s: float = _STALL_S) -> None:
        self.before_each: Callable[[], object] | None = None
        self._chance = random.Random(seed)
        self._lines: list[tuple[int, deque[_Callback]]] = []
        self._line_of: dict[int, deque[_Callback]] = {}
        self._thread = threading.get_ident()
        super().__init__(stall_s)

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """Run a callback some time soon, after those of the same object that were asked for before."""
        handle = _Callback(callback, args, self, context)
        owner = id(getattr(callback, "__self__", callback))
        line = self._line_of.get(owner)
        if line is None:
            line = self._line_of[owner] = deque()
            self._lines.append((owner, line))
        line.append(handle)
        super().call_soon(self._run_one)
        return cast(asyncio.Handle, handle)

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """As `call_soon` where it comes from the loop's own thread."""
        if threading.get_ident() == self._thread:
            return self.call_soon(callback, *args, context=context)
        return super().call_soon_threadsafe(callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        """Run a callback at a moment of virtual time, or up to JITTER_S later."""
        late = when + JITTER_S * self._chance.random()
        return super().call_at(late, self._run_timer, callback, *args, context=context)

    def _run_timer(self, callback: Callable[..., object], *args: Any) -> None:
        if self.before_each is not None:
            self.before_each()
        callback(*args)

    def _run_one(self) -> None:
        if self.before_each is not None:
            self.before_each()
        place = self._chance.randrange(len(self._lines))
        owner, line = self._lines[place]
        handle = line.popleft()
        if not line:
            self._lines[place] = self._lines[-1]
            self._lines.pop()
            del self._line_of[owner]
        handle.run()


def run_shuffled(main: Coroutine[Any, Any, _T], seed: int, *, stall_s: float = _STALL_S) -> _T:
    """`asyncio.run` in virtual time, in an order drawn from `seed`.

    Raises:
        TimeoutError: everything waits and nothing will ever happen.
    """
    with asyncio.Runner(loop_factory=lambda: ShuffledLoop(seed, stall_s)) as runner:
        return runner.run(main)
