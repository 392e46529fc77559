"""A small process that outlives its runner, whatever way that ends, and leaves no orphan and no mix behind it.

It is forked before the runner has any thread, holds the workspace's lock with it, and waits for the end of a pipe.
Knows no trigger.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable

__all__ = ["Guardian"]

PATIENCE_S = 3.0
"""How long a program whose runner is gone has to see it by itself: `make_checkpoint` raises RunnerGone."""
_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Guardian:
    """Watches over the process that makes it.

    Args:
        after: what it does when its runner is gone, in its own process.
    """

    def __init__(self, after: Callable[[], None]) -> None:
        ours, theirs = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(theirs)
            _watch(ours, after)
        os.close(ours)
        self._pipe = theirs

    def dismiss(self) -> None:
        """It is no longer needed: the runner has done it all."""
        os.write(self._pipe, b".")
        os.close(self._pipe)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)


def _watch(pipe: int, after: Callable[[], None]) -> None:
    try:
        os.setsid()
        for number in _IGNORED:
            signal.signal(number, signal.SIG_IGN)
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):  # whoever reads the runner's output is not to wait for this one
            os.dup2(nothing, stream)
        if not os.read(pipe, 1):
            after()
    finally:
        os._exit(0)
