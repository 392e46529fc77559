"""The library's own names that earlier versions of it wrote into journals: what stands under them now.

Knows no journal and no name of a user's.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["is_own", "own_object"]

_PACKAGE = __name__.partition(".")[0]
_MOVED = {
    f"{_PACKAGE}.persistence.pickles:class_of_main": f"{_PACKAGE}.persistence.values.pickling.pickles:class_of_main",
}
"""Names of ours that no user imports; a public one is found by its name alone, wherever it has lived."""


def is_own(module: str) -> bool:
    """Whether a module is, or was, part of this library."""
    return module.partition(".")[0] == _PACKAGE


def own_object(module: str, qualname: str) -> Any:
    """What stands under a name of this library's, of this version or an earlier one.

    Raises:
        ImportError, AttributeError: nothing does.
    """
    module, _, qualname = _MOVED.get(f"{module}:{qualname}", f"{module}:{qualname}").partition(":")
    try:
        return _found(module, qualname)
    except (ImportError, AttributeError):
        if qualname.partition(".")[0] not in import_module(_PACKAGE).__all__:
            raise
    return _found(_PACKAGE, qualname)


def _found(module: str, qualname: str) -> Any:
    found: Any = import_module(module)
    for name in qualname.split("."):
        found = getattr(found, name)
    return found
