"""The standard streams of a worker process: what a call prints is on its way soon, also where no line is ended.

Light: imported by worker processes at start.
"""

from __future__ import annotations

import contextlib
import io
import sys
import threading
import time
from typing import Any

__all__ = ["flush_c", "flush_streams", "line_buffer_c", "open_streams"]

UNFINISHED_S = 0.02
"""How long an unfinished line stays in this process; the parent waits for its end as well."""


class _Minder:
    """Flushes the streams a moment after an unfinished line; its thread starts with the first one."""

    def __init__(self) -> None:
        self.is_minding = False
        self._wanted = threading.Event()
        self._has_thread = False

    def mind(self) -> None:
        """Something without an end of line was printed."""
        self.is_minding = True
        self._wanted.set()
        if not self._has_thread:
            self._has_thread = True
            with contextlib.suppress(RuntimeError):  # no thread can be started: it goes with the end of the call
                threading.Thread(target=self._serve, name="cuebook-printing", daemon=True).start()

    def _serve(self) -> None:
        while self._wanted.wait():
            time.sleep(UNFINISHED_S)
            self._wanted.clear()
            self.is_minding = False
            flush_streams()


_minder = _Minder()


class _FlushedStream(io.TextIOWrapper):
    def write(self, text: str, /) -> int:
        count = super().write(text)
        if text and text[-1] != "\n" and not _minder.is_minding:
            _minder.mind()
        return count


_streams: list[_FlushedStream] = []


def open_streams() -> None:
    """Take the place of `sys.stdout` and `sys.stderr`: text goes out by lines, in UTF-8, whatever it is."""
    for name in ("stdout", "stderr"):
        plain: Any = getattr(sys, name)
        stream = _FlushedStream(plain.detach(), encoding="utf-8", errors=plain.errors, line_buffering=True)
        stream.mode = "w"  # type: ignore[misc]  # as the interpreter does it
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
        _streams.append(stream)


def flush_streams() -> None:
    """What was printed leaves this process, by whatever calls have put in place of the streams too."""
    for stream in (sys.stdout, sys.stderr, *_streams):
        with contextlib.suppress(Exception):  # a call has closed it, or it is no stream at all
            stream.flush()


_libc: Any = None
_LINE_BUFFERED = 1
"""`_IOLBF` of the C library, on Linux and macOS."""


def line_buffer_c(libc: Any) -> None:
    """What compiled code prints through the C library goes out by lines as well, where the library can be asked."""
    global _libc
    import ctypes

    with contextlib.suppress(ValueError, AttributeError):
        libc.setvbuf(ctypes.c_void_p.in_dll(libc, "stdout"), None, _LINE_BUFFERED, 0)
        _libc = libc


def flush_c() -> None:
    """What the C library still holds goes out: a worker does not end by the way on which that happens by itself."""
    if _libc is not None:
        _libc.fflush(None)
