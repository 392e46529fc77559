"""Runs that begin in the body of a module that is being imported: refused where workers would import it as well.

While a module is imported, other threads that want it wait for the end of that import. Whoever waits for such a thread
at the top of the module waits for ever: so those of ours are let through. Knows no run.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType, MethodType, ModuleType
from typing import Any

from cuebook.errors import FunctionNotShippable

__all__ = ["become_worker", "check_importing", "imports_pass", "modules_being_imported"]

_INSTEAD = (
    'Put the call into a function that is called once the import is over, or under `if __name__ == "__main__":`; '
    'where="thread" and where="async" import nothing again'
)
_is_worker = False


def become_worker() -> None:
    """This is a worker process: what it imports may hold the very call that has started it."""
    global _is_worker
    _is_worker = True


def modules_being_imported() -> list[ModuleType]:
    """The modules whose bodies this thread is in, innermost first; `__main__` is none.

    Cost: 0.1 us a frame.
    """
    found = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "<module>":
            module = sys.modules.get(frame.f_globals.get("__name__", ""))
            if module is not None and module.__name__ != "__main__" and _is_its_body(frame, module):
                found.append(module)
        frame = frame.f_back
    return found


def _is_its_body(frame: FrameType, module: ModuleType) -> bool:
    """Whether a frame runs a module from its file, and not what a debugger or a console has put into it."""
    if vars(module) is not frame.f_globals:
        return False
    is_of_file = frame.f_code.co_filename == getattr(module, "__file__", None)
    return is_of_file or bool(getattr(module.__spec__, "_initializing", False))


def check_importing(*items: Any) -> None:
    """Raises FunctionNotShippable where workers would have to import a module that this thread is still importing.

    Args:
        items: the function of the run, and whatever else of the user's goes with it.
    """
    modules = modules_being_imported()
    if not modules:
        return
    names = [module.__name__ for module in modules]
    if _is_worker:
        raise FunctionNotShippable(
            f"a worker process has imported the module {names[0]!r}, which starts worker processes at its top; these "
            f"would import it as well, and so on without end. {_INSTEAD}"
        )
    for item in items:
        home = _home_of(item)
        for name in names:
            if home == name or home.startswith(f"{name}."):
                shown = getattr(item, "__qualname__", None) or type(item).__qualname__
                raise FunctionNotShippable(
                    f"{shown} cannot be sent to a worker process: the module {name!r} is still being imported; a "
                    f"worker would import it again, and come to the same line. {_INSTEAD}"
                )


def _home_of(item: Any) -> str:
    """The module that a worker imports for a callable or a class; "" where it goes by value, as a lambda does."""
    while isinstance(item, partial):
        item = item.func
    if isinstance(item, MethodType):
        item = type(item.__self__) if not isinstance(item.__self__, type) else item.__self__
    if not hasattr(item, "__qualname__"):
        item = type(item)
    name, qualname = getattr(item, "__module__", None), getattr(item, "__qualname__", "")
    found: Any = sys.modules.get(name) if isinstance(name, str) else None
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return str(name) if found is item else ""


@contextmanager
def imports_pass() -> Iterator[None]:
    """Let other threads through to the modules that this thread is importing: they work for it, and it waits for them.

    They find what is there of such a module, as in a circle of imports. The import system tells by this mark alone
    whether a module has to be waited for.
    """
    waiting = [spec for spec in _specs() if getattr(spec, "_initializing", False)]
    for spec in waiting:
        spec._initializing = False
    try:
        yield
    finally:
        for spec in _specs() if waiting else ():
            if spec in waiting:  # and its import is not over meanwhile
                spec._initializing = True


def _specs() -> list[Any]:
    return [module.__spec__ for module in modules_being_imported() if module.__spec__ is not None]
