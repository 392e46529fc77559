"""Annotations as values: what they say, and the classes, functions and objects in them.

Knows no digests. No repr of an annotation counts: it may hold an address.
"""

from __future__ import annotations

import ast
import sys
import types
from collections.abc import Iterable, Mapping
from typing import Any

from cuebook.persistence.identity.ownership import is_users_class, is_users_function, is_users_module

__all__ = ["annotations_of", "note_of"]

_DEPTH_MAX = 20
_TYPING = frozenset({"typing", "types", "typing_extensions"})


def annotations_of(owner: Any) -> list[Any]:
    """The annotations that a class or function itself has, in their order, as values that can be walked."""
    own = owner.__dict__ if isinstance(owner, type) else {"__annotations__": None}
    if not own.keys() & {"__annotations__", "__annotate__", "__annotate_func__", "__annotations_cache__"}:
        return []  # asking a class that has none would give it some, and change its pickles
    try:
        notes = dict(owner.__annotations__)
    except Exception:  # none, or names in them that are not defined here
        return []
    scope = getattr(owner, "__globals__", None) or vars(sys.modules.get(owner.__module__, types)) or {}
    return [[name, note_of(note, scope)] for name, note in notes.items()]


def note_of(note: Any, scope: Mapping[str, Any], depth: int = 0) -> Any:
    """An annotation as plain data with the classes, functions and objects that it holds.

    Args:
        scope: where the names in annotations that are texts are looked up.
    """
    if depth > _DEPTH_MAX:
        return "..."
    if isinstance(note, str):
        return ["text", note, *_named_in(note, scope)]
    if isinstance(note, type) and not isinstance(note, types.GenericAlias):
        return note
    if type(note).__module__.partition(".")[0] not in _TYPING:
        return note
    special = _special(note, scope, depth)
    if special is not None:
        return special
    origin, arguments = getattr(note, "__origin__", None), getattr(note, "__args__", None)
    if isinstance(note, types.UnionType):
        origin = "Union"
    if origin is None or not isinstance(arguments, tuple):
        return ["typing", str(getattr(note, "_name", None) or getattr(note, "__name__", type(note).__name__))]
    return ["of", note_of(origin, scope, depth + 1), *_notes(arguments, scope, depth)]


def _special(note: Any, scope: Mapping[str, Any], depth: int) -> Any:
    """Forms of typing that are not a generic with its arguments."""
    kind = type(note).__name__
    if hasattr(note, "__metadata__"):
        return ["Annotated", note_of(note.__origin__, scope, depth + 1), *note.__metadata__]
    if kind == "_LiteralGenericAlias":
        return ["Literal", *note.__args__]
    if kind == "_UnionGenericAlias":
        return ["of", "Union", *_notes(note.__args__, scope, depth)]
    if kind == "ForwardRef":
        return note_of(note.__forward_arg__, scope, depth + 1)
    if kind == "NewType":
        return ["NewType", note.__qualname__, note_of(note.__supertype__, scope, depth + 1)]
    if kind == "TypeVar":
        bounds = (getattr(note, "__bound__", None), *getattr(note, "__constraints__", ()))
        return ["TypeVar", note.__name__, *_notes(bounds, scope, depth)]
    if kind == "TypeAliasType":  # asking for its value would run what computes it
        return ["alias", note.__name__]
    return None


def _notes(parts: Iterable[Any], scope: Mapping[str, Any], depth: int) -> list[Any]:
    return [
        _notes(part, scope, depth + 1) if isinstance(part, list | tuple) else note_of(part, scope, depth + 1)
        for part in parts
    ]


def _named_in(text: str, scope: Mapping[str, Any]) -> list[Any]:
    """The user's own classes and functions that an annotation names which is a text."""
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found = [_lookup(node, scope) for node in ast.walk(tree) if isinstance(node, ast.Name | ast.Attribute)]
    return [
        value
        for value in found
        if (isinstance(value, type) and is_users_class(value))
        or (isinstance(value, types.FunctionType) and is_users_function(value))
    ]


def _lookup(node: ast.expr, scope: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Name):
        return scope.get(node.id)
    if isinstance(node, ast.Attribute):
        module = _lookup(node.value, scope)
        if isinstance(module, types.ModuleType) and is_users_module(module):
            return module.__dict__.get(node.attr)
    return None
