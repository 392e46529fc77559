"""Event handlers of an actor class, found by the annotation of their event. Knows no actor and no journal."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["appliers_of"]

_PREFIX = "apply_"
_PURE = ("apply", "initial_state")


def appliers_of(cls: type, names: Mapping[str, Any]) -> dict[type, str]:
    """Event type to the method that applies it: every `apply_...` whose second parameter is annotated with classes.

    Args:
        names: what annotations may name beside the module's globals: the locals where the class is made.

    Raises:
        TypeError: an `apply_...` method has other parameters, or no annotation; or two of a class are for one event;
            or what is to be pure is a coroutine function.
    """
    found: dict[type, str] = {}
    for base in reversed(cls.__mro__):
        own: dict[type, str] = {}
        for name, method in vars(base).items():
            if (name.startswith(_PREFIX) or name in _PURE) and inspect.iscoroutinefunction(method):
                raise TypeError(f"{cls.__qualname__}.{name} is to be a plain function, not `async def`: it is pure")
            if not (name.startswith(_PREFIX) and inspect.isfunction(method)):
                continue
            for kind in _kinds(cls, method, names):
                if kind in own:
                    raise TypeError(f"{cls.__qualname__} applies {kind.__qualname__} twice: {own[kind]} and {name}")
                own[kind] = name
        found = {kind: name for kind, name in found.items() if name not in vars(base)} | own
    return found


def _kinds(cls: type, method: Callable[..., Any], names: Mapping[str, Any]) -> tuple[type, ...]:
    where = f"{cls.__qualname__}.{method.__name__}"
    parameters = list(inspect.signature(method).parameters)
    shape = f"{method.__name__}(self, state, event: SomeEvent)"
    if len(parameters) != 3:
        raise TypeError(f"{where} is to take self, the state and one event: {shape}")
    try:
        hints = typing.get_type_hints(method, localns=dict(names))
    except NameError as error:
        raise TypeError(f"an annotation of {where} names what is not there at run time: {error}") from error
    hint = hints.get(parameters[2])
    kinds = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    if not all(isinstance(kind, type) for kind in kinds):
        raise TypeError(f"{where} is to say which event it applies: {shape}")
    return typing.cast("tuple[type, ...]", kinds)
