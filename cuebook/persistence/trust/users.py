"""This process's user as the system knows it: id, the groups nobody else is in, and names of users and groups.

Knows no file.
"""

from __future__ import annotations

import os
from functools import cached_property, lru_cache
from pathlib import Path

from cuebook.persistence.trust.verdicts import User

try:
    import grp
    import pwd
except ImportError:  # Windows
    grp = pwd = None  # type: ignore[assignment]

__all__ = ["current_user", "group_name", "user_name"]

_UID_MAP = Path("/proc/self/uid_map")
_OVERFLOW_UID = Path("/proc/sys/kernel/overflowuid")


def current_user() -> User | None:
    """Whose rights this process has; None where the system has no users (Windows)."""
    if not hasattr(os, "geteuid"):
        return None
    return _user(os.geteuid(), os.getegid())


@lru_cache(maxsize=8)
def _user(uid: int, gid: int) -> User:
    return User(uid, _OwnGroups(uid, gid), frozenset({0}) | _hidden_root())


class _OwnGroups:
    """The groups that nobody else is in, found when they are first asked for.

    That takes a pass over all users that the system lists: where a directory service lists thousands, some time.
    """

    def __init__(self, uid: int, gid: int) -> None:
        self._ids = uid, gid

    @cached_property
    def _found(self) -> frozenset[int]:
        return _own_groups(*self._ids)

    def __contains__(self, gid: object) -> bool:
        return gid in self._found


def _own_groups(uid: int, gid: int) -> frozenset[int]:
    """The user's primary group, where it has his name and nobody else is in it.

    Where the system knows neither by a name (in a container), the numbers are the names.
    """
    listed = pwd.getpwall()
    try:
        me = pwd.getpwuid(uid)
        name, primary = me.pw_name, me.pw_gid
    except KeyError:
        name, primary = str(uid), gid
    try:
        group = grp.getgrgid(primary)
        group_name, members = group.gr_name, set(group.gr_mem)
    except KeyError:
        group_name, members = str(primary), set()
    by_passwd = any(user.pw_gid == primary and user.pw_uid != uid for user in listed)
    return frozenset() if group_name != name or members - {name} or by_passwd else frozenset({primary})


def _hidden_root() -> frozenset[int]:
    """The id that stands for root where this user namespace has none: there / and /tmp belong to it."""
    try:
        ranges = [tuple(map(int, line.split())) for line in _UID_MAP.read_text().splitlines()]
        if any(first == 0 for first, _, _ in ranges):
            return frozenset()
        return frozenset({int(_OVERFLOW_UID.read_text())})
    except (OSError, ValueError):
        return frozenset()


def user_name(uid: int) -> str:
    """`alice (uid 1001)`, or `uid 1001` where it has no name."""
    try:
        return f"{pwd.getpwuid(uid).pw_name} (uid {uid})"
    except (KeyError, OverflowError):
        return f"uid {uid}"


def group_name(gid: int) -> str:
    """`project (gid 500)`, or `gid 500` where it has no name."""
    try:
        return f"{grp.getgrgid(gid).gr_name} (gid {gid})"
    except (KeyError, OverflowError):
        return f"gid {gid}"
