"""What the system says of files and folders, in the form that trust is judged by. Opens nothing and judges nothing."""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from cuebook.persistence.trust.acl import ATTRIBUTE, Acl, parsed_acl
from cuebook.persistence.trust.verdicts import Status

__all__ = ["NOTHING_THERE", "status_at", "status_of"]

NOTHING_THERE = (FileNotFoundError, NotADirectoryError)
"""What looking at a name raises that nothing has."""


def status_of(found: os.stat_result, path: str | None = None) -> Status:
    """What the system has said, with the access list of what stands at `path` (None: it is not looked for)."""
    acl = None
    if path is not None and found.st_mode & stat.S_IWGRP and not stat.S_ISLNK(found.st_mode):
        acl = _acl_of(path)
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


def _acl_of(path: str) -> Acl | None:
    # An access list that lets somebody write shows as rights of the group in the mode: only then is it worth asking.
    if not hasattr(os, "getxattr"):
        return None
    with suppress(OSError):
        return parsed_acl(os.getxattr(path, ATTRIBUTE))
    return None
