"""SIGUSR1 prints what goes on, also while the event loop is held up. Knows no actor."""

from __future__ import annotations

import contextlib
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

__all__ = ["dumps_on_signal"]

TRIES = 5
"""The text is made beside the loop, which may change what is looked at: then once more."""


class _Printer:
    """A thread that prints when it is asked to: a signal handler may do no more than ask."""

    def __init__(self, text: Callable[[], str]) -> None:
        self._text = text
        self._requests: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self.before: Any = signal.SIG_DFL
        self.is_closed = False
        self._thread = threading.Thread(target=self._serve, name="cuebook-dump", daemon=True)
        self._thread.start()

    def handle(self, number: int, frame: FrameType | None) -> None:
        """The signal handler; that of another runtime, which was there before, is called too."""
        self._requests.put(True)
        if callable(self.before):
            self.before(number, frame)

    def install(self) -> bool:
        """In place of the default handler, or of another runtime's; whether it was."""
        self.before = signal.getsignal(signal.SIGUSR1)
        is_free = self.before is signal.SIG_DFL or _printer_of(self.before) is not None
        if is_free:
            signal.signal(signal.SIGUSR1, self.handle)
        return is_free

    def remove(self) -> None:
        """Put back what was there; where another runtime has come since, leave it, and ask no more."""
        if _printer_of(signal.getsignal(signal.SIGUSR1)) is self:
            before = self.before
            while (printer := _printer_of(before)) is not None and printer.is_closed:
                before = printer.before
            signal.signal(signal.SIGUSR1, before)

    def close(self) -> None:
        """The thread ends."""
        self.is_closed = True
        self._requests.put(False)
        self._thread.join(1.0)

    def _serve(self) -> None:
        while self._requests.get():
            text = self._made()
            with contextlib.suppress(OSError, ValueError, AttributeError):
                sys.stderr.write(text)
                sys.stderr.flush()

    def _made(self) -> str:
        error: Exception | None = None
        for _ in range(TRIES):
            try:
                return self._text()
            except Exception as raised:  # changed while it was looked at
                error = raised
        return f"cuebook: what goes on could not be shown: {error!r}\n"


def _printer_of(handler: Any) -> _Printer | None:
    owner = getattr(handler, "__self__", None)
    return owner if isinstance(owner, _Printer) else None


@contextlib.contextmanager
def dumps_on_signal(text: Callable[[], str]) -> Iterator[dict[int, Callable[..., None]]]:
    """Print a text on standard error at each SIGUSR1; only in the main thread, only where nobody else handles it.

    Yields:
        the handler, by its signal.
    """
    if not hasattr(signal, "SIGUSR1") or threading.current_thread() is not threading.main_thread():
        yield {}
        return
    printer = _Printer(text)
    is_installed = printer.install()
    try:
        yield {signal.SIGUSR1: printer.handle}
    finally:
        if is_installed:
            printer.remove()
        printer.close()
