"""The processes that a program has left, found by the runner that they were given. Knows no journal."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from cuebook.checkpoints.program import RUNNER

__all__ = ["end_all", "left_by"]

_LOOK_S = 0.02


def left_by(runner: str) -> Iterator[int]:
    """Processes whose environment names this runner's socket; not this process itself.

    Cost: about 10 us a process of the machine.
    """
    mark = os.fsencode(f"{RUNNER}={runner}")
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            variables = (folder / "environ").read_bytes().split(b"\0")
            is_dead = (folder / "stat").read_bytes().rpartition(b")")[2].split()[0] in (b"Z", b"X")
        except OSError:  # gone, or another user's
            continue
        if mark in variables and not is_dead and int(folder.name) != os.getpid():
            yield int(folder.name)


def end_all(runner: str, *, patience_s: float = 0.0, grace_s: float = 2.0) -> int:
    """See to it that none of them is left; gives how many had to be ended.

    Args:
        runner: the socket. patience_s: how long they have to end by themselves. grace_s: then, after SIGTERM.
    """
    _wait(runner, patience_s)
    asked = list(left_by(runner))
    _send(asked, signal.SIGTERM)
    if asked:
        _wait(runner, grace_s)
    for _ in range(100):  # each may have started others meanwhile
        left = list(left_by(runner))
        if not left:
            break
        _send(left, signal.SIGKILL)
        time.sleep(_LOOK_S)
    return len(asked)


def _wait(runner: str, limit_s: float) -> None:
    end = time.monotonic() + limit_s
    while time.monotonic() < end and any(left_by(runner)):
        time.sleep(_LOOK_S)


def _send(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
