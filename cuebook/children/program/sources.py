"""The user's own sources as they lie on the disk when a run begins: workers import these, whatever is saved meanwhile.

One file holds them all; it is there as long as a run holds it. Knows no run.
"""
# ruff: noqa: PTH108, PTH116 - thousands of files, one look each

from __future__ import annotations

import linecache
import os
import pickle
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from types import ModuleType
from typing import Any, NamedTuple

from cuebook.persistence.identity.ownership import is_users_module

__all__ = ["CELLS_BYTES_MAX", "Sources", "are_missing", "take_sources", "users_modules"]

_ELSEWHERE = tuple(os.path.dirname(str(sys.modules[name].__file__)) + os.sep for name in ("os", "cuebook"))
_IN_PACKAGES = tuple(f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages"))
_MAIN = ("__main__", "__mp_main__")
CELLS_BYTES_MAX = 4 * 1024 * 1024
"""Of sources that lie in no file, such as notebook cells, the first ones up to this size are taken."""


class _Source(NamedTuple):
    """A file: where it is, and whether it has changed. `folders` are those of a package; one may have no file."""

    path: str
    folders: tuple[str, ...] | None
    mtime_ns: int
    size: int


class Sources:
    """What was taken once.

    Attributes:
        place: a path and a token, for `import_from` in a worker; what is there goes when nobody holds this any more.
    """

    def __init__(self, modules: dict[str, _Source], texts: dict[str, Any]) -> None:
        self.state = (modules, texts)
        self.pid = os.getpid()
        data = _packed(modules, texts)
        self._descriptor, path = _new_file()
        with open(self._descriptor, "wb", closefd=False) as file:
            file.write(data)
        self._path = path
        self.place = [path, os.urandom(8).hex()]

    def __del__(self) -> None:
        with suppress(AttributeError, OSError, TypeError):  # at the interpreter's end modules are gone
            os.close(self._descriptor)
            if self.pid == os.getpid() and not self._path.startswith("/proc/"):
                os.unlink(self._path)


def _new_file() -> tuple[int, str]:
    """A descriptor of a fresh file, and a path by which other processes of this user find it.

    Where the system has them, one without a name: it is gone with this process, however that ends.
    """
    if hasattr(os, "memfd_create") and os.path.exists("/proc/self/fd"):
        descriptor = os.memfd_create("cuebook-sources")
        return descriptor, f"/proc/{os.getpid()}/fd/{descriptor}"
    import tempfile

    return tempfile.mkstemp(prefix="cuebook-sources-")


_lock = threading.Lock()
_latest: Sources | None = None


def take_sources() -> Sources | None:
    """The sources of the program and of every module of the user's that it has imported; None where it has none.

    Cost: 3 us a module where none has changed since they were last taken, else a read of all of them.
    """
    global _latest
    modules = dict(_modules())
    texts = dict(_texts())
    if not modules and not texts:
        return None
    with _lock:
        if _latest is None or _latest.pid != os.getpid() or _latest.state != (modules, texts):
            _latest = Sources(modules, texts)
        return _latest


def users_modules() -> list[str]:
    """The names of the user's own modules that are loaded, without the program's own."""
    loaded = list(sys.modules.items())
    return [
        name for name, module in loaded if name != "__main__" and isinstance(module, ModuleType) and _is_own(module)
    ]


def are_missing() -> bool:
    """Whether the file of a module of the user's that is loaded here is gone."""
    files = [getattr(sys.modules.get(name), "__file__", None) for name in users_modules()]
    return any(isinstance(file, str) and not os.path.exists(file) for file in files)


def _is_own(module: ModuleType) -> bool:
    try:
        return is_users_module(module)
    except Exception:  # a module of the user's with attributes that raise
        return False


def _modules() -> Iterator[tuple[str, _Source]]:
    for name, module in list(sys.modules.items()):
        if not isinstance(module, ModuleType) or getattr(module, "__name__", None) != name or name in _MAIN:
            continue
        if _may_be_edited(module) and _is_own(module):
            with suppress(OSError, TypeError):  # it is gone already, or is no module that another process can import
                source = _source(getattr(module, "__file__", None), getattr(module, "__path__", None))
                if source is not None:
                    yield name, source


def _may_be_edited(module: ModuleType) -> bool:
    """Whether it lies where its author works: whose the others are takes 0.1 s to find out, and nobody edits them."""
    path = getattr(module, "__file__", None)
    if path is None:
        path = next(iter(getattr(module, "__path__", None) or [None]), None)
    if not isinstance(path, str) or path.startswith(_ELSEWHERE):
        return False
    return not any(segment in f"{path}{os.sep}" for segment in _IN_PACKAGES)


def _source(path: Any, folders: Any) -> _Source | None:
    places = None if folders is None else tuple(os.path.abspath(str(folder)) for folder in folders)
    if path is None and places:
        return _Source("", places, 0, 0)
    if not isinstance(path, str) or not path.endswith(".py"):
        return None
    found = os.stat(path)
    return _Source(os.path.abspath(path), places, found.st_mtime_ns, found.st_size)


def _texts() -> Iterator[tuple[str, Any]]:
    """The program's own file, and sources that lie in no file, by the names that code has for them."""
    path = getattr(sys.modules.get("__main__"), "__file__", None)
    if isinstance(path, str):
        with suppress(OSError):
            found = os.stat(path)
            yield path, _Source(os.path.abspath(path), None, found.st_mtime_ns, found.st_size)
    size = 0
    for name, entry in list(getattr(linecache, "cache", {}).items()):
        match entry:
            case (_, None, [*lines], _) if lines:
                size += sum(map(len, lines))
            case _:
                continue
        if size > CELLS_BYTES_MAX:
            return
        yield name, "".join(lines)


def _packed(modules: dict[str, _Source], texts: dict[str, Any]) -> bytes:
    """The length of the index, the index, and all contents, one after the other."""
    contents: list[bytes] = []
    start = 0
    index: dict[str, dict[str, Any]] = {"modules": {}, "texts": {}}
    for kind, sources in (("modules", modules), ("texts", texts)):
        for name, source in sources.items():
            data = _content(source)
            if data is None:
                continue
            place = (start, len(data))
            index[kind][name] = (*source, *place) if isinstance(source, _Source) else place
            contents.append(data)
            start += len(data)
    head = pickle.dumps(index, 5)
    return b"".join([len(head).to_bytes(8, "little"), head, *contents])


def _content(source: Any) -> bytes | None:
    if isinstance(source, str):
        return source.encode("utf-8", "surrogatepass")
    if not source.path:
        return b""
    try:
        with open(source.path, "rb") as file:
            return file.read()
    except OSError:
        return None
