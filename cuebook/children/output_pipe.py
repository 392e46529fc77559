"""What a worker process prints on one of its streams, on its way to the parent's stream of that name. Knows no call."""

from __future__ import annotations

import asyncio
import os

from cuebook.children.port import Output

__all__ = ["LATE_S", "LINE_BYTES_MAX", "OutputPipe", "Printed"]

LATE_S = 0.08
"""A line that is not ended goes on after so many seconds (the worker has kept it for 0.02): dots of progress."""
LINE_BYTES_MAX = 64 * 1024
"""Or as soon as it has more bytes than this."""
_CHUNK_BYTES = 1 << 16
_CHUNKS_MAX = 64
"""Chunks read in one go, so that a call that prints without end does not keep the loop to itself."""


class Printed:
    """The bytes of one stream, cut where they may be shown. Pure.

    A line ends at a newline or a carriage return (a bar that draws itself anew).

    >>> printed = Printed()
    >>> printed.feed(b"one\\ntw"), printed.feed(b"o"), printed.rest()
    (b'one\\n', b'', b'two')
    """

    def __init__(self) -> None:
        self._held = b""

    def __bool__(self) -> bool:
        """Whether an unfinished line is held."""
        return bool(self._held)

    def feed(self, chunk: bytes) -> bytes:
        """More of it came; returns what may be shown now."""
        data = self._held + chunk
        end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        if len(data) - end > LINE_BYTES_MAX:
            end = whole_characters(data)
        self._held = data[end:]
        return data[:end]

    def rest(self) -> bytes:
        """The unfinished line, as far as its characters are whole; it is held no longer."""
        end = whole_characters(self._held)
        shown, self._held = self._held[:end], self._held[end:]
        return shown

    def last(self) -> bytes:
        """All that is held: nothing follows."""
        shown, self._held = self._held, b""
        return shown


def whole_characters(data: bytes) -> int:
    """How many of these bytes are whole characters of UTF-8, or can be no beginning of one.

    >>> whole_characters("é".encode()), whole_characters("é".encode()[:1]), whole_characters(b"a\\xff")
    (2, 0, 2)
    """
    for back in range(1, min(3, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 == 0x80:
            continue
        length = 2 if byte & 0xE0 == 0xC0 else 3 if byte & 0xF0 == 0xE0 else 4 if byte & 0xF8 == 0xF0 else 1
        return len(data) - back if back < length else len(data)
    return len(data)


class OutputPipe:
    """The parent's end of one stream of a worker.

    Args:
        fd: the read end; this object closes it.
        stream: "stdout" or "stderr".
        output: takes what may be shown.
    """

    def __init__(self, fd: int, stream: str, output: Output) -> None:
        self._fd = fd
        self._stream = stream
        self._output = output
        self._printed = Printed()
        self._late: asyncio.TimerHandle | None = None
        self._is_open = True
        os.set_blocking(fd, False)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(fd, self.read)

    def read(self) -> None:
        """Pass on what has been printed, in whole lines, and the rest of it soon."""
        for _ in range(_CHUNKS_MAX if self._is_open else 0):
            try:
                chunk = os.read(self._fd, _CHUNK_BYTES)
            except OSError:  # nothing more has come
                break
            if not chunk:
                self._loop.remove_reader(self._fd)
                break
            self._show(self._printed.feed(chunk))
        if self._printed and self._late is None:
            self._late = self._loop.call_later(LATE_S, self._show_rest)

    def drain(self) -> None:
        """Pass on all that has been printed so far."""
        self.read()
        self._show(self._printed.rest())

    def close(self) -> None:
        """Nothing is printed any more: pass on the last of it, and let go of the pipe."""
        if not self._is_open:
            return
        self.read()
        self._is_open = False
        self._show(self._printed.last())
        if self._late is not None:
            self._late.cancel()
        self._loop.remove_reader(self._fd)
        os.close(self._fd)

    def _show_rest(self) -> None:
        self._late = None
        self._show(self._printed.rest())

    def _show(self, printed: bytes) -> None:
        if printed:
            self._output(printed, self._stream)
