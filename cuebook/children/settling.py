"""How a child process becomes like its parent: in its place, with its names. Knows no call.

Light: imported by worker processes at start.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import partial
from types import FunctionType, MethodType
from typing import Any

from cuebook.children.program.hinted_names import opened_hints
from cuebook.children.program.source_imports import import_from

__all__ = ["adopt_environment", "publish_in_main"]

MAIN_MODULES = ("__main__", "__mp_main__")


def adopt_environment(options: dict[str, Any]) -> None:
    """Be where the parent is: its import path, arguments, folder, and the sources that it began with."""
    if options.get("sys_path") is not None:
        sys.path[:] = options["sys_path"]
    if options.get("argv") is not None:
        sys.argv[:] = options["argv"]
    if options.get("traceparent"):
        os.environ["TRACEPARENT"] = options["traceparent"]
    if options.get("cwd"):
        with suppress(FileNotFoundError):  # it is gone since: this worker stays where it was started
            os.chdir(options["cwd"])
    import_from(options.get("kept_sources"))


def publish_in_main(*items: Any, hints: dict[str, Any] | None = None) -> None:
    """What came by value from the parent's `__main__` is found under its name in ours too: calls may pickle it.

    Parameters:
        hints: what annotations name there; those who resolve them look into the globals of functions too.
    """
    main = sys.modules["__main__"].__dict__
    named = {} if not hints else opened_hints(hints)
    for item in items:
        for function in _functions_of(item):
            for name, value in named.items():
                function.__globals__.setdefault(name, value)
            for name, value in function.__globals__.items():
                if not name.startswith("__"):
                    main.setdefault(name, value)
        for thing in (item, type(item)):
            if getattr(thing, "__module__", None) in MAIN_MODULES and "." not in getattr(thing, "__qualname__", "."):
                main.setdefault(thing.__qualname__, thing)
    for name, value in named.items():
        main.setdefault(name, value)


def _functions_of(item: Any) -> list[FunctionType]:
    """The functions of the user's script that a callable brings with it."""
    while isinstance(item, partial):
        item = item.func
    plain = item.__func__ if isinstance(item, MethodType) else item
    if isinstance(plain, FunctionType):
        wrapped = plain.__dict__.get("__wrapped__")
        found = [plain, *([wrapped] if isinstance(wrapped, FunctionType) else [])]
    else:
        classes = [] if item is None else (item if isinstance(item, type) else type(item)).__mro__
        found = [value for cls in classes for value in cls.__dict__.values() if isinstance(value, FunctionType)]
    return [function for function in found if function.__globals__.get("__name__") in (*MAIN_MODULES, None)]
