"""What lies below some names of a folder, kept: each file whole, none half-changed. Knows no experiment.

A file that has not changed since it was last looked at costs a stat.
"""
# Names of files are bytes here, which pathlib does not take:
# ruff: noqa: PTH114, PTH115, PTH117, PTH206, PTH208

from __future__ import annotations

import os
import stat
import time
from collections.abc import Container, Iterator, Sequence
from pathlib import Path

from cuebook.errors import WorkplaceError
from cuebook.workplace.file_store import Content, FileStore
from cuebook.workplace.manifest import FileForm, FileVersion, Manifest, checked_name, shown
from cuebook.workplace.survey import is_our_part

__all__ = ["Capture", "name_below"]

_SETTLED_NS = 2_000_000_000
"""A file that was changed this short before it was read may change again without its times telling."""
_TRIES = 3

_Look = tuple[int, int, int, int]


class Capture:
    """Keeps versions of files of one folder, and remembers those that it has seen.

    Args:
        root: the folder that names are below of. store: where contents are kept.
        links_lead_anywhere: links that lead outside are kept as they are, and are no error.
        left_out: names of files and folders that are passed over, wherever they are.
    """

    def __init__(
        self, root: Path, store: FileStore, *, links_lead_anywhere: bool = False, left_out: Container[bytes] = ()
    ) -> None:
        self.root = Path(os.path.realpath(root))
        self._store = store
        self._links_lead_anywhere = links_lead_anywhere
        self._left_out = left_out
        self._seen: dict[bytes, tuple[_Look, Content]] = {}

    def take(self, outputs: Sequence[bytes], *, optional: Container[bytes] = ()) -> Manifest:
        """Keep all that is below these names now.

        A link is kept as the name that it leads to, and never followed. Our own unfinished files are left out.

        Args:
            outputs: names of files and folders. optional: those of them that need not be there.

        Raises:
            WorkplaceError: one is missing or outside, or something in it cannot be kept: a socket, a file that is not
                readable or that kept changing, a link that leads outside. JournalFull: the disk is full.

        Cost: a stat for each file, and what `FileStore.keep` costs for each that has changed.
        """
        found: dict[bytes, FileVersion] = {}
        for name in outputs:
            self._check_parents(checked_name(name))
            try:
                for version in self._below(name):
                    found[version.name] = version
            except FileNotFoundError as error:
                if name not in optional or os.fsencode(error.filename) != self._path(name):
                    raise WorkplaceError(f"{os.fsdecode(error.filename)} is not there") from error
            except OSError as error:
                raise WorkplaceError(f"{error.filename} cannot be read: {error.strerror}") from error
        return Manifest(tuple(outputs), tuple(found[name] for name in sorted(found)))

    def forget(self) -> None:
        """Look at every file anew the next time."""
        self._seen.clear()

    def _path(self, name: bytes) -> bytes:
        return os.path.join(os.fsencode(self.root), name)

    def _check_parents(self, name: bytes) -> None:
        for count in range(1, name.count(b"/") + 1):
            above = b"/".join(name.split(b"/")[:count])
            if os.path.islink(self._path(above)):
                raise WorkplaceError(f"{shown(name)} lies outside of {self.root}: {shown(above)} is a link")

    def _below(self, name: bytes) -> Iterator[FileVersion]:
        path = self._path(name)
        status = os.lstat(path)
        mode = stat.S_IMODE(status.st_mode) & 0o777
        if stat.S_ISREG(status.st_mode):
            yield self._file(name, status, mode)
        elif stat.S_ISLNK(status.st_mode):
            yield self._link(name)
        elif stat.S_ISDIR(status.st_mode):
            yield FileVersion(name, FileForm.FOLDER, mode)
            for inner in sorted(os.listdir(path)):
                if not is_our_part(inner) and inner not in self._left_out:
                    yield from self._below(b"%b/%b" % (name, inner))
        else:
            raise WorkplaceError(f"{shown(name)} is a socket, a pipe or a device, and cannot be kept")

    def _link(self, name: bytes) -> FileVersion:
        leads = os.readlink(self._path(name))
        end = os.path.normpath(os.path.join(os.path.dirname(name), leads))
        if self._links_lead_anywhere:
            return FileVersion(name, FileForm.LINK, 0o777, len(leads), leads)
        if os.path.isabs(leads) or end.split(b"/")[0] == b"..":
            raise WorkplaceError(f"{shown(name)} is a link that leads outside of {self.root}: to {shown(leads)}")
        return FileVersion(name, FileForm.LINK, 0o777, len(leads), leads)

    def _file(self, name: bytes, status: os.stat_result, mode: int) -> FileVersion:
        seen = self._seen.get(name)
        if seen is None or seen[0] != _look(status):
            seen = self._read(name)
        digest, size, pieces = seen[1]
        return FileVersion(name, FileForm.FILE, mode, size, digest, pieces)

    def _read(self, name: bytes) -> tuple[_Look, Content]:
        for _ in range(_TRIES):
            now = time.time_ns()
            descriptor = os.open(self._path(name), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
            with open(descriptor, "rb", buffering=0) as file:
                before = os.fstat(descriptor)
                content = self._store.keep(file)
                after = os.fstat(descriptor)
            if _look(before) == _look(after) and content[1] == after.st_size:
                if now - max(after.st_mtime_ns, after.st_ctime_ns) > _SETTLED_NS:
                    self._seen[name] = (_look(after), content)
                return _look(after), content
        raise WorkplaceError(
            f"{shown(name)} changed while it was being read, {_TRIES} times; write it before the checkpoint"
        )


def _look(status: os.stat_result) -> _Look:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def name_below(root: Path, path: str | os.PathLike[str]) -> bytes:
    """The name of a path below a root, however it is written.

    Raises:
        WorkplaceError: it lies outside, or is the root itself.
    """
    above = os.path.realpath(root)
    absolute = os.path.normpath(os.path.join(above, os.fspath(path)))
    name = os.path.relpath(absolute, above)
    if name == "." or name.split(os.sep)[0] == "..":
        raise WorkplaceError(f"{os.fspath(path)} lies outside of {above}")
    return checked_name(os.fsencode(name))
