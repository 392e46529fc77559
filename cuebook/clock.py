"""Time as a port: what the runtime asks the time of, and is woken by. Knows no actor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["Clock", "SystemClock", "TimerHandle"]


class TimerHandle(Protocol):
    """What `call_later` gives back."""

    def cancel(self) -> None:
        """The callback is not called any more. No effect after it was."""


class Clock(Protocol):
    """Seconds that only go forward, the time of day, and a wake-up call."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back. Called on the loop."""
        ...

    def time(self) -> float:
        """Seconds since 1970 in UTC, as the machine has them; may jump."""
        ...

    def call_later(self, delay_s: float, callback: Callable[..., object], *args: Any) -> TimerHandle:
        """Call `callback(*args)` on the running loop after `delay_s` seconds (>= 0)."""
        ...


class SystemClock:
    """The clock of the running event loop and of the machine."""

    __slots__ = ()

    def monotonic(self) -> float:
        """The loop's time in seconds."""
        return asyncio.get_running_loop().time()

    def time(self) -> float:
        """Seconds since 1970 in UTC."""
        return time.time()

    def call_later(self, delay_s: float, callback: Callable[..., object], *args: Any) -> TimerHandle:
        """Call `callback(*args)` on the running loop after `delay_s` seconds."""
        return asyncio.get_running_loop().call_later(delay_s, callback, *args)
