"""Where a journal lies: its resolved path, the files beside it, and what kind of disk that is.

Knows nothing of what is in the files, and opens none of them.
"""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from cuebook.errors import JournalError
from cuebook.persistence.trust.file_status import status_at
from cuebook.persistence.trust.texts import refusal
from cuebook.persistence.trust.users import current_user
from cuebook.persistence.trust.verdicts import Finding, Untouchable, Why, must_hold_names, renamers

__all__ = ["Location", "Mount", "check_platform", "located", "make_folder", "mount_of", "sync_folder"]

_NETWORK_TYPES = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "fhgfs",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "orangefs",
    }
    | {
        "panfs",
        "pvfs2",
        "smb3",
        "smbfs",
        "fuse.ceph",
        "fuse.glusterfs",
        "fuse.s3fs",
        "fuse.sshfs",
        "fuse.rclone",
    }
)
_MOUNTS = Path("/proc/self/mountinfo")
_LOCAL_LOCK_OPTIONS = ("nolock", "local_lock=all", "local_lock=posix", "localflock", "nobrl")


@dataclass(frozen=True, slots=True)
class Location:
    """A journal's path with links resolved, so that every spelling of it means the same files."""

    path: Path

    @property
    def lock_path(self) -> Path:
        """The file that the writer holds a lock on; it is never deleted."""
        return self.path.with_name(self.path.name + ".lock")

    @property
    def blobs_folder(self) -> Path:
        """The folder of values that are too large for a row."""
        return self.path.with_name(self.path.name + ".blobs")

    def key(self) -> tuple[int, int] | None:
        """Device and inode of the journal file, or None where there is none."""
        try:
            found = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise JournalError(f"{self.path} cannot be read: {error.strerror}") from error
        return found.st_dev, found.st_ino


def check_platform(path: str | os.PathLike[str]) -> None:
    """Raises JournalError where there are no locks of the kind that keeps two writers apart."""
    if sys.platform == "win32":
        text = "journals need Linux or macOS; without path= nothing is kept, and all else works"
        raise JournalError(f"{os.fsdecode(path)} cannot be written: {text}")


def located(path: str | os.PathLike[str]) -> Location:
    """The location of a journal, which need not exist yet.

    Raises:
        JournalError: it is a folder or a device, or it is relative and the current folder is gone.
        JournalNotTrusted: it is a link that another user has put into a folder open to others.
    """
    _check_link(os.fspath(path))
    try:
        resolved = Path(os.path.realpath(os.fspath(path)))
    except FileNotFoundError as error:
        raise JournalError(f"{os.fsdecode(path)} is nowhere: the current folder was deleted") from error
    try:
        found = resolved.stat()
    except (FileNotFoundError, NotADirectoryError):
        return Location(resolved)
    except OSError as error:
        raise JournalError(f"{resolved} cannot be read: {error.strerror}") from error
    if stat.S_ISDIR(found.st_mode):
        raise JournalError(f"{resolved} is a directory: give the path of a journal file")
    if not stat.S_ISREG(found.st_mode):
        raise JournalError(f"{resolved} is no regular file: a journal needs one")
    return Location(resolved)


def _check_link(path: str | bytes) -> None:
    """As the kernel does it where it is told to (fs.protected_symlinks): no such link of another user is followed."""
    user, text = current_user(), os.fsdecode(path)
    try:
        link = None if user is None else status_at(text)
    except OSError:  # said where it is opened
        return
    if user is None or link is None or not stat.S_ISLNK(link.mode):
        return
    folder = status_at(os.path.realpath(os.path.dirname(text) or "."))
    if folder is None or user.owns(link.uid) or link.uid == folder.uid:
        return
    if must_hold_names(folder, user) or renamers(folder, user):
        raise refusal(Untouchable(Finding(Why.LINK, "", link.uid)), Path(text))


def make_folder(folder: Path) -> None:
    """Create `folder` and those above it, on disk when it returns.

    Raises:
        JournalError: it cannot be created.
    """
    missing, wanted = [], folder
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    if not folder.is_dir():
        raise JournalError(f"the folder {wanted} cannot be created: {folder} is a file")
    try:
        for each in reversed(missing):
            each.mkdir(0o755, exist_ok=True)  # whatever the umask: who can write to it could exchange the journal
            sync_folder(each.parent)
    except OSError as error:
        raise JournalError(f"the folder {wanted} cannot be created: {error.strerror}") from error


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable, where its file system can do that."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0))
    except OSError:  # a folder that may be written but not read: its names become durable when its disk sees fit
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Mount:
    """The file system that a path lies on.

    Attributes:
        kind: its type's name, such as ext4 or nfs4; empty where unknown.
        is_network: whether other hosts can write to it too, so that shared memory between writers does not work.
        locks_are_local: whether a lock taken on another host is not seen here.
    """

    kind: str
    is_network: bool
    locks_are_local: bool


def mount_of(path: Path) -> Mount:
    """The file system of `path`, as Linux tells it; elsewhere nothing is known and a local disk is assumed."""
    best, kind, options = "", "", ""
    try:
        lines = _MOUNTS.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return Mount("", is_network=False, locks_are_local=False)
    for line in lines:
        fields, _, rest = line.partition(" - ")
        point = fields.split(" ")[4].replace("\\040", " ")
        inside = str(path) == point or str(path).startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind, options = point, rest.split(" ")[0], rest.split(" ")[-1]
    local = any(option in options.split(",") for option in _LOCAL_LOCK_OPTIONS)
    return Mount(kind, is_network=kind in _NETWORK_TYPES, locks_are_local=local)
