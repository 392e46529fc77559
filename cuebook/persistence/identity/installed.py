"""Which installed distribution a file belongs to: the one in whose `RECORD` it is listed.

Knows nothing of what the files hold. A folder is looked through once, and only where a file in it is asked for.
Source of the formats: PEP 376, PEP 610, PEP 627.
"""

from __future__ import annotations

import functools
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["Distribution", "distribution_of"]

_FOLDERS_OF_PACKAGES = frozenset({"site-packages", "dist-packages"})
_DISTRIBUTORS = frozenset({"apk", "apt", "brew", "conda", "debian", "dnf", "guix", "nix", "pacman", "portage", "rpm"})
"""Installers of systems that build packages from folders of their own: those are nobody's own code here."""

_TOP = re.compile(rb'^(?:"([^"/\r\n]+)|([^/,\r\n"]+))', re.MULTILINE)
_NORMAL = re.compile(r"[-_.]+")
_LEVELS_MAX = 32


class Distribution(NamedTuple):
    """An installed distribution.

    Attributes:
        version: as its metadata say.
        is_users_own: whether it was installed from a folder of the user's: its version does not change with its code.
    """

    version: str
    is_users_own: bool


def distribution_of(path: str) -> Distribution | None:
    """The distribution that an absolute path belongs to; None for a file that no installer has put there.

    Cost: some microseconds; the first one of a folder a listing of it, and the RECORD of its distribution. Where
    that is not called like the package in it, those of all distributions of the folder (20 ms for 200).
    """
    for root in _roots(path):
        folder = _folder(root)
        if folder is None:
            continue
        owner = folder.owner(path[len(root) + 1 :].replace(os.sep, "/"))
        if owner is not None:
            return owner
    return None


def _roots(path: str) -> Iterator[str]:
    """The folders above a file from which its module may have been imported, the innermost first."""
    known = _import_folders(tuple(sys.path))
    root = os.path.dirname(path)
    for _ in range(_LEVELS_MAX):
        if root in known or os.path.basename(root) in _FOLDERS_OF_PACKAGES:
            yield root
        above = os.path.dirname(root)
        if above == root:
            return
        root = above


@functools.lru_cache(maxsize=4)
def _import_folders(entries: tuple[str, ...]) -> frozenset[str]:
    return frozenset(os.path.abspath(entry) for entry in entries)


@functools.lru_cache(maxsize=64)
def _folder(root: str) -> _Folder | None:
    """The distributions of a folder; None where it has none."""
    try:
        with os.scandir(root) as entries:
            names = [entry.name for entry in entries if entry.name.endswith((".dist-info", ".egg-info"))]
    except OSError:
        return None
    return _Folder(root, sorted(names)) if names else None


class _Folder:
    """The distributions that were installed into one folder."""

    def __init__(self, root: str, names: list[str]) -> None:
        self._root = root
        self._names = {name: _normal(name.rpartition(".")[0].partition("-")[0]) for name in names}
        self._records: dict[str, bytes | None] = {}
        self._owners: dict[str, list[str]] | None = None

    def owner(self, path: str) -> Distribution | None:
        """The distribution that a file belongs to, given relative to the folder."""
        top = path.partition("/")[0]
        for name in self._candidates(top.partition(".")[0]):
            record = self._record(name)
            if record is not None and _is_listed(path, record):
                return self._distribution(name)
            if record is None and self._names_without_record(name, top):
                return self._distribution(name)
        return None

    def _candidates(self, package: str) -> Iterator[str]:
        """Distributions that may hold a package of this name, the likeliest first."""
        normal = _normal(package)
        likely = [name for name, known in self._names.items() if known == normal]
        likely += [
            name for name, known in self._names.items() if known != normal and (normal in known or known in normal)
        ]
        yield from likely
        if self._owners is None:
            self._owners = {}
            for name in self._names:
                tops = {
                    (quoted or top).decode("utf-8", "replace")
                    for quoted, top in _TOP.findall(self._record(name) or b"")
                }
                for top in tops | self._top_level(name):
                    self._owners.setdefault(top, []).append(name)
        for top in (package, f"{package}.py"):
            yield from (name for name in self._owners.get(top, ()) if name not in likely)

    def _record(self, name: str) -> bytes | None:
        """What a distribution lists; None where it lists nothing, as those of Debian and of old installers do not."""
        if name not in self._records:
            try:
                self._records[name] = Path(self._root, name, "RECORD").read_bytes()
            except OSError:
                self._records[name] = None
        return self._records[name]

    def _names_without_record(self, name: str, top: str) -> bool:
        package = top.partition(".")[0]
        return self._names[name] == _normal(package) or package in self._top_level(name)

    def _top_level(self, name: str) -> set[str]:
        try:
            return set(Path(self._root, name, "top_level.txt").read_text(encoding="utf-8").split())
        except (OSError, UnicodeError):
            return set()

    def _distribution(self, name: str) -> Distribution:
        version = name.rpartition(".")[0].partition("-")[2].partition("-py")[0]
        return Distribution(version or "unknown", self._is_users_own(name))

    def _is_users_own(self, name: str) -> bool:
        try:
            url = json.loads(Path(self._root, name, "direct_url.json").read_bytes())
        except (OSError, ValueError):
            return False
        return isinstance(url, dict) and "dir_info" in url and self._installer(name) not in _DISTRIBUTORS

    def _installer(self, name: str) -> str:
        try:
            return Path(self._root, name, "INSTALLER").read_text(encoding="utf-8").strip().lower()
        except (OSError, UnicodeError):
            return ""


def _normal(name: str) -> str:
    return _NORMAL.sub("_", name).lower()


def _is_listed(path: str, record: bytes) -> bool:
    """Whether a record lists a file; or, for a path that ends with a slash, any file below it."""
    for line in (path, f'"{path}') if path.endswith("/") else (f"{path},", f'"{path}",'):
        text = line.encode("utf-8", "surrogateescape")
        if record.startswith(text) or b"\n" + text in record:
            return True
    return False
