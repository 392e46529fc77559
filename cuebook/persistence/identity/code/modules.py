"""Modules as values: the one that an import inside a function means, and what a module holds.

Knows no functions.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import TYPE_CHECKING, Any

from cuebook.persistence.identity.ownership import is_library_file, is_users_module

if TYPE_CHECKING:
    import types

__all__ = ["OF_PYTHON", "imported_module", "module_members"]

OF_PYTHON = frozenset(
    {
        "__name__", "__file__", "__doc__", "__builtins__", "__loader__", "__spec__", "__path__", "__package__",
        "__cached__", "__annotations__", "__conditional_annotations__", "__warningregistry__",
    }
)  # fmt: skip
"""Names that Python gives to a module: none of them counts, as files and modules do not count by name."""


def imported_module(name: str, level: int, scope: dict[str, Any]) -> Any:
    """The module that an import statement inside a function means.

    One of the user's own is imported where it is not loaded yet, as the call would do. Of a library's the name comes
    back as a str, loaded or not, so that both are the same function; so it does where the import fails.
    """
    try:
        full = importlib.util.resolve_name("." * level + name, scope.get("__package__") or scope.get("__name__", ""))
        loaded = sys.modules.get(full)
        if loaded is not None:
            return loaded if is_users_module(loaded) else full
        found = importlib.util.find_spec(full)
        if found is None or found.origin is None or not found.has_location or is_library_file(found.origin):
            return full
        return importlib.import_module(full)
    except Exception:  # the user's module raises, or there is none: the call will say so
        return f"{'.' * level}{name}"


def module_members(module: types.ModuleType) -> tuple[list[tuple[str, Any]], bool]:
    """What a module holds by name, sorted, without what Python puts there; and whether that is all of it.

    A compiled one may keep more than it shows.
    """
    members = [(name, module.__dict__[name]) for name in sorted(module.__dict__.keys() - OF_PYTHON)]
    filename = getattr(module, "__file__", None)
    return members, not isinstance(filename, str) or filename.endswith((".py", ".pyc", ".pyw"))
