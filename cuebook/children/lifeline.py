"""What ties a child process to the life of its parent, and to the ends of its channels. Knows no call.

Light: imported by worker processes at start.
"""

from __future__ import annotations

import mmap
import os
import signal
import socket
import sys
from typing import Any

from cuebook.children.importing import become_worker
from cuebook.children.page import PAGE_BYTES
from cuebook.children.stdio import line_buffer_c, open_streams

__all__ = ["end_group", "exit_code", "mind_owner", "settle_in"]


def settle_in(
    data_fd: int, control_fd: int, page_fd: int, parent: int, *, page_bytes: int = PAGE_BYTES
) -> tuple[socket.socket, socket.socket, memoryview[float]]:
    """Tie this process's life to the parent's. Its two sockets and its page, of which `page_bytes` are wanted here."""
    _die_with(parent)
    become_worker()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    data, control = socket.socket(fileno=data_fd), socket.socket(fileno=control_fd)
    for sock in (data, control):
        sock.setblocking(True)
        sock.set_inheritable(False)
    page = memoryview(mmap.mmap(page_fd, page_bytes)).cast("d")
    os.close(page_fd)
    open_streams()
    return data, control, page


def _die_with(parent: int) -> None:
    """Ask the kernel for SIGKILL at the parent's end (Linux); a parent that is gone already ends us here.

    0: it is not known by number, as something that has started us stands between.
    """
    if sys.platform == "linux":
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(1, signal.SIGKILL, 0, 0, 0)
        line_buffer_c(libc)
    if parent and os.getppid() != parent:
        os._exit(0)


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
