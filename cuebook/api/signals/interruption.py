"""Ctrl-C and SIGTERM while a run goes on: no new calls, what is finished is kept, one line, the right exit code."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType
from typing import Any

from cuebook.errors import RunStopped
from cuebook.wording import printable

__all__ = ["LATE_S", "Interrupted", "SignalWatch", "Terminated", "as_exit", "name_of_stop", "watched_signals"]

LATE_S = 1.0
"""For so long after a run was interrupted, a further SIGINT is taken for one of the same burst, in seconds."""


class Interrupted(KeyboardInterrupt, SystemExit):
    """A run was interrupted (Ctrl-C, or its time limit): exit code 130, no traceback. The same command continues it.

    Attributes:
        stopped: the RunStopped with what is kept.
    """

    def __init__(self, stopped: RunStopped) -> None:
        self.stopped = stopped
        SystemExit.__init__(self, 130)

    def __str__(self) -> str:
        return str(self.stopped)


class Terminated(SystemExit):
    """A run was ended by SIGTERM: exit code 143, no traceback. The same command continues it."""

    def __init__(self, stopped: RunStopped) -> None:
        self.stopped = stopped
        super().__init__(143)

    def __str__(self) -> str:
        return str(self.stopped)


def name_of_stop(number: int) -> str:
    """What a signal does to a run, in a word."""
    return "interrupted" if number == signal.SIGINT else "terminated"


class SignalWatch:
    """Counts the signals that came; `on_signal` gets the number of each and how many there were."""

    def __init__(self, on_signal: Callable[[int, int], None]) -> None:
        self.count = 0
        self.first: int | None = None
        self._on_signal = on_signal

    def handle(self, number: int, frame: FrameType | None) -> None:
        """The signal handler: sets flags, no more."""
        del frame
        self.count += 1
        if self.first is None:
            self.first = number
        self._on_signal(number, self.count)


@contextlib.contextmanager
def watched_signals(watch: SignalWatch) -> Iterator[None]:
    """Replace *default* handlers of SIGINT and SIGTERM while a run goes on, in the main thread; restore them after."""
    replaced: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        defaults: dict[int, Any] = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
        for number, default in defaults.items():
            handler = signal.getsignal(number)
            if handler is default or _is_of_asyncio(handler):
                replaced[number] = signal.signal(number, watch.handle)
            elif _is_late(handler):
                replaced[number] = default
                signal.signal(number, watch.handle)
    try:
        yield
    finally:
        if watch.count and replaced.get(signal.SIGINT) is signal.default_int_handler and not _is_ipython():
            replaced[signal.SIGINT] = _Late().handle
        for number, handler in replaced.items():
            if signal.getsignal(number) == watch.handle:  # else the program has set one of its own meanwhile
                signal.signal(number, handler)


class _Late:
    """Python's own handler of SIGINT, but deaf at first: whoever hammers Ctrl-C would hit the interpreter's exit, which
    shows a traceback then.
    """

    def __init__(self) -> None:
        self._until = time.monotonic() + LATE_S

    def handle(self, number: int, frame: FrameType | None) -> None:
        if time.monotonic() >= self._until:
            signal.signal(number, signal.default_int_handler)
            signal.default_int_handler(number, frame)


def _is_late(handler: Any) -> bool:
    return isinstance(getattr(handler, "__self__", None), _Late)


def _is_of_asyncio(handler: Any) -> bool:
    """Whether asyncio.run() has put it in place of Python's own: it cancels the main task, once the loop is free.

    Told by where its code is from. Where it is none, the handler stays: Ctrl-C is as late as asyncio makes it.
    """
    function = handler.func if isinstance(handler, partial) else handler
    return getattr(function, "__module__", None) == asyncio.Runner.__module__


def as_exit(stopped: RunStopped, number: int | None) -> BaseException:
    """What to raise for a stopped run in a program: prints the one line, on standard error.

    In a thread other than the main one it is the RunStopped itself, and nothing is printed; when the main thread has
    ended, a SystemExit, which ends the thread without a word more.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main and threading.main_thread().is_alive():
        return stopped
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(f"cuebook: {printable(str(stopped))}\n")
            sys.stderr.flush()
    if not is_main:
        return SystemExit(130)
    if number == signal.SIGTERM:
        return Terminated(stopped)
    if _is_ipython():
        return KeyboardInterrupt(str(stopped))
    return Interrupted(stopped)


def _is_ipython() -> bool:
    module = sys.modules.get("IPython")
    return module is not None and module.get_ipython() is not None
