"""What is too large for a message: buffers beside it that workers map, there as long as a call that needs them is."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

from cuebook.persistence.blobs.beside import BesideWriter

__all__ = ["IDLE_BYTES_MAX", "IDLE_MAX", "Spill"]

IDLE_BYTES_MAX = 256 * 1024 * 1024
"""Buffers that no call needs now are kept up to this size, the newest: further calls may have the same argument."""
IDLE_MAX = 32
"""And so many of them, as each takes a descriptor."""
_LOOKED_AT_MAX = 8
"""A buffer is compared with so many others of its size, the newest, before it is put down once more."""


class Spill(BesideWriter):
    """Buffers, each held once, that counts who needs it. In one thread: what is encoded together is shipped together.

    Args:
        folder: for buffers that need a path; it need not exist.
        are_fixed: whether what is in memory stays as it is meanwhile, as the arguments in a list do: then an array that
            comes again is not compared with what it was.
    """

    def __init__(self, folder: str, *, are_fixed: bool = False) -> None:
        super().__init__(folder)
        self._are_fixed = are_fixed
        self._arrays: dict[tuple[int, int], tuple[weakref.ref[Any], bytes]] = {}
        self._fresh: set[bytes] = set()
        self._fresh_bytes = 0
        self._of_call: dict[int, set[bytes]] = {}
        self._users: dict[bytes, int] = {}
        self._idle: dict[bytes, None] = {}
        self._by_size: dict[int, list[bytes]] = {}

    def write(self, data: bytes | bytearray | memoryview) -> bytes:
        """As `BesideWriter.write`, but once for equal contents; it is for the calls that `shipped` names next."""
        name = self._held(data)
        self._fresh.add(name)
        return name

    def hold(self, data: bytes | bytearray | memoryview) -> bytes:
        """As `write`, but it is there until all of it is closed."""
        name = self._held(data)
        self._users[name] = self._users.get(name, 0) + 1
        self._idle.pop(name, None)
        return name

    def _held(self, data: bytes | bytearray | memoryview) -> bytes:
        view = memoryview(data)
        place = _array_of(view) if self._are_fixed else None
        if place is None:
            return self._compared(view)
        array, address = place
        size = view.nbytes
        known = self._arrays.get((address, size))
        if known is not None and known[0]() is array and known[1] in self._sizes:
            return known[1]
        name = self._compared(view)
        self._arrays[address, size] = (weakref.ref(array), name)
        return name

    def _compared(self, data: memoryview) -> bytes:
        size = data.nbytes
        equals = self._by_size.get(size, [])
        for name in equals[: -_LOOKED_AT_MAX - 1 : -1]:
            if self.has(name, data):
                return name
        name = super().write(data)
        self._by_size[size] = [*equals, name]
        self._fresh_bytes += size
        return name

    def shipped(self, indexes: Sequence[int]) -> int:
        """These calls went out in one message; gives the size of what was put down for them and nobody had before."""
        if not self._fresh:
            return 0
        for index in indexes:
            held = self._of_call.setdefault(index, set())
            for name in self._fresh - held:
                held.add(name)
                self._users[name] = self._users.get(name, 0) + 1
                self._idle.pop(name, None)
        self._fresh.clear()
        size, self._fresh_bytes = self._fresh_bytes, 0
        return size

    def over(self, indexes: Sequence[int]) -> None:
        """These calls will not be sent again: what nobody needs goes, the oldest first."""
        if not self._of_call:
            return
        for index in indexes:
            for name in self._of_call.pop(index, ()):
                self._users[name] -= 1
                if not self._users[name]:
                    del self._users[name]
                    self._idle[name] = None
        size = sum(map(self._sizes.__getitem__, self._idle))
        while size > IDLE_BYTES_MAX or len(self._idle) > IDLE_MAX:
            name = next(iter(self._idle))
            del self._idle[name]
            size -= self._sizes[name]
            self.remove(name)

    def remove(self, name: bytes) -> None:
        """As `BesideWriter.remove`."""
        size = self._sizes.get(name, -1)
        equals = [each for each in self._by_size.pop(size, ()) if each != name]
        if equals:
            self._by_size[size] = equals
        super().remove(name)


def _array_of(view: memoryview) -> tuple[Any, int] | None:
    """The array whose memory a buffer is, and where in memory it begins; None where it is no array's."""
    part: Any = view.obj
    face = getattr(part, "__array_interface__", None)
    if face is None:
        return None
    array = part if part.base is None else part.base
    return (array, face["data"][0]) if hasattr(array, "__array_interface__") else None
