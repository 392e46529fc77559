"""Locks between processes, by the kernel: they end with whoever holds them. Knows nothing of what they guard."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cuebook.errors import WorkplaceBusy, WorkplaceError
from cuebook.persistence.trust.plain_file import open_plain

__all__ = ["FolderLock", "HeldLock"]


class FolderLock:
    """A lock that many may share, or one has alone.

    Args:
        path: of its file; made when it is first taken.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Beside others who share it; waits for one who has it alone."""
        with self._opened() as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Alone.

        Raises:
            WorkplaceBusy: somebody has it.
        """
        with self._opened() as descriptor:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise WorkplaceBusy(f"files are being kept just now ({self._path}); try again later") from None
            yield

    @contextmanager
    def _opened(self) -> Iterator[int]:
        descriptor = _opened_file(self._path)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


class HeldLock:
    """A lock that one has alone until it is released, or its last holder is gone: a fork holds it too.

    Args:
        path: of its file; it also says who has it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take(self, note: str, *, waits: bool = False) -> str | None:
        """Take it; gives what the one who has it noted, else None.

        Args:
            note: for others, who cannot have it meanwhile.
            waits: until it is free.
        """
        descriptor = _opened_file(self._path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            found = os.pread(descriptor, 4096, 0).decode("utf-8", "replace").strip()
            os.close(descriptor)
            return found or "another process"
        self._descriptor = descriptor
        self.note(note)
        return None

    def note(self, text: str) -> None:
        """Tell others something else, who cannot have it meanwhile."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, text.encode(), 0)

    def release(self) -> None:
        """Let it go. Twice is fine."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.ftruncate(descriptor, 0)
            os.close(descriptor)


def _opened_file(path: Path) -> int:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return open_plain(str(path), os.O_RDWR | os.O_CREAT)[0]
    except OSError as error:
        raise WorkplaceError(f"{path} cannot be opened: {error.strerror}") from error
