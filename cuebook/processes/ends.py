"""How a process of actors ends: with its owner, or as its actors would have it. Knows no actor."""

from __future__ import annotations

import os
import signal
import socket
import sys
from typing import Any

__all__ = ["end_group", "exit_code", "mind_owner"]


def exit_code(code: Any) -> int:
    """What the interpreter makes of SystemExit's argument."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    sys.stderr.write(f"{code}\n")
    return 1


def end_group() -> None:
    """The owner is gone: end this process and whatever its actors have started."""
    os.killpg(0, signal.SIGKILL)


def mind_owner(control: socket.socket) -> None:
    """The owner's end is noticed also while a handler keeps the loop busy."""
    while control.recv(64):
        pass
    end_group()
