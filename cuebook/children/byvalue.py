"""Functions and classes of the user as bytes. Knows no call.

The pickler is `persistence.by_value`.
"""

from __future__ import annotations

import functools
import sys
import threading
import types
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["culprits", "dump", "in_use", "those_that_go"]

_registry = threading.RLock()


def dump(
    value: Any,
    by_value: Iterable[types.ModuleType] = (),
    *,
    beside: tuple[int, list[memoryview]] | None = None,
    sent: list[type | types.FunctionType] | None = None,
) -> bytes:
    """Bytes that `pickle.loads` takes in a child.

    Parameters:
        by_value: modules whose functions and classes are sent whole, not by name; `__main__` always is.
        beside: a size, and a list that gets the buffers that are larger, which `pickle.loads` has to be given.
        sent: gets the classes and functions that went by value.

    Raises:
        Exception: whatever pickling it raises.
    """
    from cuebook.persistence.values.pickling.by_value import dumps

    spawned = [sys.modules[name] for name in ("__mp_main__",) if name in sys.modules]
    with _registered([*by_value, *spawned]):
        return dumps(value, beside=beside, sent=sent)


@contextmanager
def _registered(modules: Iterable[types.ModuleType]) -> Iterator[None]:
    """Modules are sent whole meanwhile. The registry is the whole process's: runs of several threads take turns, and
    what the program has registered itself stays in it.
    """
    import cloudpickle

    with _registry:
        asked = cloudpickle.list_registry_pickle_by_value()
        added = {module.__name__: module for module in modules if module.__name__ not in asked}
        done = []
        try:
            for module in added.values():
                cloudpickle.register_pickle_by_value(module)
                done.append(module)
            yield
        finally:
            for module in done:
                cloudpickle.unregister_pickle_by_value(module)


def those_that_go(values: dict[str, Any], by_value: Iterable[types.ModuleType] = ()) -> dict[str, Any]:
    """Of these values those that can be pickled."""

    def goes(value: Any) -> bool:
        try:
            dump(value, by_value)
        except Exception:
            return False
        return True

    return {name: value for name, value in values.items() if goes(value)}


def culprits(func: Any) -> list[tuple[str, Any]]:
    """What of a function cannot be pickled, by name: globals, closure, defaults, attributes of what it is bound to."""
    from cuebook.persistence.values.pickling.by_value import dumps

    bad = []
    for name, value in _held(func).items():
        try:
            dumps(value)
        except Exception:
            bad.append((name, value))
    return bad


def in_use(held: Iterable[tuple[str, Any]]) -> str:
    """A sentence that names them; empty where there are none."""
    shown = ", ".join(f"{name} ({type(value).__name__})" for name, value in held)
    return f"It uses {shown}. " if shown else ""


def _held(func: Any) -> dict[str, Any]:
    """What a callable brings with it."""
    if isinstance(func, functools.partial):
        given = {f"argument {at}": value for at, value in enumerate(func.args)} | dict(func.keywords)
        return {**given, **_held(func.func)}
    owner = getattr(func, "__self__", None)
    if owner is not None and not isinstance(owner, types.ModuleType):
        return _attributes(owner)
    code = getattr(func, "__code__", None)
    if code is None:
        return {} if isinstance(func, type) else _attributes(func)
    found = dict(zip(code.co_freevars, (_content(cell) for cell in func.__closure__ or ()), strict=False))
    found.update({name: func.__globals__[name] for name in code.co_names if name in func.__globals__})
    positional = code.co_varnames[: code.co_argcount]
    defaults = func.__defaults__ or ()
    found.update(zip(positional[len(positional) - len(defaults) :], defaults, strict=True))
    return found | (func.__kwdefaults__ or {})


def _attributes(owner: Any) -> dict[str, Any]:
    return {f"self.{name}": value for name, value in getattr(owner, "__dict__", {}).items()}


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None
