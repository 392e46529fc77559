"""The lock on a journal: one writer at a time, told apart by `PATH.lock`, and where the journal ended at a commit.

Knows no record. The lock is the kernel's (an open-file-description lock): it ends with its holder, whatever way that
one ends, and closing another descriptor of the file does not drop it.

    PATH.lock = crc32 of the rest (8 hex digits) | space | one line of JSON (a `Note`) | newline | older bytes
"""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import json
import os
import socket
import struct
import time
import weakref
import zlib
from pathlib import Path
from typing import Any

from cuebook.errors import JournalBusy, JournalError
from cuebook.persistence.stores.port import Holder, Note
from cuebook.persistence.stores.sqlite.location import check_platform, mount_of
from cuebook.persistence.trust.plain_file import open_plain

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["FileLock", "holder_of", "read_note"]

_FLOCK = "hhqqi4x"
_NOTE_BYTES = 512
_TRIES, _PAUSE_S = 20, 0.001
"""Where a reader has to try a lock to ask for it, a writer waits for so long: no reader holds it longer."""
_SET, _GET = getattr(fcntl, "F_OFD_SETLK", None), getattr(fcntl, "F_OFD_GETLK", None)


class FileLock:
    """The writer's lock, as a `WriterSeat`.

    Args:
        path: of the lock file.
        locks_are_local: the kernel does not see locks of other hosts on this file system, so what the file says of a
            holder there is believed. None: looked up when it is taken.
    """

    def __init__(self, path: Path, *, locks_are_local: bool | None = None) -> None:
        self.path = path
        self._locks_are_local = locks_are_local
        self.before: Note | None = None
        self._descriptor: int | None = None
        self._holder = Holder(socket.gethostname(), os.getpid(), _now())
        self._text = ""

    def take(self) -> None:
        """As `WriterSeat.take`.

        Raises:
            JournalBusy: someone holds it: who, as far as the file tells.
            JournalNotTrusted: the lock file is a link, has a second name, or is no file at all.
            JournalError: the lock file cannot be written, or this platform has no such locks.
        """
        check_platform(self.path.with_name(self.path.name.removesuffix(".lock")))
        try:
            descriptor, _ = open_plain(str(self.path), os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise JournalError(f"{self.path} cannot be written: {error.strerror}") from error
        try:
            free = _lock_in_time(descriptor)
            self.before = _parse(os.pread(descriptor, 4096, 0))
        except OSError as error:
            os.close(descriptor)
            raise JournalError(f"{self.path} cannot be locked: {error.strerror}") from error
        are_local = self._locks_are_local
        if are_local is None:
            are_local = mount_of(self.path.parent).locks_are_local
        foreign = are_local and self.before is not None and self.before.is_held
        if not free or (foreign and self.before and self.before.holder.host != self._holder.host):
            os.close(descriptor)
            raise _busy(self.path, self.before, free=free)
        self._descriptor = descriptor
        _held.add(self)

    def note(self, journal_id: bytes, seq: int, hash_: bytes, *, is_held: bool = True, trouble: str = "") -> None:
        """As `WriterSeat.note`. Cost: about 3 us; not synced. A full disk is no reason to fail here."""
        if self._descriptor is None:
            return
        if not self._text:
            holder = self._holder
            self._text = json.dumps({"host": holder.host, "pid": holder.pid, "since": holder.since})[1:-1]
        held = "true" if is_held else "false"
        more = f', "trouble": {json.dumps(trouble)}' if trouble else ""
        line = (
            f'{{"journal": "{journal_id.hex()}", "seq": {seq}, "hash": "{hash_.hex()}", "held": {held}, '
            f"{self._text}{more}}}"
        )
        data = line.encode()
        with contextlib.suppress(OSError):
            os.pwrite(self._descriptor, (b"%08x %b\n" % (zlib.crc32(data), data)).ljust(_NOTE_BYTES), 0)

    def clear(self) -> None:
        """As `WriterSeat.clear`."""
        if self._descriptor is not None:
            os.pwrite(self._descriptor, b"\n".ljust(_NOTE_BYTES), 0)
        self.before = None

    @property
    def holder(self) -> Holder:
        """As `WriterSeat.holder`."""
        return self._holder

    @property
    def reset(self) -> str:
        """As `WriterSeat.reset`."""
        return f"delete {self.path}"

    @property
    def how_lost(self) -> str:
        """As `WriterSeat.how_lost`."""
        return "Was it copied or restored without its -wal file?"

    def noted(self) -> Note | None:
        """As `WriterSeat.noted`, see `read_note`."""
        return read_note(self.path)

    def occupant(self) -> Holder | None:
        """As `WriterSeat.occupant`, see `holder_of`."""
        return holder_of(self.path)

    def release(self) -> None:
        """As `WriterSeat.release`; the file stays."""
        descriptor, self._descriptor = self._descriptor, None
        _held.discard(self)
        if descriptor is not None:
            os.close(descriptor)


_held: weakref.WeakSet[FileLock] = weakref.WeakSet()


def read_note(path: Path) -> Note | None:
    """What the lock file says; None where there is none or it is no whole note.

    Raises:
        JournalNotTrusted: it is a link, has a second name, or is no file at all.
    """
    try:
        descriptor, _ = open_plain(str(path))
    except OSError:
        return None
    try:
        return _parse(os.pread(descriptor, 4096, 0))
    except OSError:
        return None
    finally:
        os.close(descriptor)


def holder_of(path: Path) -> Holder | None:
    """Who holds the lock now; None where nobody does. It asks the kernel and never takes the lock itself.

    A holder whose note cannot be read is `Holder("", 0, "")`. Where the kernel has no such question (macOS), the lock
    is tried for an instant.

    Raises:
        JournalNotTrusted: as `read_note`.
    """
    try:
        descriptor, _ = open_plain(str(path))
    except OSError:
        return None
    try:
        if not _is_locked(descriptor):
            return None
        note = _parse(os.pread(descriptor, 4096, 0))
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return note.holder if note else Holder("", 0, "")


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _request(kind: int) -> bytes:
    return struct.pack(_FLOCK, kind, os.SEEK_SET, 0, 0, 0)


def _lock_in_time(descriptor: int) -> bool:
    tries = _TRIES if _GET is None else 1
    while not (is_free := _try_lock(descriptor)) and (tries := tries - 1):
        time.sleep(_PAUSE_S)
    return is_free


def _try_lock(descriptor: int) -> bool:
    try:
        if _SET is not None:
            fcntl.fcntl(descriptor, _SET, _request(fcntl.F_WRLCK))
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.EAGAIN, errno.EACCES}:
            return False
        raise
    return True


def _is_locked(descriptor: int) -> bool:
    if _GET is not None:
        answer: Any = fcntl.fcntl(descriptor, _GET, _request(fcntl.F_WRLCK))
        return bool(struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK)
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False


def _parse(data: bytes) -> Note | None:
    check, _, line = data.partition(b"\n")[0].partition(b" ")
    try:
        if int(check, 16) != zlib.crc32(line):
            return None
        said = json.loads(line)
        holder = Holder(str(said["host"]), int(said["pid"]), str(said["since"]))
        journal_id, hash_ = bytes.fromhex(said["journal"]), bytes.fromhex(said["hash"])
        trouble = str(said.get("trouble", ""))
        return Note(journal_id, int(said["seq"]), hash_, holder, bool(said["held"]), trouble)
    except (ValueError, KeyError, TypeError):
        return None


def _busy(path: Path, note: Note | None, *, free: bool) -> JournalBusy:
    journal = path.name.removesuffix(".lock")
    if note is None:
        return JournalBusy(f"the journal {journal} is in use by another process; wait for it, or use another path")
    holder = note.holder
    who = f"process {holder.pid} on {holder.host} since {holder.since}"
    if free:
        advice = f"this file system does not show locks across hosts: if that process is gone, delete {path}"
    elif holder.host == socket.gethostname() and holder.pid in {os.getpid(), os.getppid()}:
        advice = "inside a call of that run, give chunk() a path of its own"
    else:
        advice = "wait for it, or use another path"
    text = f"the journal {journal} is in use by {who}; {advice}"
    return JournalBusy(text, host=holder.host, pid=holder.pid, since=holder.since)


def _forget_in_child() -> None:
    # A fork shares the lock: a child that outlived its parent would hold it on.
    for lock in list(_held):
        lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
