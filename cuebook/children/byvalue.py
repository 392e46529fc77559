"""Functions and classes of the user as bytes. Knows no call.

The pickler is `persistence.by_value`.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

__all__ = ["culprits", "dump"]

_registry = threading.RLock()


def dump(
    value: Any, by_value: Iterable[ModuleType] = (), *, beside: tuple[int, list[memoryview]] | None = None
) -> bytes:
    """Bytes that `pickle.loads` takes in a child.

    Parameters:
        by_value: modules whose functions and classes are sent whole, not by name; `__main__` always is.
        beside: a size, and a list that gets the buffers that are larger, which `pickle.loads` has to be given.

    Raises:
        Exception: whatever pickling it raises.
    """
    from cuebook.persistence.values.pickling.by_value import dumps

    spawned = [sys.modules[name] for name in ("__mp_main__",) if name in sys.modules]
    with _registered([*by_value, *spawned]):
        return dumps(value, beside=beside)


@contextmanager
def _registered(modules: Iterable[ModuleType]) -> Iterator[None]:
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


def culprits(func: Any) -> str:
    """Names of globals, closure and default values of the function that cannot be pickled."""
    from cuebook.persistence.values.pickling.by_value import dumps

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
