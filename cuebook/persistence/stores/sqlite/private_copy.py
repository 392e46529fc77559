"""A copy of a journal's database in a folder of this user's own: read where others could exchange files meanwhile,
or where SQLite cannot put its own files beside it.

What is copied is read from descriptors, and what is judged is what they lead to: no name is looked at twice. Knows
no table and no record.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
import time
from pathlib import Path
from typing import TypeAlias

from cuebook.errors import JournalError
from cuebook.persistence.trust.file_status import NOTHING_THERE, status_at, status_of
from cuebook.persistence.trust.opened_file import OpenedFile
from cuebook.persistence.trust.plain_file import open_plain
from cuebook.persistence.trust.texts import refusal
from cuebook.persistence.trust.users import current_user
from cuebook.persistence.trust.verdicts import Beside, Status, Verdict, Writers, judged, refused
from cuebook.temporary import owned_prefix

__all__ = ["PrivateCopy"]

_COPIED_SIDES = ("-wal", "-journal")
_CHUNK_BYTES = 4 << 20
_TRIES = 20
_WAL_HEADER_BYTES = 32
_TICK_NS = 20_000_000

_Signature: TypeAlias = list[tuple[int, int, int] | None]
"""Inode, size and time of the last change of the main file and each side file that is copied; None: not there."""


class PrivateCopy:
    """A copy of the database at `source`, taken when it is made, and again by `refresh`.

    Attributes:
        path: of the copy. verdict: who else can have written what was copied.

    Raises:
        JournalNotTrusted: a file beside the source is no plain file, or somebody else's.
        JournalError: it cannot be read or copied, or it changes faster than it can be copied.
    """

    def __init__(self, source: Path) -> None:
        self.source = source
        self.verdict = Verdict(Writers.NOBODY)
        self._seen: _Signature = []
        self._folder = tempfile.TemporaryDirectory(prefix=owned_prefix(), ignore_cleanup_errors=True)
        self.path = Path(self._folder.name) / "journal"
        try:
            self._take()
        except BaseException:
            self.close()
            raise

    def is_outdated(self) -> bool:
        """Whether the source has changed since it was copied; a file that has taken its place is another one."""
        now = _signature(self.source)
        return now != self._seen and _inode(now) == _inode(self._seen)

    def refresh(self) -> None:
        """Copy the source again, in place of the copy that there is; no connection to that may be open."""
        self._take()

    def close(self) -> None:
        """Remove the copy. Twice is fine."""
        self._folder.cleanup()

    def _take(self) -> None:
        try:
            for _ in range(_TRIES):
                self._seen = _signature(self.source)
                if self._copied():
                    return
        except NOTHING_THERE as error:
            raise JournalError(f"there is no journal at {self.source}") from error
        except OSError as error:
            raise self._not_copied(error) from error
        raise JournalError(
            f"{self.source} is read in a copy, as others can exchange its files, and changes faster than it can be "
            "copied; try again, or trust them (CUEBOOK_TRUST) to read it where it is"
        )

    def _not_copied(self, error: OSError) -> JournalError:
        if str(error.filename or "").startswith(self._folder.name) or error.filename is None:
            text = f"{self.source} cannot be copied to {self._folder.name}, to be read there: {error.strerror}"
            return JournalError(f"{text}. TMPDIR names another place for the copy")
        return JournalError(f"{self.source} cannot be read: {error.strerror}")

    def _copied(self) -> bool:
        """Whether a copy was taken between two changes of the main file: then the -wal's beginning fits it."""
        source = OpenedFile.at(self.source)
        if source is None:
            raise FileNotFoundError
        with source:
            descriptor = source.content_descriptor()
            # Without SQLite's locks (taking them would let others hold us up, and closing a descriptor could drop our
            # own): so the side files first, the main file last. A commit only adds to the -wal, and what was copied of
            # it ends in a whole frame or in one that SQLite leaves out; a checkpoint, which moves frames into the main
            # file, changes that file, and then all of it is copied again.
            before, sides = _settled_state(descriptor), dict[str, Status]()
            for end in _COPIED_SIDES:
                side = _copied_side(f"{self.source}{end}", f"{self.path}{end}")
                if side is not None:
                    sides[end] = side
            _copy(descriptor, f"{self.path}")
            if _state(descriptor) != before or not self._is_wal_the_same():
                return False
            self.verdict = self._judged(source, sides)
        return True

    def _is_wal_the_same(self) -> bool:
        # Its header changes when SQLite begins it anew, behind a checkpoint; frames at its end do no harm.
        copied = Path(f"{self.path}-wal")
        try:
            descriptor, _ = open_plain(f"{self.source}-wal")
        except NOTHING_THERE:
            return not copied.exists()
        try:
            header = os.pread(descriptor, _WAL_HEADER_BYTES, 0)
        finally:
            os.close(descriptor)
        return copied.exists() and copied.read_bytes()[:_WAL_HEADER_BYTES] == header

    def _judged(self, source: OpenedFile, sides: dict[str, Status]) -> Verdict:
        user = current_user()
        folder = status_at(self.source.parent)
        if user is None or folder is None:
            return Verdict(Writers.NOBODY)
        beside = Beside(folder, source.status(), sides)
        problem = refused(beside, user)
        if problem is not None:
            raise refusal(problem, self.source)
        return judged(beside, user)


def _copied_side(source: str, copy: str) -> Status | None:
    """Copy a side file and say what it was; None where there is none. SQLite keeps no locks on those."""
    Path(copy).unlink(missing_ok=True)
    try:
        descriptor, found = open_plain(source)
    except NOTHING_THERE:
        return None
    try:
        _copy(descriptor, copy)
    finally:
        os.close(descriptor)
    return status_of(found, source)


def _copy(descriptor: int, copy: str) -> None:
    """Copy what there is: a file that claims to be long, and is mostly holes, is one again."""
    with open(copy, "wb") as file:
        offset = _data_from(descriptor, 0)
        while offset is not None:
            data = os.pread(descriptor, _CHUNK_BYTES, offset)
            if not data:
                break
            file.seek(offset)
            file.write(data)
            offset = _data_from(descriptor, offset + len(data))
        file.truncate(os.fstat(descriptor).st_size if offset is None else offset)


def _data_from(descriptor: int, offset: int) -> int | None:
    """Where the file goes on from there, without what was never written; None: it does not."""
    try:
        return os.lseek(descriptor, offset, os.SEEK_DATA)
    except (AttributeError, OSError) as error:
        if getattr(error, "errno", None) == errno.ENXIO:
            return None
        return offset


def _state(descriptor: int) -> tuple[int, int, int]:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise FileNotFoundError
    return found.st_size, found.st_mtime_ns, found.st_ino


def _settled_state(descriptor: int) -> tuple[int, int, int]:
    """The same, once a further change would show: a file system's clock may tick as seldom as every 10 ms."""
    while 0 <= time.time_ns() - (state := _state(descriptor))[1] < _TICK_NS:
        time.sleep(_TICK_NS / 1e9)
    return state


def _signature(source: Path) -> _Signature:
    found: _Signature = []
    for end in ("", *_COPIED_SIDES):
        try:
            status = os.lstat(f"{source}{end}")
        except NOTHING_THERE:
            found.append(None)
        else:
            found.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return found


def _inode(signature: _Signature) -> int | None:
    return signature[0][0] if signature and signature[0] else None
