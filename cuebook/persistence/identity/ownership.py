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

from cuebook.persistence.identity.installed import distribution_of

__all__ = [
    "is_library_file",
    "is_users_class",
    "is_users_function",
    "is_users_module",
    "library_name",
    "package_version",
]

_SEGMENTS = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_STANDARD_FOLDER = f"{Path(os.__file__).resolve().parent}{os.sep}"
_OWN_FOLDER = f"{Path(str(sys.modules[__name__.partition('.')[0]].__file__)).resolve().parent}{os.sep}"
_MAIN = ("__main__", "__mp_main__")
_HEAP_TYPE = 1 << 9


@functools.lru_cache(maxsize=8192)
def is_library_file(filename: str) -> bool:
    """Whether a file is of the standard library, of cuebook, or of an installed package that is not the user's own.

    Installed is what the `RECORD` of a distribution beside it lists: a folder of packages may hold files of the user's
    too, and a bundle has both in one folder. A package that was installed from a folder is the user's own. Of Debian's
    `dist-packages`, whose files no `RECORD` lists, all are a library's.

    Cost: 0.1 us; the first time of a file some microseconds, of a folder as `distribution_of`.
    """
    if filename.startswith("<"):
        return filename.startswith("<frozen ")
    path = os.path.abspath(filename)
    real = os.path.realpath(path)
    if real.startswith(_OWN_FOLDER):
        return True
    is_in_packages = any(segment in path for segment in _SEGMENTS)
    if not is_in_packages and real.startswith(_STANDARD_FOLDER):
        return True
    found = distribution_of(path) or (distribution_of(real) if real != path else None)
    if found is not None:
        return not found.is_users_own
    return is_in_packages and (_SEGMENTS[1] in path or f".egg{os.sep}" in path)


def _is_library_name(name: str) -> bool:
    """Whether a module is a library's, by its name: by its file, else by that of the package that it is in."""
    if name in _MAIN:
        return False
    top = name.partition(".")[0]
    for module in (sys.modules.get(name), sys.modules.get(top)):
        filename = getattr(module, "__file__", None)
        if isinstance(filename, str) and _is_absolute(filename):
            return is_library_file(filename)
    is_of_python = top in sys.stdlib_module_names or top in sys.builtin_module_names
    return is_of_python or top == "cuebook" or _is_cythons(top) or _is_installed_namespace(sys.modules.get(top))


def _is_absolute(filename: str) -> bool:
    return filename[:1] in ("/", "\\") or filename[1:2] == ":"


def _is_cythons(name: str) -> bool:
    """Whether a module without a file is one that extensions made by Cython share (`_cython_3_1_2`)."""
    return name == "cython_runtime" or name.startswith("_cython_")


def _is_installed_namespace(module: Any) -> bool:
    """Whether all portions of a package without a file were installed."""
    try:
        portions = [str(portion) for portion in module.__path__]
    except (AttributeError, TypeError):
        return False
    found = [distribution_of(f"{os.path.abspath(portion)}{os.sep}") for portion in portions]
    return bool(found) and all(each is not None and not each.is_users_own for each in found)


def is_users_module(module: types.ModuleType) -> bool:
    """Whether a module is the user's own."""
    filename = getattr(module, "__file__", None)
    if module.__name__ not in _MAIN and isinstance(filename, str) and _is_absolute(filename):
        return not is_library_file(filename)
    return not _is_library_name(module.__name__)


def is_users_function(function: types.FunctionType) -> bool:
    """Whether a function's code was written by the user: by the file of the code, not by what it wraps.

    Code whose file is called by an address was made at run time by a library, around what it wraps.
    """
    filename = function.__code__.co_filename
    if _has_address(filename):
        return False
    if filename.startswith("<") and not filename.startswith("<frozen "):
        return not _is_library_name(str(function.__globals__.get("__name__", "__main__")))
    return not is_library_file(filename)


def _has_address(filename: str) -> bool:
    return filename.startswith("<") and " at 0x" in filename


def is_users_class(cls: type) -> bool:
    """Whether a class is the user's own; one whose module is not loaded here (shipped by value) is.

    So is one that `types.new_class` made at run time (up to Python 3.11 also those of `make_dataclass`).
    """
    module = str(getattr(cls, "__module__", None) or "__main__")
    if module == "types":
        return getattr(types, cls.__name__, None) is not cls and bool(cls.__flags__ & _HEAP_TYPE)
    return not _is_library_name(module)


def library_name(item: Any) -> str:
    """How a library's function, class or module is known: its package and its own name, as inner modules
    move.
    """
    if isinstance(item, types.ModuleType):
        return item.__name__
    module: Any
    name: Any
    if isinstance(item, types.FunctionType) and _has_address(item.__code__.co_filename):
        return item.__code__.co_qualname
    if isinstance(item, types.FunctionType):  # functools.wraps gives it the name of what it wraps
        module, name = item.__globals__.get("__name__"), item.__code__.co_qualname
    else:
        module = getattr(item, "__module__", None)
        name = getattr(item, "__qualname__", None) or getattr(item, "__name__", "")
    return f"{module.partition('.')[0] if isinstance(module, str) else ''}.{name}"


def package_version(module_name: str) -> tuple[str, str] | None:
    """The installed package of a module and its version; None for the standard library and the user's own.

    Cost: 1 us, the first time as `distribution_of`.
    """
    top = module_name.partition(".")[0]
    module = sys.modules.get(top)
    filename = getattr(module, "__file__", None)
    if not isinstance(filename, str) or not is_library_file(filename):
        return None
    known = _version_of(os.path.abspath(filename))
    if known is None:
        return None
    version = getattr(module, "__version__", None)
    return top, version if isinstance(version, str) else known


@functools.lru_cache(maxsize=256)
def _version_of(path: str) -> str | None:
    found = distribution_of(path) or distribution_of(os.path.realpath(path))
    if found is not None:
        return found.version
    return "unknown" if any(segment in path for segment in _SEGMENTS) else None
