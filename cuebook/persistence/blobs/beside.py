"""Large buffers that lie beside the messages of processes on one machine: written once, mapped by whoever reads them.

Each is a file without a name, in memory where there is plenty and else on the disk for temporary files: it is gone with
the process that has written it, however that ends. Where the system has no `/proc`, and where there are very many, it
has a name in a folder. Knows neither values nor calls. Light: worker processes import it at start.
"""
# ruff: noqa: PTH103, PTH105, PTH108, PTH115 - pathlib takes longer to import than all of this

from __future__ import annotations

import mmap
import os
from struct import Struct
from weakref import WeakSet

from cuebook.errors import InternalError, MessageTooLarge

__all__ = ["BesideReader", "BesideWriter", "drop_copy", "put_copy"]

_PLACE = Struct("<II24s")
"""A buffer's name: the process that holds it, its descriptor there, and a random part that no other buffer has."""
_IN_FOLDER = 0xFFFF_FFFF
HELD_MAX = 64
"""Each that is held or mapped takes a descriptor; what there is more of has a name in the folder, and is read."""
_FIRST_BYTES, _COMPARED_BYTES = 1 << 12, 1 << 18
_SHARE_OF_MEMORY = 4
"""A buffer of less than one part in so many of the memory that is free lies in memory."""


class BesideWriter:
    """Buffers that are there until they are removed, or this is closed. In one thread.

    Parameters:
        folder: for those that need a path; it need not exist. Whoever gives it removes it.
    """

    def __init__(self, folder: str) -> None:
        self.folder = os.path.abspath(folder)
        self._pid = os.getpid()
        self._sizes: dict[bytes, int] = {}

    def __del__(self) -> None:
        if hasattr(self, "_sizes"):
            self.close()

    def write(self, data: bytes | bytearray | memoryview) -> bytes:
        """Hold a copy of a buffer; the name of 32 bytes is for a `BesideReader`.

        Raises:
            MessageTooLarge: there is no room for it.

        Cost: one copy, 0.4 ms a megabyte; nothing is synced.
        """
        view = memoryview(data).cast("B")
        nonce = os.urandom(24)
        try:
            descriptor, is_named = self._new_file(nonce, view.nbytes)
            name = _PLACE.pack(self._pid, _IN_FOLDER if is_named else descriptor, nonce)
            self._sizes[name] = view.nbytes
            try:
                _write(descriptor, view)
            except BaseException:
                self.remove(name)
                raise
            finally:
                if is_named:
                    os.close(descriptor)
        except OSError as error:
            reason = error.strerror or str(error)
            raise MessageTooLarge(f"{view.nbytes:,} bytes for worker processes cannot be put down: {reason}") from error
        return name

    def has(self, name: bytes, data: bytes | bytearray | memoryview) -> bool:
        """Whether the buffer of this name has just these bytes.

        Cost: 0.4 ms a megabyte where it has; next to nothing where the beginnings differ.
        """
        view = memoryview(data).cast("B")
        if self._sizes[name] != view.nbytes:
            return False
        _, place, nonce = _PLACE.unpack(name)
        descriptor = os.open(_path(self.folder, nonce), os.O_RDONLY) if place == _IN_FOLDER else place
        try:
            return _has(descriptor, view)
        finally:
            if place == _IN_FOLDER:
                os.close(descriptor)

    def remove(self, name: bytes) -> None:
        """Let go of a buffer. Who has mapped it keeps it."""
        if self._sizes.pop(name, None) is None:
            return
        _, descriptor, nonce = _PLACE.unpack(name)
        try:
            if descriptor != _IN_FOLDER:
                os.close(descriptor)
            elif self._pid == os.getpid():
                os.unlink(_path(self.folder, nonce))
        except OSError:  # it goes with its folder
            return

    def close(self) -> None:
        """Let go of all of them."""
        for name in list(self._sizes):
            self.remove(name)

    def _new_file(self, nonce: bytes, size: int) -> tuple[int, bool]:
        """A descriptor of a fresh file, and whether the file has a name."""
        is_held = os.path.exists("/proc/self/fd") and len(self._sizes) < HELD_MAX
        if is_held and hasattr(os, "memfd_create") and size <= memory_free() // _SHARE_OF_MEMORY:
            try:
                return os.memfd_create(_title(nonce)), False
            except OSError:  # a sandbox may forbid it
                pass
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        path = _path(self.folder, nonce)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
        if is_held:
            os.unlink(path)
        return descriptor, not is_held


class BesideReader:
    """Reads what writers of this machine hold: the face of a `BlobStore` that a decoder needs.

    Parameters:
        folder: the writers' own.
    """

    def __init__(self, folder: str) -> None:
        self.folder = os.path.abspath(folder)

    def whole(self, name: bytes) -> bytes:
        """All of a buffer, for a machine that this one's processes are not on; raises as `mapped`."""
        descriptor = self._descriptor(name, None)
        try:
            return bytes(_read(descriptor, os.fstat(descriptor).st_size))
        finally:
            os.close(descriptor)

    def check(self, name: bytes, length: int) -> None:
        """Raise InternalError unless the buffer is there with this length."""
        os.close(self._descriptor(name, length))

    def mapped(self, name: bytes, length: int) -> memoryview:
        """A buffer, which may be written to: the pages are this process's own from then on, and nobody else sees it.

        Raises:
            InternalError: it is not there.

        Cost: 20 us; what is read is not copied, and lies in memory once for all processes.
        """
        descriptor = self._descriptor(name, length)
        try:
            if len(_mapped) >= HELD_MAX:
                return _read(descriptor, length)
            mapped = mmap.mmap(descriptor, length, access=mmap.ACCESS_COPY)
        finally:
            os.close(descriptor)
        _mapped.add(mapped)
        return memoryview(mapped)

    def read_into(self, name: bytes, target: memoryview) -> None:
        """Fill a writable buffer with one of exactly its length; raises as `mapped`."""
        target[:] = self.mapped(name, target.nbytes)

    def _descriptor(self, name: bytes, length: int | None) -> int:
        """Opens a buffer: one of this machine where its writer holds it, else the copy in the folder."""
        pid, place, nonce = _PLACE.unpack(name)
        path = _path(self.folder, nonce)
        reason = "another file is in its place"
        for candidate in [path] if place == _IN_FOLDER else [f"/proc/{pid}/fd/{place}", path]:
            try:
                descriptor = os.open(candidate, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
            except OSError as error:
                reason = error.strerror or str(error)
                continue
            is_it = length is None or os.fstat(descriptor).st_size == length
            if is_it and candidate != path:  # another file may have the descriptor's number by now
                is_it = _title(nonce) in os.readlink(f"/proc/self/fd/{descriptor}")
            if is_it:
                return descriptor
            os.close(descriptor)
        size = "bytes" if length is None else f"{length:,} bytes"
        raise InternalError(f"{size} beside a message are gone: {reason}")


def put_copy(folder: str, name: bytes, content: bytes) -> None:
    """Put a buffer of another machine down where a `BesideReader` of the folder finds it."""
    path = _path(folder, _PLACE.unpack(name)[2])
    with open(f"{path}.part", "wb") as file:
        file.write(content)
    os.replace(f"{path}.part", path)


def drop_copy(folder: str, name: bytes) -> None:
    """Remove such a copy. Who has mapped it keeps it."""
    try:
        os.unlink(_path(folder, _PLACE.unpack(name)[2]))
    except OSError:  # it goes with its folder
        return


_mapped: WeakSet[mmap.mmap] = WeakSet()


def _read(descriptor: int, length: int) -> memoryview:
    view = memoryview(bytearray(length))
    with open(descriptor, "rb", buffering=0, closefd=False) as file:
        done = 0
        while done < length:
            done += file.readinto(view[done:]) or length
    return view


def memory_free(root: str = "") -> int:
    """Bytes that processes could take now without swapping, as far as the system and its control groups say.

    Parameters:
        root: the folder that stands for the root of the file system, "" for that itself.
    """
    free = 0
    for line in _lines(f"{root}/proc/meminfo"):
        if line.startswith("MemAvailable:"):
            free = int(line.split()[1]) * 1024
    for line in _lines(f"{root}/proc/self/cgroup"):
        number, controllers, path = line.split(":", 2)
        if number == "0" or controllers == "memory":
            mount, names = _MEMORY_FILES[number == "0"]
            folders = [f"{root}{mount}{path.rstrip('/')}", f"{root}{mount}"]
            free = min([free, *(_left_in(folder, names) for folder in folders)])
    return max(free, 0)


_MEMORY_FILES = {
    True: ("/sys/fs/cgroup", ("memory.max", "memory.current")),
    False: ("/sys/fs/cgroup/memory", ("memory.limit_in_bytes", "memory.usage_in_bytes")),
}
"""Where control groups of version 2, or else 1, say what their limit is, and what they use."""


def _left_in(folder: str, names: tuple[str, str]) -> int:
    """Bytes until a control group's limit; very many where it has none."""
    limit, used = ("".join(_lines(f"{folder}/{name}")) for name in names)
    return int(limit) - int(used) if limit.isdigit() and used.isdigit() else 1 << 62


def _lines(path: str) -> list[str]:
    try:
        with open(path) as file:
            return file.read().splitlines()
    except OSError:
        return []


def _title(nonce: bytes) -> str:
    return f"cuebook-{nonce.hex()}"


def _path(folder: str, nonce: bytes) -> str:
    return os.path.join(folder, _title(nonce))


def _write(descriptor: int, view: memoryview) -> None:
    done = 0
    while done < view.nbytes:
        done += os.write(descriptor, view[done:])


def _has(descriptor: int, view: memoryview) -> bool:
    # Bytes are compared by the system's memcmp, memoryviews one by one in a tenth of the speed.
    start, size = 0, _FIRST_BYTES
    while start < view.nbytes:
        part = view[start : start + size].tobytes()
        if os.pread(descriptor, len(part), start) != part:
            return False
        start, size = start + size, _COMPARED_BYTES
    return True
