"""A workspace, copied: as it is now, so that a run in the copy is not disturbed by what is changed later.

Knows no queue. The files go through the store that all share, so that a hundred copies take the room of one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from pathlib import Path

from cuebook.errors import ExperimentError
from cuebook.workplace.capture import Capture
from cuebook.workplace.location import FOLDER_NAME, Workplace
from cuebook.workplace.manifest import Manifest, is_within
from cuebook.workplace.restore import restore

__all__ = ["copy_into", "snapshot"]

_LEFT_OUT = frozenset(
    name.encode() for name in (FOLDER_NAME, ".git", ".hg", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache")
)
_LINKED = (".venv", "venv", "node_modules")
"""Folders that are large and only read: the copy has a link to them."""


def snapshot(workplace: Workplace, root: Path, outputs: Collection[bytes]) -> Manifest:
    """Keep what is in a workspace, but for its outputs. The store is to be in use (`FileStore.in_use`) meanwhile.

    Raises:
        WorkplaceError: something in it cannot be kept: a socket, or a file that is not readable.
    """
    left_out = _LEFT_OUT | {name.encode() for name in _LINKED}
    capture = Capture(root, workplace.files, links_lead_anywhere=True, left_out=left_out)
    here = os.fsencode(workplace.folder.name) if workplace.root == root else b""
    names = [
        name
        for name in sorted(os.fsencode(each.name) for each in root.iterdir())
        if name not in left_out and name != here
    ]
    taken = capture.take([name for name in names if not any(is_within(name, output) for output in outputs)])
    files = tuple(f for f in taken.files if not any(is_within(f.name, output) for output in outputs))
    return Manifest(taken.outputs, files)


def copy_into(workplace: Workplace, manifest: Manifest, origin: Path, folder: Path) -> None:
    """Make the copy; all of it is there, or the folder is not.

    Raises:
        ExperimentError: the folder is there already.
    """
    if folder.exists():
        raise ExperimentError(f"{folder} is there already")
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700, parents=True)
    restore(manifest, part, workplace.files, aside=None)
    for name in _LINKED:
        if (origin / name).is_dir():
            (part / name).symlink_to(origin / name)
    part.rename(folder)
