"""Handlers of signals that run at once: a signal that comes just before the loop begins to wait, or in another thread,
would else be handled when something else wakes the loop. Knows no handler.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from weakref import WeakKeyDictionary

__all__ = ["signals_wake"]

_users: WeakKeyDictionary[asyncio.AbstractEventLoop, Counter[int]] = WeakKeyDictionary()


@contextlib.contextmanager
def signals_wake(loop: asyncio.AbstractEventLoop, handlers: dict[int, Callable[..., Any]]) -> Iterator[None]:
    """Have the loop woken by these signals, as by those of its `add_signal_handler`; their handlers stay.

    Args:
        loop: that of the main thread.
        handlers: by number; a signal that is handled by another one is left alone.
    """
    users = _users.setdefault(loop, Counter())
    woken = []
    for number, handler in handlers.items():
        if signal.getsignal(number) == handler:
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, _nothing)
                users[number] += 1
                woken.append(number)
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number in woken:
            users[number] -= 1
            if not users[number] and signal.getsignal(number) == handlers[number]:  # else it is someone else's by now
                loop.remove_signal_handler(number)
                signal.signal(number, handlers[number])


def _nothing() -> None:
    """That the loop wakes up is enough."""
