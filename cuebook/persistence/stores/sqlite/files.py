"""The files of one journal on disk: looked at before and after SQLite opens them, and their names held where need be.

Whatever stands under one of the names beside a database becomes a part of it: a planted `-journal` is rolled back into
it, a `-wal` is read as its newest pages, a `-shm` is mapped. So nobody else's may be there when SQLite comes. In a
folder that is sticky and open to others (as /tmp is) the names are taken by empty files of this user's own, which
SQLite works with and others cannot replace. Judges nothing itself (see `trust`) and reads no content.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Protocol, Self, TypeVar

from cuebook.errors import JournalError
from cuebook.persistence.trust.descriptors import opened_meanwhile
from cuebook.persistence.trust.file_status import status_at
from cuebook.persistence.trust.opened_file import OpenedFile
from cuebook.persistence.trust.texts import refusal
from cuebook.persistence.trust.users import current_user
from cuebook.persistence.trust.verdicts import (
    BLOBS,
    LOCK,
    SQLITE_SIDES,
    Beside,
    Status,
    User,
    Verdict,
    Writers,
    judged,
    judged_file,
    must_hold_names,
    refused,
    renamers,
)

__all__ = ["JournalFiles", "check_beside"]

_NOBODY = Verdict(Writers.NOBODY)
_OPENINGS_MAX = 5
_C = TypeVar("_C", bound="_Closeable")


class _Closeable(Protocol):
    def close(self) -> None: ...


class _Exchanged(JournalError):
    """Another file was opened than the one that was looked at, or so it seems: to be tried again."""


class JournalFiles:
    """What there is of a journal; a context manager. The journal's own file is held from here on, see `OpenedFile`.

    Args:
        path: the journal, links resolved.

    Raises:
        JournalNotTrusted: something beside it is no plain file, or somebody else's; nothing was opened.
        JournalError: they cannot be seen.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._user = current_user()
        self._held: OpenedFile | None = None
        self._folder = os.fspath(path.parent)
        self._beside = [(end, f"{path}{end}") for end in (*SQLITE_SIDES, LOCK, BLOBS)]
        self._worst = _NOBODY
        if self._user is None:
            return
        try:
            self._held = OpenedFile.at(path)
            if self._held is not None and not stat.S_ISREG(self._held.status().mode):
                raise self._exchanged()
            self._worst = self._look(self._user)
        except OSError as error:
            raise JournalError(f"{path} cannot be read: {error.strerror}") from error
        except BaseException:
            self.close()
            raise

    def verdict(self) -> Verdict:
        """Who else can have written what was opened: as it is now, and as it was when it was opened.

        Raises:
            JournalNotTrusted: something beside it is refused now. JournalError: its name leads to another file now.
        """
        if self._user is None:
            return _NOBODY
        self.check_in_place()
        return max(self._worst, self._look(self._user), key=lambda verdict: verdict.writers)

    def is_readable_in_place(self, trust: Writers) -> bool:
        """Whether a reader may open it where it is: nobody that is not trusted can change or exchange a file meanwhile.

        (A `-shm` that somebody else cuts short would end this process by SIGBUS.) Holds names, where that is what it
        takes.

        Args:
            trust: how far others are trusted.
        """
        user = self._user
        if user is None or trust is Writers.ANYONE:
            return True
        if self._held is None or self._worst.writers > trust:
            return False
        if not self.holds_names():
            return True
        if self._held.status().uid != user.uid:  # names of ours would be in its owner's way
            return False
        try:
            self.hold_names()
        except OSError:
            return False
        return True

    def holds_names(self) -> bool:
        """Whether the journal's folder is one in which names are to be held."""
        folder = status_at(self._folder)
        return self._user is not None and folder is not None and must_hold_names(folder, self._user)

    def hold_names(self, *, with_blobs: bool = True) -> None:
        """Take the names beside the journal that others could take, in a folder where that is so.

        Args:
            with_blobs: that of the folder for blobs too.

        Raises:
            JournalNotTrusted: one of them is taken by somebody else.
            OSError: a file cannot be made.
        """
        if self._user is None or not self.holds_names():
            return
        for end in SQLITE_SIDES:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with contextlib.suppress(FileExistsError):
                os.close(os.open(f"{self.path}{end}", flags, 0o600))
        if with_blobs:
            with contextlib.suppress(FileExistsError):
                Path(f"{self.path}{BLOBS}").mkdir(0o700)
        self._look(self._user)

    def opened(self, connect: Callable[[], _C]) -> _C:
        """What `connect` gives, which opens the journal and reads of it; what was opened is looked at afterwards.

        Raises:
            JournalNotTrusted: something beside the journal is refused now. JournalError: another file has its name by
                now, or was opened in its place, each time that it was tried.
        """
        for tries_left in reversed(range(_OPENINGS_MAX)):
            connection: _C | None = None
            try:
                with self._being_opened():
                    connection = connect()
            except BaseException as error:
                if connection is not None:
                    connection.close()
                if not (tries_left and isinstance(error, _Exchanged)):
                    raise
            else:
                break
        assert connection is not None
        return connection

    @contextlib.contextmanager
    def _being_opened(self) -> Iterator[None]:
        user = self._user
        if user is None:
            yield
            return
        with opened_meanwhile(_needs_descriptors(self._folder, user)) as opened:
            yield
            if not self._is_in_place():
                raise self._exchanged()
        self._worst = max(self._worst, self._look(user), key=lambda verdict: verdict.writers)
        if any(judged_file(status, user).writers > self._worst.writers for status in opened):
            raise self._exchanged()

    @cached_property
    def is_out_of_reach(self) -> bool:
        """Whether nobody else can add, change or exchange a file in the journal's folder, or a folder above it."""
        folder, user = status_at(self._folder), self._user
        if user is None or folder is None:
            return user is None
        is_open = renamers(folder, user) is not Writers.NOBODY or must_hold_names(folder, user)
        return not is_open and not _needs_descriptors(self._folder, user)

    def is_there(self) -> bool:
        """Whether there was a journal when this was made."""
        return self.path.exists() if self._user is None else self._held is not None

    def check_in_place(self) -> None:
        """Raise JournalError unless the journal's name still leads to the file that is held."""
        if not self._is_in_place():
            raise JournalError(f"{self.path} was moved, replaced or deleted while it was in use")

    def close(self) -> None:
        """Let go of the journal's file; behind the connections to it. Twice is fine."""
        if self._held is not None:
            self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _is_in_place(self) -> bool:
        return self._user is None or (self._held is not None and self._held.is_at_its_name())

    def _exchanged(self) -> _Exchanged:
        return _Exchanged(f"{self.path} was exchanged for another file while it was being opened")

    def _main(self) -> Status | None:
        return None if self._held is None else self._held.status()

    def _look(self, user: User) -> Verdict:
        """Judge what there is now; refuse what may not be there."""
        folder = status_at(self._folder)
        if folder is None:
            return _NOBODY
        sides = {end: status for end, path in self._beside if (status := status_at(path)) is not None}
        beside = Beside(folder, self._main(), sides)
        problem = refused(beside, user)
        if problem is not None:
            raise refusal(problem, self.path)
        return judged(beside, user)


def check_beside(path: Path) -> None:
    """Look at what stands beside a journal that is about to be opened, or made.

    Raises:
        JournalNotTrusted: one of these is no plain file, or somebody else's.
    """
    JournalFiles(path).close()


def _needs_descriptors(folder: str, user: User) -> bool:
    """Whether somebody else can exchange a folder above this one: then names are no proof of what was opened."""
    above = os.path.dirname(folder)
    while above != folder:
        status = status_at(above)
        if status is not None and renamers(status, user) is not Writers.NOBODY:
            return True
        folder, above = above, os.path.dirname(above)
    return False
