"""Arguments too large for a message: files that workers read, there as long as a call that needs them is."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from cuebook.persistence.blobs.folder import BlobStore

__all__ = ["IDLE_BYTES_MAX", "Spill"]

IDLE_BYTES_MAX = 256 * 1024 * 1024
"""Files that no call needs now are kept up to this size, the newest ones: further calls may have the same argument."""


class Spill(BlobStore):
    """A folder of blobs that counts who needs each. In one thread: what is encoded together is shipped together.

    Args:
        folder: path of the folder; it need not exist.
    """

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self._fresh: set[bytes] = set()
        self._of_call: dict[int, set[bytes]] = {}
        self._users: dict[bytes, int] = {}
        self._sizes: dict[bytes, int] = {}
        self._idle: dict[bytes, None] = {}

    def write(self, data: bytes | bytearray | memoryview) -> bytes:
        """As `BlobStore.write`; what is written is for the calls that `shipped` names next."""
        digest = super().write(data)
        self._fresh.add(digest)
        self._sizes[digest] = memoryview(data).nbytes
        return digest

    def shipped(self, indexes: Sequence[int]) -> None:
        """These calls went out in one message."""
        if not self._fresh:
            return
        for index in indexes:
            held = self._of_call.setdefault(index, set())
            for digest in self._fresh - held:
                held.add(digest)
                self._users[digest] = self._users.get(digest, 0) + 1
                self._idle.pop(digest, None)
        self._fresh.clear()

    def over(self, indexes: Sequence[int]) -> None:
        """These calls will not be sent again: what nobody needs goes, the oldest first."""
        if not self._of_call:
            return
        for index in indexes:
            for digest in self._of_call.pop(index, ()):
                self._users[digest] -= 1
                if not self._users[digest]:
                    del self._users[digest]
                    self._idle[digest] = None
        size = sum(self._sizes[digest] for digest in self._idle)
        while size > IDLE_BYTES_MAX:
            digest = next(iter(self._idle))
            del self._idle[digest]
            size -= self._sizes.pop(digest)
            with contextlib.suppress(OSError):  # it goes with its folder at the end of the run
                self.remove(digest)
