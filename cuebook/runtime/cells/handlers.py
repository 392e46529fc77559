"""Handlers of an actor class, found by the annotation of their one parameter. Knows no mailbox and no loop."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from cuebook.runtime.refs.declared import check_answer
from cuebook.wire.message import is_message_type

__all__ = ["HOOKS", "check_taken", "handlers_of", "is_rebuilding", "is_rebuilt", "names_around"]

HOOKS = {"on_start": 0, "on_stop": 0, "on_failure": 1}
"""Methods called `on_...` that receive no message, and what they are called with at most."""


is_rebuilding: ContextVar[bool] = ContextVar("cuebook_is_rebuilding", default=False)
"""Whether classes arrive here that were made in another process."""


def is_rebuilt(cls: type) -> bool:
    """Whether a class that is being made was made before, in another process: it has no methods yet, and brings its
    handlers with it. (Of those that are imported meanwhile, one without methods has the handlers of its base, too.)
    """
    return is_rebuilding.get() and not any(inspect.isfunction(each) for each in vars(cls).values())


def handlers_of(cls: type, names: Mapping[str, Any], wrappers: tuple[type, ...] = ()) -> dict[type, str]:
    """Message type to name of the method: every `on_...` whose one parameter is annotated with message types.

    A method of a subclass takes the place of its namesake; a handler for a type that a base handles, too.

    Parameters:
        names: what annotations may name beside the module's globals: the locals where the class is made.
        wrappers: generic classes of what stands for an answer, such as `Effect[int]`.

    Raises:
        TypeError: an `on_...` method has no annotated parameter, or one that is no message type; or two
            methods of a class are for one type; or one says that it answers what its messages do not. It is named.
    """
    _check_hooks(cls)
    _check_methods(cls)
    found: dict[type, str] = {}
    for base in reversed(cls.__mro__):
        own: dict[type, str] = {}
        for name, method in vars(base).items():
            if name.startswith("on_") and name not in HOOKS and inspect.isfunction(method):
                kinds, hints = _kinds(cls, method, names)
                if base is cls:
                    check_answer(method, hints, kinds, wrappers)
                for kind in kinds:
                    if kind in own:
                        raise TypeError(
                            f"{cls.__qualname__} has two handlers for {kind.__qualname__}: {own[kind]} and {name}"
                        )
                    own[kind] = name
        found = {kind: name for kind, name in found.items() if name not in vars(base)} | own
    return found


def check_taken(cls: type, handlers: Mapping[type, str], root: type) -> None:
    """Raises TypeError where a class says that it takes a message, `root[Add | Get]`, and has no handler for it."""
    for base in vars(cls).get("__orig_bases__", ()):  # `types.get_original_bases`, on Pythons before 3.12 too
        if typing.get_origin(base) is not root:
            continue
        for kind in _members(typing.get_args(base)[-1]):
            if isinstance(kind, type) and is_message_type(kind) and kind not in handlers:
                method = f"def on_{kind.__name__.lower()}(self, message: {kind.__name__})"
                raise TypeError(
                    f"{cls.__qualname__} says that it takes {kind.__qualname__} and has no handler for it: {method}"
                )


def _check_methods(cls: type) -> None:
    """Raises TypeError where a method is named as a handler, and could not be called as one."""
    for name, method in vars(cls).items():
        if not name.startswith("on_") or name in HOOKS:
            continue
        if isinstance(method, staticmethod | classmethod):
            raise TypeError(f"{cls.__qualname__}.{name} is to be a plain method, or not to be called on_...")
        if inspect.isgeneratorfunction(method) or inspect.isasyncgenfunction(method):
            raise TypeError(f"{cls.__qualname__}.{name} yields: a handler returns its answer")


def _check_hooks(cls: type) -> None:
    for name, most in HOOKS.items():
        method = vars(cls).get(name)
        if not inspect.isfunction(method):
            continue
        parameters = list(inspect.signature(method).parameters.values())[1:]
        by_place = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
        needed = [each for each in by_place if each.default is each.empty]
        if len(needed) > most:
            what = "with the error" if most else "without a message"
            raise TypeError(
                f"{cls.__qualname__}.{name} is a hook, which is called {what}: a handler for a message of that name "
                f"has another one, such as {name}_message(self, {needed[-1].name}: ...)"
            )


def names_around(depth: int) -> Mapping[str, Any]:
    """The local names of a frame so many calls up, which annotations of a local class may name; none on a Python that
    does not show them.
    """
    frame = inspect.currentframe()
    for _ in range(depth + 1):
        frame = None if frame is None else frame.f_back
    return {} if frame is None else frame.f_locals


def _kinds(cls: type, method: Callable[..., Any], names: Mapping[str, Any]) -> tuple[tuple[type, ...], dict[str, Any]]:
    where = f"{cls.__qualname__}.{method.__name__}"
    parameters = list(inspect.signature(method).parameters.values())
    if len(parameters) != 2:
        raise TypeError(f"{where} is to take self and one message (a method that is no handler is not called on_...)")
    name = parameters[1].name
    try:
        hints = typing.get_type_hints(method, localns=dict(names))
    except NameError as error:
        raise TypeError(f"the annotation of {where} names what is not there at run time: {error}") from error
    if name not in hints:
        raise TypeError(f"{where} is to say which message it handles: {method.__name__}(self, {name}: SomeMessage)")
    kinds = _members(hints[name])
    for kind in kinds:
        if not is_message_type(kind):
            raise TypeError(f"{where} handles {kind!r}, which is no message type: declare it with @message")
    return kinds, hints


def _members(hint: Any) -> tuple[Any, ...]:
    """The types of a union; of anything else, itself."""
    return typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
