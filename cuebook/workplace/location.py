"""Where `.cuebook/` lies, and what is made there. Knows no experiment and no data set.

`CUEBOOK_DIR` names it; else it is the nearest one above the script, or above the current folder where there is no
script; else it is made beside the script, or in the current folder, and that is said.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cuebook.errors import WorkplaceError
from cuebook.notices import notice
from cuebook.workplace.file_store import FileStore

__all__ = ["FOLDER_NAME", "VARIABLE", "Workplace", "find_workplace", "open_workplace"]

FOLDER_NAME = ".cuebook"
VARIABLE = "CUEBOOK_DIR"
_NOT_FOR_GIT = "# What cuebook keeps is not for Git.\n*\n"


class Workplace:
    """One `.cuebook/`.

    Attributes:
        folder: its absolute path.
        root: the folder that it lies in.
        files: the versions of files that are kept in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder.parent
        self.files = FileStore(folder / "files")

    def place(self, *names: str) -> Path:
        """A folder in it, made (0700) with those above it where it is missing."""
        path = self.folder.joinpath(*names)
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise WorkplaceError(f"{path} cannot be made: {error.strerror}") from error
        return path

    def __repr__(self) -> str:
        return f"<Workplace {self.folder}>"


def find_workplace(start: str | os.PathLike[str] | None = None) -> Workplace | None:
    """The `.cuebook/` that holds for a script or folder; None where there is none yet. Nothing is made.

    Args:
        start: a script, or a folder; None for the current folder.

    Raises:
        WorkplaceError: what has its name is no folder.
    """
    named = os.environ.get(VARIABLE)
    if named:
        folder = Path(named).absolute()
        return Workplace(folder) if _is_there(folder) else None
    here = _folder_of(start)
    for above in (here, *here.parents):
        folder = above / FOLDER_NAME
        if _is_there(folder) and not _is_somebody_elses(folder):
            return Workplace(folder)
    return None


def open_workplace(start: str | os.PathLike[str] | None = None) -> Workplace:
    """The `.cuebook/` that holds for a script or folder, made where there is none; whoever is there is told so once.

    Args:
        start: a script, or a folder; None for the current folder.

    Raises:
        WorkplaceError: it cannot be made, or what has its name is no folder.
    """
    found = find_workplace(start)
    if found is not None:
        return found
    named = os.environ.get(VARIABLE)
    folder = Path(named).absolute() if named else _folder_of(start) / FOLDER_NAME
    try:
        folder.mkdir(mode=0o700, parents=bool(named))
    except FileExistsError:  # somebody else was quicker
        return Workplace(folder)
    except OSError as error:
        raise WorkplaceError(f"{folder} cannot be made: {error.strerror}; name another folder by {VARIABLE}") from error
    (folder / ".gitignore").write_text(_NOT_FOR_GIT)
    notice(f"made {folder}: what is kept lies there from now on")
    return Workplace(folder)


def _folder_of(start: str | os.PathLike[str] | None) -> Path:
    """The folder from which the search goes upwards."""
    if start is None:
        return Path.cwd()
    path = Path(os.path.realpath(start))
    return path if path.is_dir() else path.parent


def _is_there(folder: Path) -> bool:
    try:
        mode = folder.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return False
    if not stat.S_ISDIR(mode):
        raise WorkplaceError(f"{folder} is no folder; remove it, or name another one by {VARIABLE}")
    return True


def _is_somebody_elses(folder: Path) -> bool:
    """Whether another user has put it where everybody can put something, as into /tmp."""
    owner, above = folder.stat().st_uid, folder.parent.stat()
    return owner not in (0, os.getuid()) and bool(above.st_mode & stat.S_IWOTH)
