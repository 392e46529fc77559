"""What one job of several in a process prints, kept for its answer. Knows no job."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["captured"]

_Printed = list[tuple[str, bytes]]

_of_thread = threading.local()


@contextmanager
def captured() -> Iterator[_Printed]:
    """Within this block, what this thread prints by `sys.stdout` and `sys.stderr` is put into the list."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, _Routed):
            setattr(sys, name, _Routed(name, stream))
    printed: _Printed = []
    _of_thread.printed = printed
    try:
        yield printed
    finally:
        _of_thread.printed = None


class _Routed:
    """A stream that keeps what a job writes, and passes on what others do."""

    def __init__(self, name: str, stream: Any) -> None:
        self._name = name
        self._stream = stream

    def write(self, text: str) -> int:
        """As a text stream."""
        printed: _Printed | None = getattr(_of_thread, "printed", None)
        if printed is None:
            count: int = self._stream.write(text)
            return count
        printed.append((self._name, text.encode("utf-8", "backslashreplace")))
        return len(text)

    def flush(self) -> None:
        """As a text stream."""
        self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
