"""Names that annotations written as strings read in the user's script, for whoever resolves them in a child process.

`typing.get_type_hints` looks them up in the module of a class, or in the globals of a function; what came by value has
only those that its code reads.
"""

from __future__ import annotations

import importlib
import pickle
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from types import FunctionType, GenericAlias, ModuleType, UnionType
from typing import Any

__all__ = ["hinted_names", "opened_hints", "wrapped_hints"]

_NAME = r"[^\W\d]\w*"
_TYPING = ("typing", "typing_extensions")


def hinted_names(sent: Iterable[type | FunctionType]) -> dict[str, Any]:
    """What the strings in annotations of these name in their modules, and what those name in turn.

    Parameters:
        sent: classes and functions of the user that are sent by value.

    Returns:
        The global types by name: classes, modules, and what `typing` makes. Other values are no hints.
    """
    found: dict[str, Any] = {}
    left = list(sent)
    while left:
        thing = left.pop()
        values = _globals_of(thing)
        for name in _names_in(thing):
            value = values.get(name)
            if name in found or not _is_hint(value):
                continue
            found[name] = value
            if isinstance(value, type) and value.__module__ == thing.__module__:
                left.append(value)
    return found


def _globals_of(thing: type | FunctionType) -> dict[str, Any]:
    if isinstance(thing, FunctionType):
        return thing.__globals__
    return getattr(sys.modules.get(thing.__module__), "__dict__", {})


def _names_in(thing: type | FunctionType) -> Iterator[str]:
    import re

    for annotation in _annotations(thing):
        if isinstance(annotation, str):
            yield from re.findall(_NAME, annotation)
    if isinstance(thing, type):
        for method in list(vars(thing).values()):
            if isinstance(method, FunctionType):
                yield from _names_in(method)


def _annotations(thing: type | FunctionType) -> list[Any]:
    """Those that are there without computing any; of a class its own."""
    held = vars(thing).get("__annotations__") if isinstance(thing, type) else None
    if isinstance(thing, FunctionType) and sys.version_info < (3, 14):
        held = thing.__annotations__
    if held is None and sys.version_info >= (3, 14):
        import annotationlib

        held = annotationlib.get_annotations(thing, format=annotationlib.Format.FORWARDREF)
    return list(held.values()) if isinstance(held, dict) else []


def _is_hint(value: Any) -> bool:
    kinds = (type, ModuleType, GenericAlias, UnionType)
    return isinstance(value, kinds) or type(value).__module__ in _TYPING


class HintedModule(ModuleType):
    """A module that an annotation names: it is imported when somebody resolves that, and not at a worker's start."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self.__name__), name)


def wrapped_hints(hints: dict[str, Any], is_importable: Callable[[Any], bool]) -> dict[str, Any]:
    """Hints as they are sent: a module by its name, and a class that an import finds as bytes, which may fail alone."""
    return {name: _wrapped(value, is_importable) for name, value in hints.items()}


def _wrapped(value: Any, is_importable: Callable[[Any], bool]) -> Any:
    if isinstance(value, ModuleType):
        return value.__name__
    if isinstance(value, type) and is_importable(value):
        return pickle.dumps(value)
    return value


def opened_hints(hints: dict[str, Any]) -> dict[str, Any]:
    """What `wrapped_hints` has made, opened in a child. What cannot be had here is left out."""
    opened: dict[str, Any] = {}
    for name, value in hints.items():
        with suppress(Exception):
            if isinstance(value, str):
                opened[name] = HintedModule(value)
            else:
                opened[name] = pickle.loads(value) if isinstance(value, bytes) else value
    return opened
