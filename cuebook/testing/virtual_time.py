"""Time that passes only when nothing else is to do: an event loop whose clock jumps to the next deadline.

Knows nothing of actors: any asyncio code runs in it unchanged, and an hour of sleeping takes no time.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from cuebook.clock import TimerHandle

__all__ = ["STALL_S", "VirtualClock", "VirtualTime", "VirtualTimeLoop", "run_virtual"]

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
        self._executor: ThreadPoolExecutor | None = None
        super().__init__(self._selector_of_time)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._selector_of_time.now

    def advance(self, seconds: float) -> None:
        """Let time pass at once, as if everything had been slow; timers that are due then run in order."""
        if seconds < 0:
            raise ValueError(f"time does not go back: {seconds}")
        self._selector_of_time.now += seconds

    async def until_idle(self) -> None:
        """Return when all else waits: nothing is ready, no job is in the executor. No time passes."""
        idler: asyncio.Future[None] = self.create_future()
        self._selector_of_time.idlers.append(idler)
        await idler

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """As in asyncio; time stands still until the job is done."""
        if executor is None and self._executor is None:
            self.set_default_executor(ThreadPoolExecutor(thread_name_prefix="asyncio"))
        future = super().run_in_executor(executor, func, *args)
        self._selector_of_time.jobs += 1
        future.add_done_callback(self._job_done)
        return future

    def set_default_executor(self, executor: ThreadPoolExecutor) -> None:  # type: ignore[override]
        """As in asyncio."""
        super().set_default_executor(executor)
        self._executor = executor

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """As in asyncio, without a deadline in virtual time."""
        if self._executor is not None:
            self._executor.shutdown(wait=True)

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


class VirtualTime:
    """Virtual time in the hands of a test; one for each loop will do.

    Attributes:
        clock: for whatever takes a `Clock`, such as an ActorSystem.
    """

    __slots__ = ("clock",)

    def __init__(self) -> None:
        self.clock = VirtualClock()

    @property
    def now(self) -> float:
        """Virtual seconds since the loop began. Raises RuntimeError outside of a VirtualTimeLoop."""
        return self._loop().time()

    async def advance(self, seconds: float) -> None:
        """Let time pass (0 or more seconds). What falls due runs at its moment and in its order; returns when all of
        that has been done and everything waits.
        """
        if seconds < 0:
            raise ValueError(f"time does not go back: {seconds}")
        await asyncio.sleep(seconds)
        await self.settle()

    async def settle(self) -> None:
        """Return when everything else waits: each message that is under way has been received. No time passes."""
        await self._loop().until_idle()

    def run(self, main: Coroutine[Any, Any, _T], *, stall_s: float = STALL_S) -> _T:
        """`run_virtual`, for tests that are plain functions."""
        return run_virtual(main, stall_s=stall_s)

    def _loop(self) -> VirtualTimeLoop:
        loop = asyncio.get_running_loop()
        if not isinstance(loop, VirtualTimeLoop):
            raise RuntimeError("time is real in this loop: use run_virtual(), or the fixture virtual_time")
        return loop


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
        self.idlers: list[asyncio.Future[None]] = []
        self._stall_s = stall_s

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if self.idlers and not self.jobs:
            idlers, self.idlers = self.idlers, []
            for idler in idlers:
                if not idler.done():
                    idler.set_result(None)
            return ready
        if self.jobs or timeout is None:
            ready = super().select(self._stall_s)
            if not ready and timeout is None and not self.jobs:
                raise TimeoutError(f"everything waits, nothing is due, and nothing happened for {self._stall_s:g} s")
            return ready
        self.now += timeout
        return ready
