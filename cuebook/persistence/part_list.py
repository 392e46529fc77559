"""The parts of a fingerprint while it is made: labels for people, what nobody can see, packages.

Knows neither code nor values.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

from cuebook.persistence.digest import blake16
from cuebook.persistence.fingerprint_parts import DETAIL_MAX, Part
from cuebook.persistence.ownership import package_version

__all__ = ["PartList"]


class PartList:
    """Parts by their labels.

    Args:
        home: the module whose name is left out of labels.

    Attributes:
        parts: by label.
        opaque: what nobody can see.
        packages: installed packages that were met, with their versions.
        imported: labels of the parts that another process gets by importing a module of the user's.
        is_imported: whether the parts that are added now are such.
    """

    def __init__(self, home: str) -> None:
        self.home = home
        self.parts: dict[str, Part] = {}
        self.opaque: set[str] = set()
        self.packages: dict[str, str] = {}
        self.imported: set[str] = set()
        self.is_imported = False
        self._noted: set[str] = set()

    def label(self, module: Any, name: str) -> str:
        """The name of something in a module, for people."""
        return name if module in (self.home, "__main__", None) else f"{module}.{name}"

    def add_part(self, label: str, content: bytes, detail: str | Callable[[], str]) -> None:
        """Keep a part for people; another one of the same label is numbered."""
        part = Part(label, blake16(content).hex(), detail if callable(detail) else detail[:DETAIL_MAX])
        number = 2
        while self.parts.setdefault(part.label, part).digest != part.digest:
            part = Part(f"{label} ({number})", part.digest, detail if callable(detail) else detail[:DETAIL_MAX])
            number += 1
        if self.is_imported:
            self.imported.add(part.label)

    def note_package(self, item: Any) -> None:
        """Record the version of the installed package that a function, class or module is of."""
        module = item.__name__ if isinstance(item, types.ModuleType) else getattr(item, "__module__", None)
        if not isinstance(module, str) or module in self._noted:
            return
        self._noted.add(module)
        package = package_version(module)
        if package is not None:
            self.packages[package[0]] = package[1]
