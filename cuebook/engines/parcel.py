"""Functions and classes of the user as bytes, and what makes another process like this one. Knows no call.

Cloudpickle, with the corrections that functions in the field turned out to need.
"""

from __future__ import annotations

import functools
import io
import linecache
import operator
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from types import FunctionType, ModuleType
from typing import Any

from cuebook.engines.forwarding import logging_levels

__all__ = ["CELL_SOURCES_MAX", "cell_sources", "culprits", "dump", "is_importable", "surroundings"]

CELL_SOURCES_MAX = 4 * 1024 * 1024


def surroundings() -> dict[str, Any]:
    """Where this process is and how it logs, for `adopt_environment` in a child: plain data."""
    try:
        folder = os.getcwd()
    except FileNotFoundError:  # it was removed: the child stays where it was started
        folder = None
    return {
        "sys_path": [os.path.normpath(os.path.join(folder or os.sep, entry)) for entry in sys.path],
        "argv": list(sys.argv),
        "cwd": folder,
        "log_levels": logging_levels() or None,
    }


def dump(value: Any, by_value: Iterable[ModuleType] = ()) -> bytes:
    """Bytes that `pickle.loads` takes in a child.

    Parameters:
        by_value: modules whose functions and classes are sent whole, not by name; `__main__` always is.

    Raises:
        Exception: whatever pickling it raises.
    """
    import cloudpickle

    with ExitStack() as stack:
        spawned = [sys.modules[name] for name in ("__mp_main__",) if name in sys.modules]
        for module in [*by_value, *spawned]:
            cloudpickle.register_pickle_by_value(module)
            stack.callback(cloudpickle.unregister_pickle_by_value, module)
        return _dumped(value)


def cell_sources() -> dict[str, str]:
    """Sources that lie in no file, such as notebook cells: a worker needs them for fingerprints and tracebacks."""
    sources = {}
    size = 0
    for name, entry in list(linecache.cache.items()):
        if len(entry) == 4 and entry[1] is None and entry[2]:
            text = "".join(entry[2])
            size += len(text)
            if size > CELL_SOURCES_MAX:
                break
            sources[name] = text
    return sources


_Cached = type(functools.lru_cache(len))


def _cached(function: Callable[..., Any], parameters: dict[str, Any]) -> Any:
    """A function with an empty cache of its own."""
    return functools.lru_cache(**parameters)(function)


def _cached_property(function: Callable[..., Any], name: str | None) -> Any:
    made: Any = functools.cached_property(function)
    made.attrname = name
    return made


def _is_generic(obj: Any) -> bool:
    """Whether it is what `functools.singledispatch` makes."""
    attributes = vars(obj) if type(obj) is FunctionType else {}
    return {"register", "dispatch", "registry", "_clear_cache"} <= attributes.keys()


def _generic(registry: dict[type, Callable[..., Any]]) -> Any:
    """A generic function with these implementations, the one for `object` first."""
    made = functools.singledispatch(registry[object])
    for cls, implementation in registry.items():
        made.register(cls, implementation)
    return made


def is_importable(obj: Any) -> bool:
    """Whether a child finds this very object under its name, and may."""
    import cloudpickle

    module = sys.modules.get(obj.__module__)
    if obj.__module__ == "__main__" or module is None or obj.__module__ in cloudpickle.list_registry_pickle_by_value():
        return False
    try:
        return operator.attrgetter(obj.__qualname__)(module) is obj
    except AttributeError:
        return False


def _keep_slots(cls: type, reduced: tuple[Any, ...]) -> None:
    """Have the class made with its slots: set afterwards, they are a mere name, and its objects have a `__dict__`."""
    slots = cls.__dict__.get("__slots__")
    make, arguments = reduced[:2]
    is_ordinary = make.__name__ == "_make_skeleton_class" and not issubclass(cls, tuple)  # named tuples forbid it
    if isinstance(slots, str | tuple | list | dict) and is_ordinary:
        arguments[3]["__slots__"] = slots
        for name in (slots,) if isinstance(slots, str) else slots:
            reduced[2][0].pop(_mangled(cls, name), None)


def _mangled(cls: type, name: str) -> str:
    private = name.startswith("__") and not name.endswith("__")
    return f"_{cls.__name__.lstrip('_')}{name}" if private else name


def _dumped(value: Any) -> bytes:
    """Cloudpickle's bytes; classes sent by value keep their slots and the name of the place where they were made; it
    drops both.
    """
    from cuebook.persistence.by_value import ByValuePickler

    class Pickler(ByValuePickler):
        def reducer_override(self, obj: Any) -> Any:
            reduced = super().reducer_override(obj)
            if type(obj) is _Cached and not is_importable(obj):
                return _cached, (obj.__wrapped__, obj.cache_parameters())
            if type(obj) is functools.cached_property:  # up to Python 3.11 it holds a lock
                return _cached_property, (obj.func, obj.attrname)
            if _is_generic(obj) and not is_importable(obj):
                return _generic, (dict(obj.registry),)
            if isinstance(obj, type) and isinstance(reduced, tuple) and len(reduced) == 6:
                reduced[2][0]["__qualname__"] = obj.__qualname__
                _keep_slots(obj, reduced)
            return reduced

    buffer = io.BytesIO()
    Pickler(buffer, protocol=5).dump(value)
    return buffer.getvalue()


def culprits(func: Any) -> str:
    """Names of globals, closure and default values of the function that cannot be pickled."""
    from cuebook.persistence.by_value import dumps

    code = getattr(func, "__code__", None)
    if code is None:
        return ""
    values = dict(zip(code.co_freevars, (_content(cell) for cell in func.__closure__ or ()), strict=False))
    values.update({name: func.__globals__[name] for name in code.co_names if name in func.__globals__})
    bad = []
    for name, value in values.items():
        try:
            dumps(value)
        except Exception:
            bad.append(f"{name} ({type(value).__name__})")
    return f"It uses {', '.join(bad)}. " if bad else ""


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None
