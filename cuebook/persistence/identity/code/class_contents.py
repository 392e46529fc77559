"""What decorators and metaclasses of other libraries make of a class: fields that they take out of it.

Knows no digests. A module a library (`identity_adapters`), imported once that library is.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any, NamedTuple

__all__ = ["ClassContents", "library_contents"]

_ADAPTERS = {
    "attr": "attrs",
    "msgspec": "msgspec",
    "numba": "numba",
    "pydantic": "pydantic",
    "sqlalchemy": "sqlalchemy",
}
"""The package that makes such classes, and the module that knows them."""


class ClassContents(NamedTuple):
    """What counts of a class for what a library made of it.

    Attributes:
        hidden: names in the class that only repeat or compile what is declared.
        declared: labels and values: the fields as they were written.
    """

    hidden: frozenset[str]
    declared: tuple[tuple[str, Any], ...]


def library_contents(cls: type) -> ClassContents:
    """What all libraries together made of a class. Cost: 2 us where none did."""
    hidden: frozenset[str] = frozenset()
    declared: tuple[tuple[str, Any], ...] = ()
    for package, adapter in _ADAPTERS.items():
        if package in sys.modules:
            found = import_module(f"cuebook.persistence.identity.adapters.{adapter}").contents_of(cls)
            if found is not None:
                hidden, declared = hidden | found.hidden, (*declared, *found.declared)
    return ClassContents(hidden, declared)
