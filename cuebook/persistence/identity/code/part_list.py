"""The parts of a fingerprint while it is made: labels for people, what nobody can see, packages.

Knows neither code nor values.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

from cuebook.persistence.identity.digest import blake16
from cuebook.persistence.identity.ownership import package_version
from cuebook.persistence.identity.parts import DETAIL_MAX, Part

__all__ = ["PartList"]


class PartList:
    """Parts by their labels.

    Args:
        home: the module whose name is left out of labels.

    Attributes:
        parts: by label.
        opaque: what nobody can see.
        packages: installed packages that were met, with their versions.
        place: where what is looked at lies, if another process gets it by importing a module of the user's.
        records_places: whether that is recorded.
        imported: the places of the parts of which that is so, by label.
    """

    def __init__(self, home: str) -> None:
        self.home = home
        self.parts: dict[str, Part] = {}
        self.opaque: set[str] = set()
        self.packages: dict[str, str] = {}
        self.place: str | None = None
        self.records_places = True
        self.imported: dict[str, str] = {}
        self._noted: set[str] = set()

    def label(self, module: Any, name: str) -> str:
        """The name of something in a module, for people."""
        return name if module in (self.home, "__main__", None) else f"{module}.{name}"

    def add_part(self, label: str, content: bytes, detail: str | Callable[[], str]) -> str:
        """Keep a part for people; another one of the same label is numbered.

        Returns:
            the label that it has.
        """
        part = Part(label, blake16(content).hex(), detail if callable(detail) else detail[:DETAIL_MAX])
        number = 2
        while self.parts.setdefault(part.label, part).digest != part.digest:
            part = Part(f"{label} ({number})", part.digest, detail if callable(detail) else detail[:DETAIL_MAX])
            number += 1
        self.note_place(part.label)
        return part.label

    def note_place(self, label: str) -> None:
        """Record that another process gets the part of this label by an import, if it does."""
        if self.place is not None and self.records_places:
            self.imported.setdefault(label, self.place)

    def note_package(self, item: Any) -> None:
        """Record the version of the installed package that a function, class or module is of."""
        module = item.__name__ if isinstance(item, types.ModuleType) else getattr(item, "__module__", None)
        if not isinstance(module, str) or module in self._noted:
            return
        self._noted.add(module)
        package = package_version(module)
        if package is not None:
            self.packages[package[0]] = package[1]
