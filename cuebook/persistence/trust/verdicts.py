"""Who else can have written what a journal's files say: owner, mode, links and access lists judged. Pure.

Knows no file system and no words: what was seen comes in as `Status`, who asks as `User`, and what follows goes out
as a `Verdict` or a `Untouchable`.
"""

from __future__ import annotations

import stat
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum, auto
from typing import NamedTuple

from cuebook.persistence.trust.acl import Acl

__all__ = [
    "BLOBS",
    "LOCK",
    "SQLITE_SIDES",
    "Beside",
    "Finding",
    "Status",
    "Untouchable",
    "User",
    "Verdict",
    "Why",
    "Writers",
    "folder_of",
    "judged",
    "judged_file",
    "must_hold_names",
    "refused",
    "refused_alone",
    "renamers",
]

SQLITE_SIDES = ("-journal", "-wal", "-shm")
"""What SQLite looks for beside a database: whatever has one of these names may become a part of it."""
LOCK = ".lock"
BLOBS = ".blobs"
_WRITABLE = stat.S_IWGRP | stat.S_IWOTH


class Writers(IntEnum):
    """Who besides this user and root can have written something; also how far a user trusts."""

    NOBODY = 0
    GROUP = 1
    ANYONE = 2


class Why(Enum):
    """What was found out about a file or folder."""

    OWNER = auto()
    LINKS = auto()
    EVERYONE = auto()
    GROUP = auto()
    LISTED_USER = auto()
    LISTED_GROUP = auto()
    FOLDER_OWNER = auto()
    FOLDER_EVERYONE = auto()
    FOLDER_GROUP = auto()
    FOLDER_LISTED_USER = auto()
    FOLDER_LISTED_GROUP = auto()
    MOVED = auto()
    LINK = auto()
    NOT_REGULAR = auto()
    NOT_A_FOLDER = auto()
    FOREIGN = auto()


class Finding(NamedTuple):
    """One thing that was found out.

    Attributes:
        why: what. name: the end of the name that it was found at: "" is the journal or its folder.
        who: id of the user or group that it is about; number of links for LINKS; -1 for nobody in particular.
        mode: permission bits of what it was found at.
    """

    why: Why
    name: str = ""
    who: int = -1
    mode: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    """What the system says of one file or folder that was opened (or of a link, which is never followed).

    Attributes:
        mode: type and permission bits. acl: its POSIX access list, None where it has none.
        key: device and inode.
    """

    mode: int
    uid: int
    gid: int
    links: int = 1
    acl: Acl | None = None
    key: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class User:
    """Who asks.

    Attributes:
        uid: effective user id.
        own_groups: groups that nobody else is in; only asked for where it matters, as finding them may take long.
        folder_roots: owners of folders that stand for root; also the id that an unmapped root is shown as.
    """

    uid: int
    own_groups: Container[int] = frozenset()
    folder_roots: frozenset[int] = frozenset({0})

    def owns(self, uid: int) -> bool:
        """Whether what belongs to `uid` is this user's or root's."""
        return uid in {0, self.uid}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who else can have written something, and what shows it (None for nobody)."""

    writers: Writers
    finding: Finding | None = None


class Untouchable(NamedTuple):
    """Why a file beside a journal is not touched, nor the journal with it."""

    finding: Finding


@dataclass(frozen=True, slots=True)
class Beside:
    """A journal's folder, as far as the journal is concerned.

    Attributes:
        folder: of the folder itself. main: of the journal, None where there is none yet.
        sides: of what is there of the names beside it, by the end of the name.
    """

    folder: Status
    main: Status | None = None
    sides: Mapping[str, Status] = field(default_factory=dict)


def judged(beside: Beside, user: User) -> Verdict:
    """Who else can have written what the journal says: the worst of the journal, its side files and its folder."""
    found = [] if beside.main is None else [judged_file(beside.main, user)]
    found += [judged_file(beside.sides[end], user, end) for end in SQLITE_SIDES if end in beside.sides]
    return _worst([*found, *folder_of(beside.folder, user)])


def judged_file(status: Status, user: User, name: str = "") -> Verdict:
    """Who else can have written one file; `name` is the end of its name."""
    return _worst(_of_file(status, user, name))


def _worst(verdicts: Iterable[Verdict]) -> Verdict:
    return max(verdicts, key=lambda verdict: verdict.writers, default=Verdict(Writers.NOBODY))


def _of_file(status: Status, user: User, name: str) -> Iterator[Verdict]:
    if not user.owns(status.uid):
        yield Verdict(Writers.ANYONE, Finding(Why.OWNER, name, status.uid))
    if status.links > 1:
        yield Verdict(Writers.ANYONE, Finding(Why.LINKS, name, status.links))
    yield from _open_to(status, user, name)


def _open_to(status: Status, user: User, name: str) -> Iterator[Verdict]:
    """Whom its permission bits and its access list let write to it."""
    mode = stat.S_IMODE(status.mode)
    if mode & stat.S_IWOTH:
        yield Verdict(Writers.ANYONE, Finding(Why.EVERYONE, name, mode=mode))
    if not mode & stat.S_IWGRP:  # it is the mask of an access list as well
        return
    acl = status.acl
    if (acl is None or acl.owning_group) and status.gid not in user.own_groups:
        yield Verdict(Writers.GROUP, Finding(Why.GROUP, name, status.gid, mode))
    for uid in () if acl is None else acl.users:
        if not user.owns(uid):
            yield Verdict(Writers.GROUP, Finding(Why.LISTED_USER, name, uid, mode))
    for gid in () if acl is None else acl.groups:
        if gid not in user.own_groups:
            yield Verdict(Writers.GROUP, Finding(Why.LISTED_GROUP, name, gid, mode))


_IN_FOLDER = {
    Why.EVERYONE: Why.FOLDER_EVERYONE,
    Why.GROUP: Why.FOLDER_GROUP,
    Why.LISTED_USER: Why.FOLDER_LISTED_USER,
    Why.LISTED_GROUP: Why.FOLDER_LISTED_GROUP,
}


def folder_of(folder: Status, user: User) -> list[Verdict]:
    """Who else can put another file in the place of one of this user's in a folder.

    Its owner can, always. Whoever may write to it can, unless it is sticky (as /tmp is).
    """
    found = []
    if folder.uid != user.uid and folder.uid not in user.folder_roots:
        # One user, and files of his own are told apart by their owner: no more than a group.
        found.append(Verdict(Writers.GROUP, Finding(Why.FOLDER_OWNER, who=folder.uid, mode=stat.S_IMODE(folder.mode))))
    if not folder.mode & stat.S_ISVTX:
        for writers, finding in ((each.writers, each.finding) for each in _open_to(folder, user, "")):
            assert finding is not None
            found.append(Verdict(writers, finding._replace(why=_IN_FOLDER[finding.why])))
    return found


def renamers(folder: Status, user: User) -> Writers:
    """Who else can put another file in the place of one of this user's in this folder."""
    if not folder.mode & _WRITABLE and (folder.uid == user.uid or folder.uid in user.folder_roots):
        return Writers.NOBODY  # most folders are like this, and each of those above a journal is looked at
    return _worst(folder_of(folder, user)).writers


def must_hold_names(folder: Status, user: User) -> bool:
    """Whether others can add files to the folder that they cannot take away again: then names in it are to be held."""
    return bool(folder.mode & stat.S_ISVTX) and any(True for _ in _open_to(folder, user, ""))


def refused(beside: Beside, user: User) -> Untouchable | None:
    """What beside the journal is not what it should be, or somebody else's; None where all may be opened.

    Whoever can write to the journal itself needs no side file to do harm: those of such users are let pass.
    """
    for end, side in beside.sides.items():
        finding = _no_plain_file(side, end) if end != BLOBS else _no_plain_folder(side, end)
        if finding is None and not _may_own(side, beside.main, user):
            finding = Finding(Why.FOREIGN, end, side.uid)
        if finding is not None:
            return Untouchable(finding)
    return None


def refused_alone(status: Status, user: User, *, is_folder: bool = False) -> Untouchable | None:
    """The same for one file (or folder) of this user's that belongs to no journal yet, or that needs no trust."""
    finding = _no_plain_folder(status, "") if is_folder else _no_plain_file(status, "")
    if finding is None and not user.owns(status.uid):
        finding = Finding(Why.FOREIGN, "", status.uid)
    return None if finding is None else Untouchable(finding)


def _no_plain_file(status: Status, name: str) -> Finding | None:
    if stat.S_ISLNK(status.mode):
        return Finding(Why.LINK, name, status.uid)
    if not stat.S_ISREG(status.mode):
        return Finding(Why.NOT_REGULAR, name, status.uid, status.mode)
    return Finding(Why.LINKS, name, status.links) if status.links > 1 else None


def _no_plain_folder(status: Status, name: str) -> Finding | None:
    if stat.S_ISLNK(status.mode):
        return Finding(Why.LINK, name, status.uid)
    return None if stat.S_ISDIR(status.mode) else Finding(Why.NOT_A_FOLDER, name, status.uid, status.mode)


def _may_own(side: Status, main: Status | None, user: User) -> bool:
    if user.owns(side.uid):
        return True
    if main is None:
        return False
    opened = _worst(_open_to(main, user, "")).writers
    by_group = opened is Writers.GROUP and side.gid == main.gid
    return side.uid == main.uid or opened is Writers.ANYONE or by_group
