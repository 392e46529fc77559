"""Bringing files back as they were: each one whole by a rename, never outside of one folder. Knows no experiment.

What is new is written beside its place first, and named when all of it is there; what was in its place is put aside.
"""
# Names of files are bytes here, which pathlib does not take:
# ruff: noqa: PTH101, PTH102, PTH103, PTH104, PTH108, PTH114, PTH211

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from cuebook.errors import CuebookError, WorkplaceError
from cuebook.workplace.file_store import FileStore
from cuebook.workplace.manifest import FileForm, FileVersion, Manifest, is_within, shown
from cuebook.workplace.survey import parts_left, survey

__all__ = ["Restored", "restore"]


@dataclass(slots=True)
class Restored:
    """What was done.

    Attributes:
        written: names that were brought back. aside: names that stood there otherwise, or were not in the manifest.
        folder: where those were put; None where there are none, or they were dropped.
    """

    written: list[bytes] = field(default_factory=list)
    aside: list[bytes] = field(default_factory=list)
    folder: Path | None = None


def restore(
    manifest: Manifest, root: Path, store: FileStore, *, aside: Path | None, kept: Manifest | None = None
) -> Restored:
    """Make what is below the manifest's outputs be as it says.

    Everything is written before the first name changes; one who is killed meanwhile calls it again.

    Args:
        manifest: what is to be there. root: below which folder.
        store: has the contents.
        aside: a folder for what is there otherwise, made when needed; None drops it.
        kept: files that the store has: what is as it says there is dropped, as it can be brought back.

    Raises:
        WorkplaceError: a folder on the way is a link or a file, or it could not be written.
        JournalCorrupt: a content is missing or damaged; nothing was changed.
    """
    root = Path(os.path.realpath(root))
    work = _Restoring(root, store, aside)
    wanted = manifest.by_name()
    try:
        for part in list(parts_left(root, manifest)):
            os.unlink(part)
        there = survey(root, manifest)
        try:
            for version in manifest.files:
                if version.form is not FileForm.FOLDER and not version.is_same(there.get(version.name)):
                    work.stage(version)
            work.needless = set() if kept is None else _needless(root, manifest, kept, store)
            work.remove(name for name in there if name not in wanted or _changes_form(there[name], wanted[name]))
            for version in manifest.files:
                work.place(version, there.get(version.name))
        finally:
            work.drop_staged()
    except OSError as error:
        raise WorkplaceError(f"{error.filename or root} cannot be brought back: {error.strerror}") from error
    return work.done


def _needless(root: Path, manifest: Manifest, kept: Manifest, store: FileStore) -> set[bytes]:
    """Of what is there, what is known to be kept; a folder only with all that is in it. Cost: one read of it."""
    known = kept.by_name()
    there = survey(root, Manifest(manifest.outputs, kept.files))
    needed = {
        name
        for name, version in there.items()
        if not version.is_same(known.get(name)) or not _is_in(store, known[name])
    }
    for name in list(needed):
        while name := name.rpartition(b"/")[0]:
            needed.add(name)
    return there.keys() - needed


def _is_in(store: FileStore, version: FileVersion) -> bool:
    try:
        if version.form is FileForm.FILE:
            store.check(version)
    except CuebookError:
        return False
    return True


def _changes_form(old: FileVersion, new: FileVersion) -> bool:
    return (old.form is FileForm.FOLDER) != (new.form is FileForm.FOLDER)


class _Restoring:
    """One restoration."""

    def __init__(self, root: Path, store: FileStore, aside: Path | None) -> None:
        self.done = Restored()
        self._root = os.fsencode(root)
        self._store = store
        self._aside = aside
        self._staged: dict[bytes, bytes] = {}
        self.needless: set[bytes] = set()

    def stage(self, version: FileVersion) -> None:
        """Write a file beside its place, or as near as there is a folder."""
        folder = self._nearest(version.name)
        part = os.path.join(folder, b".cuebook-%b.part" % os.urandom(8).hex().encode())
        self._staged[version.name] = part
        if version.form is FileForm.LINK:
            os.symlink(version.digest, part)
            return
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            self._store.put(version, file)
            file.flush()
            os.fchmod(descriptor, version.mode)
            os.fsync(descriptor)

    def remove(self, names: Iterable[bytes]) -> None:
        """Put aside what is not to be there; a folder goes with what is in it."""
        gone: bytes | None = None
        for name in sorted(names):
            if gone is None or not is_within(name, gone):
                self._put_aside(name)
                gone = name

    def place(self, version: FileVersion, old: FileVersion | None) -> None:
        """Give a staged file its name, or make a folder."""
        path = self._checked(version.name)
        if version.form is FileForm.FOLDER:
            if not os.path.isdir(path):
                os.mkdir(path)
                self.done.written.append(version.name)
            os.chmod(path, version.mode | 0o700)
            return
        part = self._staged.get(version.name)
        if part is None:
            return
        if old is not None and os.path.lexists(path) and version.name not in self.needless:
            self.done.aside.append(version.name)
            if self._aside is not None:
                _copy(path, self._place_aside(version.name))
        os.rename(part, path)
        del self._staged[version.name]
        self.done.written.append(version.name)

    def drop_staged(self) -> None:
        """Take away what got no name."""
        for part in self._staged.values():
            if os.path.lexists(part):
                os.unlink(part)

    def _put_aside(self, name: bytes) -> None:
        path = self._checked(name)
        if name not in self.needless:
            self.done.aside.append(name)
        if self._aside is None or name in self.needless:
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)
            return
        shutil.move(os.fsdecode(path), os.fsdecode(self._place_aside(name)))

    def _place_aside(self, name: bytes) -> bytes:
        assert self._aside is not None
        self.done.folder = self._aside
        target = os.path.join(os.fsencode(self._aside), name)
        os.makedirs(os.path.dirname(target), 0o700, exist_ok=True)
        return target

    def _nearest(self, name: bytes) -> bytes:
        """The folder that a file is to lie in, or the nearest above it that is there."""
        folder = self._root
        for part in name.split(b"/")[:-1]:
            inner = os.path.join(folder, part)
            if not os.path.isdir(inner) or os.path.islink(inner):
                break
            folder = inner
        return folder

    def _checked(self, name: bytes) -> bytes:
        """The path of a name; its folders are made where they are missing.

        Raises:
            WorkplaceError: one on the way is a link, or a file.
        """
        folder = self._root
        for part in name.split(b"/")[:-1]:
            folder = os.path.join(folder, part)
            try:
                os.mkdir(folder)
            except FileExistsError:
                if not stat.S_ISDIR(os.lstat(folder).st_mode):
                    raise WorkplaceError(
                        f"{shown(name)} cannot be brought back: {shown(folder)} is a link or a file"
                    ) from None
        return os.path.join(self._root, name)


def _copy(path: bytes, target: bytes) -> None:
    """Give a file or a link a second place, so that its name is never free before the new one has it."""
    try:
        os.link(path, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(path, target, follow_symlinks=False)
