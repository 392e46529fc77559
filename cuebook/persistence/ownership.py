"""Whose a piece of code is: the user's own, or a library's (the standard one, an installed package, or
cuebook).

Knows nothing of what the code does.
"""

from __future__ import annotations

import functools
import os
import sys
import types
from pathlib import Path
from typing import Any

__all__ = [
    "is_library_file",
    "is_users_class",
    "is_users_function",
    "is_users_module",
    "library_name",
    "package_version",
]

_PACKAGE_FOLDERS = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_STANDARD_FOLDER = f"{Path(os.__file__).resolve().parent}{os.sep}"
_OWN_FOLDER = f"{Path(__file__).resolve().parents[1]}{os.sep}"


@functools.lru_cache(maxsize=4096)
def is_library_file(filename: str) -> bool:
    """Whether a file lies in the standard library, in a folder of installed packages or in cuebook."""
    if filename.startswith("<frozen "):
        return True
    if filename.startswith("<"):
        return False
    path = os.path.abspath(filename)
    if any(folder in path for folder in _PACKAGE_FOLDERS):
        return True
    return os.path.realpath(path).startswith((_STANDARD_FOLDER, _OWN_FOLDER))


def _is_library_name(name: str) -> bool:
    top = name.partition(".")[0]
    module = sys.modules.get(name) or sys.modules.get(top)
    if name == "__main__":
        return False
    filename = getattr(module, "__file__", None)
    if isinstance(filename, str):
        return is_library_file(filename)
    return top in sys.stdlib_module_names or top in sys.builtin_module_names or top == "cuebook" or _is_cythons(top)


def _is_cythons(name: str) -> bool:
    """Whether a module without a file is one that extensions made by Cython share (`_cython_3_1_2`)."""
    return name == "cython_runtime" or name.startswith("_cython_")


def is_users_module(module: types.ModuleType) -> bool:
    """Whether a module is the user's own."""
    filename = getattr(module, "__file__", None)
    if module.__name__ != "__main__" and isinstance(filename, str):
        return not is_library_file(filename)
    return not _is_library_name(module.__name__)


def is_users_function(function: types.FunctionType) -> bool:
    """Whether a function's code was written by the user: by the file of the code, not by what it wraps."""
    filename = function.__code__.co_filename
    if filename.startswith("<") and not filename.startswith("<frozen "):
        return not _is_library_name(str(function.__globals__.get("__name__", "__main__")))
    return not is_library_file(filename)


def is_users_class(cls: type) -> bool:
    """Whether a class is the user's own; one whose module is not loaded here (shipped by value) is."""
    return not _is_library_name(str(getattr(cls, "__module__", None) or "__main__"))


def library_name(item: Any) -> str:
    """How a library's function, class or module is known: its package and its own name, as inner modules
    move.
    """
    if isinstance(item, types.ModuleType):
        return item.__name__
    module: Any
    name: Any
    if isinstance(item, types.FunctionType):  # functools.wraps gives it the name of what it wraps
        module, name = item.__globals__.get("__name__"), item.__code__.co_qualname
    else:
        module = getattr(item, "__module__", None)
        name = getattr(item, "__qualname__", None) or getattr(item, "__name__", "")
    return f"{module.partition('.')[0] if isinstance(module, str) else ''}.{name}"


def package_version(module_name: str) -> tuple[str, str] | None:
    """The installed package of a module and its version; None for the standard library and the user's own.

    Cost: 1 us where the package names its version itself, else a look at its metadata.
    """
    top = module_name.partition(".")[0]
    module = sys.modules.get(top)
    filename = getattr(module, "__file__", None)
    if not isinstance(filename, str) or not any(folder in filename for folder in _PACKAGE_FOLDERS):
        return None
    version = getattr(module, "__version__", None)
    return top, version if isinstance(version, str) else _metadata_version(top)


@functools.lru_cache(maxsize=256)
def _metadata_version(top: str) -> str:
    import importlib.metadata

    try:
        return importlib.metadata.version(top)
    except Exception:  # no package of that name, or a damaged one
        return "unknown"
