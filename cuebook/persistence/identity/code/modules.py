"""Modules as values: the one that an import inside a function means, and a module's own normal text.

Knows no functions.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cuebook.persistence.identity.ownership import is_library_file, is_users_module
from cuebook.persistence.identity.syntax.code import normal_text

if TYPE_CHECKING:
    import types

__all__ = ["imported_module", "module_text"]


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


def module_text(module: types.ModuleType) -> str | None:
    """The normal text of a module's source; None where it has none that can be read."""
    filename = getattr(module, "__file__", None)
    if not isinstance(filename, str) or not filename.endswith(".py"):
        return None
    try:
        return normal_text(ast.parse(Path(filename).read_bytes()))
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None
