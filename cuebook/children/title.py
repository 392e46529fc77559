"""What a process is called in `ps`, `top` and `htop`. Knows no worker.

Light: worker processes import it at start.
"""

from __future__ import annotations

import sys

__all__ = ["show_title"]

_PR_SET_NAME = 15
_NAME_BYTES = 15


def show_title(text: str) -> None:
    """Call this process `cuebook: TEXT`, where setproctitle is installed (`pip install cuebook[title]`).

    Where it is not, the first 15 bytes of the text are the name of the main thread, which `ps -o comm` and `top` show;
    on Linux only, and nothing elsewhere. Call it in the main thread. Never raises.
    """
    text = text.replace("\0", " ").encode("utf-8", "replace").decode()
    try:
        from setproctitle import setproctitle
    except ImportError:
        _name_thread(text)
    else:
        setproctitle(f"cuebook: {text}")


def _name_thread(text: str) -> None:
    if sys.platform == "linux":
        import ctypes

        name = text.encode()[:_NAME_BYTES]
        ctypes.CDLL(None).prctl(_PR_SET_NAME, name, 0, 0, 0)
