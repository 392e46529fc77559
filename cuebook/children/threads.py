"""The end of a thread, waited for until the system has none of it any more. Knows no worker."""

from __future__ import annotations

import os
import sys
import threading
import time

__all__ = ["join", "until_gone"]

_IS_JOIN_EARLY = sys.version_info < (3, 13)
"""Whether `join` is over while the system still takes the thread apart, which counts for the warnings of `os.fork`."""
PATIENCE_S = 0.05


def join(thread: threading.Thread) -> None:
    """Wait for a thread's end. Cost: up to a millisecond more than its own `join`."""
    thread.join()
    if thread.native_id is not None:
        until_gone(thread.native_id)


def until_gone(native_id: int) -> None:
    """Wait until the system has no thread of this number, of one that has ended; where that can be seen."""
    if not _IS_JOIN_EARLY:
        return
    path, end = f"/proc/self/task/{native_id}", time.monotonic() + PATIENCE_S
    while os.path.exists(path) and time.monotonic() < end:
        time.sleep(0.0001)
