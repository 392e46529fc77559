"""What a chain of names in a function's code stands for just now.

Knows no digests: it looks names up, in globals, closures, modules and imports.
"""

from __future__ import annotations

import builtins
import sys
import types
from typing import TYPE_CHECKING, Any, NamedTuple

from cuebook.persistence.identity.code.modules import imported_module
from cuebook.persistence.identity.ownership import is_users_module

if TYPE_CHECKING:
    from cuebook.persistence.identity.syntax.references import Chain

__all__ = ["MISSING", "Resolved", "resolve_chain"]

MISSING = object()


class Resolved(NamedTuple):
    """The value that the first names of a chain stand for (MISSING: none), and the attributes after them."""

    names: str
    value: Any
    rest: tuple[str, ...]


def resolve_chain(function: types.FunctionType, chain: Chain) -> Resolved | None:
    """Follow a chain through the user's own modules, as far as it goes through modules.

    None where its text says all (a builtin), or where its value counts already (what a closure holds).
    """
    value = _base(function, chain)
    if value is None:
        return None
    (value,) = value
    names, rest = [chain.name], list(chain.attributes)
    while rest and isinstance(value, types.ModuleType) and is_users_module(value):
        names.append(rest.pop(0))
        value = _attribute(value, names[-1], is_imported=chain.base == "import")
    if chain.base == "free" and len(names) == 1 and not isinstance(value, types.ModuleType):
        return None
    return Resolved(".".join(names), value, tuple(rest))


def _base(function: types.FunctionType, chain: Chain) -> tuple[Any] | None:
    if chain.base == "import":
        return (imported_module(chain.name, chain.level, function.__globals__),)
    if chain.base == "free":
        cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=False))
        try:
            return (cells[chain.name].cell_contents,)
        except (KeyError, ValueError):  # a cell that is still empty counts as such among the closure's values
            return None
    value = function.__globals__.get(chain.name, MISSING)
    if value is MISSING and hasattr(builtins, chain.name):
        return None
    return (value,)


def _attribute(module: types.ModuleType, name: str, *, is_imported: bool) -> Any:
    value = module.__dict__.get(name, MISSING)
    if value is MISSING:
        value = sys.modules.get(f"{module.__name__}.{name}", MISSING)
    if value is MISSING and is_imported and hasattr(module, "__path__"):
        value = imported_module(f"{module.__name__}.{name}", 0, {})
        if not isinstance(value, types.ModuleType):
            value = MISSING
    if value is MISSING:
        try:
            value = getattr(module, name)  # a module with a __getattr__ of its own
        except Exception:  # it may raise whatever it likes
            value = MISSING
    return value
