"""Time that passes only when nothing else is to do: an event loop whose clock jumps to the next deadline.

Knows nothing of actors: any asyncio code runs in it unchanged, and an hour of sleeping takes no time.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from cuebook.runtime.clock import TimerHandle

__all__ = ["STALL_S", "VirtualClock", "VirtualTimeLoop", "run_virtual"]

STALL_S = 5.0
"""Real seconds to wait for threads and processes when nothing is due, before it counts as a deadlock."""

_EPOCH = 1_700_000_000.0
_T = TypeVar("_T")


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop that jumps to its next timer when every task waits and no file descriptor is ready.

    Jobs in the default executor are waited for in real time. Other threads and child processes are not known
    to the loop: where a timer is due it does not wait for them.

    Parameters:
        stall_s: real seconds without any event, and with no timer to jump to, before it raises TimeoutError.
    """

    def __init__(self, stall_s: float = STALL_S) -> None:
        self._selector_of_time = _JumpingSelector(stall_s)
        super().__init__(self._selector_of_time)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._selector_of_time.now

    def advance(self, seconds: float) -> None:
        """Let time pass at once, as if everything had been slow; timers that are due then run in order."""
        if seconds < 0:
            raise ValueError(f"time does not go back: {seconds}")
        self._selector_of_time.now += seconds

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """As in asyncio; time stands still until the job is done."""
        future = super().run_in_executor(executor, func, *args)
        self._selector_of_time.jobs += 1
        future.add_done_callback(self._job_done)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """As in asyncio, without a deadline in virtual time."""
        executor = getattr(self, "_default_executor", None)
        if executor is not None:
            executor.shutdown(wait=True)

    def _job_done(self, _future: asyncio.Future[Any]) -> None:
        self._selector_of_time.jobs -= 1


class VirtualClock:
    """A `Clock` over a VirtualTimeLoop: the time of day goes with the loop, from a fixed day on."""

    __slots__ = ()

    def monotonic(self) -> float:
        """The loop's time in seconds."""
        return asyncio.get_running_loop().time()

    def time(self) -> float:
        """Seconds since 1970: that of 14 November 2023, 22:13:20 UTC, plus the loop's time."""
        return _EPOCH + asyncio.get_running_loop().time()

    def call_later(self, delay_s: float, callback: Callable[..., object], *args: Any) -> TimerHandle:
        """Call `callback(*args)` after `delay_s` virtual seconds."""
        return asyncio.get_running_loop().call_later(delay_s, callback, *args)


def run_virtual(main: Coroutine[Any, Any, _T], *, stall_s: float = STALL_S) -> _T:
    """`asyncio.run` in virtual time.

    Raises:
        TimeoutError: everything waits and nothing will ever happen.
    """
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(stall_s)) as runner:
        return runner.run(main)


class _JumpingSelector(selectors.DefaultSelector):
    """Where the loop would sleep until its next timer, the time passes instead."""

    def __init__(self, stall_s: float) -> None:
        super().__init__()
        self.now = 0.0
        self.jobs = 0
        self._stall_s = stall_s

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if self.jobs or timeout is None:
            ready = super().select(self._stall_s)
            if not ready and timeout is None and not self.jobs:
                raise TimeoutError(f"everything waits, nothing is due, and nothing happened for {self._stall_s:g} s")
            return ready
        self.now += timeout
        return ready
