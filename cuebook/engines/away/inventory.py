"""What one side has and the other lacks: Python, cuebook, the packages that the user's modules import.

Knows no line.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from types import ModuleType

from cuebook.children.program.sources import users_modules
from cuebook.engines.away.line import Opened
from cuebook.errors import ClusterGone
from cuebook.notices import notice
from cuebook.persistence.identity.installed import distribution_of
from cuebook.persistence.identity.ownership import package_version

__all__ = ["Inventory", "cuebook_version", "different_packages", "mismatch", "packages_in_use", "version_of"]

UNKNOWN = "unknown"
"""The version of what is there and was not installed: a checkout on the path."""


class Inventory:
    """What this side has, and which differences were said already; one for each cluster.

    Attributes:
        packages: in use here, with their versions.
    """

    def __init__(self) -> None:
        self.packages: dict[str, str | None] = {}
        self._said: set[str] = set()

    def take(self) -> None:
        """Look at what is in use here, as a run begins."""
        self.packages = {name: version_of(name) for name in packages_in_use()}

    def compare(self, there: Opened) -> None:
        """Say once what packages differ.

        Raises:
            ClusterGone: nothing could be exchanged with the other side.
        """
        problem = mismatch(there)
        if problem is not None:
            raise ClusterGone(problem)
        found = different_packages(self.packages, there.packages)
        if found:
            self.say_once(f"workers on {there.host} differ from this program: {'; '.join(found)}")

    def say_once(self, text: str) -> None:
        """Tell the user what is no error, the first time that it is so."""
        if text not in self._said:
            self._said.add(text)
            notice(text)


def mismatch(there: Opened, *, python: str = "", cuebook: str = "") -> str | None:
    """Why no call can be made on the other side; None where they fit.

    Args:
        python, cuebook: versions on this side; "": those that run.
    """
    python = python or platform.python_version()
    cuebook = cuebook or cuebook_version()
    if python.split(".")[:2] != there.python.split(".")[:2]:
        return (
            f"the workers on {there.host} have Python {there.python}, and this program {python}: functions and values "
            "cannot be exchanged. Use the same minor version on both sides"
        )
    if there.cuebook and cuebook and there.cuebook != cuebook:
        return (
            f"the workers on {there.host} have cuebook {there.cuebook}, and this program {cuebook}. "
            "Install the same version on both sides"
        )
    return None


def different_packages(here: Mapping[str, str | None], there: Mapping[str, str | None]) -> list[str]:
    """Packages in use here that the other side lacks or has in another version, in words.

    >>> different_packages({"numpy": "2.1.0", "pandas": "2.2.3"}, {"numpy": "1.26.4", "pandas": None})
    ['numpy is 1.26.4 there and 2.1.0 here', 'pandas is missing there']
    """
    found = []
    for name, version in sorted(here.items()):
        other = there.get(name)
        if version in (None, UNKNOWN, other) or other == UNKNOWN:
            continue
        found.append(f"{name} is missing there" if other is None else f"{name} is {other} there and {version} here")
    return found


def packages_in_use() -> tuple[str, ...]:
    """The installed packages that the user's modules, and the program itself, import. Cost: some milliseconds."""
    tops = set()
    for name in ["__main__", *users_modules()]:
        for value in list(vars(sys.modules[name]).values()) if name in sys.modules else []:
            module = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
            if isinstance(module, str):
                tops.add(module.partition(".")[0])
    tops -= sys.stdlib_module_names | {"__main__", "cuebook"}
    return tuple(sorted(top for top in tops if package_version(top) is not None))


def cuebook_version() -> str:
    """That of the code that runs, installed or not."""
    return str(getattr(sys.modules["cuebook"], "__version__", ""))


def version_of(name: str) -> str | None:
    """Of an installed package by the name of its module, which is not imported; None where it is missing."""
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    places = [spec.origin, *(spec.submodule_search_locations or ())]
    for place in [os.path.abspath(place) for place in places if place]:
        found = distribution_of(place) or distribution_of(os.path.realpath(place))
        if found is not None:
            return found.version
    return UNKNOWN
