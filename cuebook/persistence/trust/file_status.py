"""What the system says of files and folders, in the form that trust is judged by. Opens nothing and judges nothing."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from cuebook.persistence.trust.acl import ATTRIBUTE, Acl, parsed_acl
from cuebook.persistence.trust.verdicts import Status

__all__ = ["NOTHING_THERE", "status_at", "status_of"]

NOTHING_THERE = (FileNotFoundError, NotADirectoryError)
"""What looking at a name raises that nothing has."""


def status_of(found: os.stat_result, *paths: str) -> Status:
    """What the system has said, with the access list of what stands at the last of these paths that is there."""
    acl = None
    # An access list that lets somebody write shows as rights of the group in the mode: only then is it worth asking.
    if found.st_mode & stat.S_IWGRP and not stat.S_ISLNK(found.st_mode):
        acl = _acl_of(paths)
    return Status(found.st_mode, found.st_uid, found.st_gid, found.st_nlink, acl, (found.st_dev, found.st_ino))


def status_at(path: str | os.PathLike[str]) -> Status | None:
    """What stands under a name, which is not followed where it is a link; None where there is nothing.

    Raises:
        OSError: it cannot be seen.
    """
    try:
        return status_of(os.lstat(path), os.fspath(path))
    except NOTHING_THERE:
        return None


def _acl_of(paths: Sequence[str]) -> Acl | None:
    if not hasattr(os, "getxattr"):
        return None
    for path in reversed(paths):
        try:
            return parsed_acl(os.getxattr(path, ATTRIBUTE))
        except NOTHING_THERE:  # /proc is not mounted
            continue
        except OSError:  # there is no list, or there are none on this file system
            return None
    return None
