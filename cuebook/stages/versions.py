"""Names and version numbers of data sets: a number is taken by making its file. Knows no job and no value."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from cuebook.errors import MalformedMessage, WorkplaceError
from cuebook.wire.codec import pack, unpack

__all__ = ["TakenVersion", "Versions"]

_NAME_MAX = 180
_DELETED = ".deleted"
_TITLE = "name"


@dataclass(frozen=True, slots=True)
class TakenVersion:
    """A version that a job has taken.

    Attributes:
        name, version: of the data set. job: the folder of the job whose journal tells of it.
    """

    name: str
    version: int
    job: str


class Versions:
    """The versions that there are in one folder.

    Args:
        folder: of all data sets; made when it is first needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, name: str, job: str) -> int:
        """Take the next version of a data set; no number is ever taken twice, also not after a deletion.

        Raises:
            WorkplaceError: the folder cannot be written.
        """
        folder = self._folder / _folder_name(name)
        data = pack([name, job])
        try:
            if not folder.is_dir():
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                (folder / _TITLE).write_text(name, "utf-8", "surrogatepass")
            number = max(self._numbers(folder), default=0)
            while True:
                number += 1
                if (folder / f"{number}{_DELETED}").exists():
                    continue
                with contextlib.suppress(FileExistsError):
                    descriptor = os.open(folder / str(number), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                    with open(descriptor, "wb") as file:
                        file.write(data)
                    return number
        except OSError as error:
            raise WorkplaceError(f"{folder} cannot be written: {error.strerror}") from error

    def is_there(self, name: str, version: int) -> bool:
        """Whether a version was not deleted."""
        return (self._folder / _folder_name(name) / str(version)).exists()

    def of(self, name: str) -> list[TakenVersion]:
        """The versions of a data set, oldest first."""
        folder = self._folder / _folder_name(name)
        found = (self._read(folder, number) for number in sorted(self._numbers(folder)))
        return [taken for taken in found if taken is not None]

    def names(self) -> Iterator[str]:
        """The names of all data sets, in order."""
        with contextlib.suppress(FileNotFoundError):
            names = [_read_text(folder / _TITLE) for folder in self._folder.iterdir()]
            yield from sorted(name for name in names if name)

    def delete(self, name: str, version: int) -> None:
        """Delete a version; its number stays taken."""
        path = self._folder / _folder_name(name) / str(version)
        with contextlib.suppress(FileNotFoundError):
            path.rename(path.with_name(f"{version}{_DELETED}"))

    def _numbers(self, folder: Path) -> list[int]:
        try:
            return [int(name) for name in os.listdir(folder) if name.isdecimal()]  # noqa: PTH208
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _read(self, folder: Path, number: int) -> TakenVersion | None:
        try:
            name, job = unpack((folder / str(number)).read_bytes())
            return TakenVersion(str(name), number, str(job))
        except (OSError, MalformedMessage, TypeError, ValueError):  # whoever took it was killed just then
            return None


def _folder_name(name: str) -> str:
    plain = name.encode("utf-8", "surrogatepass")
    quoted = quote(plain, safe="").replace(".", "%2E")
    return quoted if len(quoted) <= _NAME_MAX else f"{quoted[:_NAME_MAX]}~{hashlib.sha256(plain).hexdigest()[:16]}"


def _read_text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "surrogatepass")
    except OSError:
        return ""
