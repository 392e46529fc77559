"""The signal file of DVC's checkpoints: written by a program in any language, removed when its outputs are kept.

Where the kernel tells of new files nothing is polled; elsewhere it is looked for twenty times a second. Knows no
journal and no program.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import sys
from collections.abc import Callable
from pathlib import Path

__all__ = ["SignalFile"]

_IN_CLOSE_WRITE, _IN_MOVED_TO, _IN_CREATE = 0x8, 0x80, 0x100
_LOOK_S = 0.05


class SignalFile:
    """`.dvc/tmp/DVC_CHECKPOINT` below a workspace, watched.

    Args:
        root: the workspace. seen: called in the loop when the file is there.
    """

    def __init__(self, root: Path, seen: Callable[[], None]) -> None:
        self.path = root / ".dvc" / "tmp" / "DVC_CHECKPOINT"
        self._seen = seen
        self._made: list[Path] = []
        self._descriptor: int | None = None
        self._looking: asyncio.Task[None] | None = None

    def watch(self) -> None:
        """Begin; what a dead run has left goes first. Folders with nothing in them count as made here."""
        self.path.unlink(missing_ok=True)
        folders = (self.path.parent.parent, self.path.parent)
        is_ours = all(_has_nothing_but(folder, name) for folder, name in zip(folders, ("tmp", ""), strict=True))
        for folder in folders:
            if is_ours or not folder.exists():
                folder.mkdir(exist_ok=True)
                self._made.append(folder)
        self._descriptor = _watching(self.path.parent)
        if self._descriptor is not None:
            asyncio.get_running_loop().add_reader(self._descriptor, self._told)
        else:
            self._looking = asyncio.get_running_loop().create_task(self._look())

    def answer(self) -> None:
        """Remove the file: what the program waits for."""
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """End; the folders that were made here go where nothing else is in them."""
        if self._descriptor is not None:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None
        if self._looking is not None:
            self._looking.cancel()
        self.path.unlink(missing_ok=True)
        for folder in reversed(self._made):
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _told(self) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(BlockingIOError):
                os.read(self._descriptor, 1 << 16)
            if self.path.exists():
                self._seen()

    async def _look(self) -> None:
        while True:
            if self.path.exists():
                self._seen()
            await asyncio.sleep(_LOOK_S)


def _has_nothing_but(folder: Path, name: str) -> bool:
    try:
        return all(each.name == name for each in folder.iterdir())
    except FileNotFoundError:
        return True
    except OSError:
        return False


def _watching(folder: Path) -> int | None:
    """A descriptor that is readable when a file in the folder is new; None where there is no such thing."""
    if not sys.platform.startswith("linux"):
        return None
    system = ctypes.CDLL(None, use_errno=True)
    descriptor = int(system.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
    if descriptor < 0:
        return None
    if system.inotify_add_watch(descriptor, os.fsencode(folder), _IN_CLOSE_WRITE | _IN_MOVED_TO | _IN_CREATE) < 0:
        os.close(descriptor)
        return None
    return descriptor
