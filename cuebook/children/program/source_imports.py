"""In a worker: the user's modules are imported from the sources that its run began with. Knows no run.

Light: worker processes import it. See `sources`, which has taken them.
"""
# ruff: noqa: PTH116 - workers import this at start, and pathlib takes longer to import than all of it

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import TracebackType
from typing import Any

__all__ = ["KeptSources", "hold_lines", "import_from"]


_PLACE = 2
"""The last fields of an entry: where its content begins, and its length. What lies in no file has these alone."""


class KeptSources:
    """First in `sys.meta_path`: finds the modules that the program had when the run began.

    Args:
        path: of the file that has them, which is kept open.

    Raises:
        OSError: it cannot be read.
    """

    def __init__(self, path: str) -> None:
        import pickle

        self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        length = int.from_bytes(os.pread(self._descriptor, 8, 0), "little")
        self._start = 8 + length
        index = pickle.loads(os.pread(self._descriptor, length, 8))
        self._modules: dict[str, tuple[str, tuple[str, ...] | None, int, int, int, int]] = index["modules"]
        self._texts: dict[str, tuple[Any, ...]] = index["texts"]
        self._held: set[str] = set()
        self._files = {entry[0]: entry for entry in self._modules.values()}
        self._files.update({name: entry for name, entry in self._texts.items() if len(entry) > _PLACE})
        for name, entry in self._texts.items():
            if len(entry) > _PLACE:
                self._hold_if_changed(name, entry)
            else:  # it lies in no file
                self._hold(name, entry)

    def close(self) -> None:
        """Forget them."""
        import linecache

        os.close(self._descriptor)
        for name in self._held:
            getattr(linecache, "cache", {}).pop(name, None)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """As finders of modules do."""
        del path, target
        entry = self._modules.get(name)
        if entry is None:
            return None
        file, folders, *_ = entry
        locations = None if folders is None else list(folders)
        if not file:
            return _namespace(name, locations or [])
        from importlib.util import spec_from_file_location

        loader = _Loader(name, file, self)
        return spec_from_file_location(name, file, loader=loader, submodule_search_locations=locations)

    def read(self, name: str) -> bytes:
        """The source of a module."""
        return self._content(self._modules[name][-2:])

    def stats(self, name: str) -> dict[str, Any]:
        """When the source of a module was last changed, and its size."""
        _, _, mtime_ns, size, *_ = self._modules[name]
        return {"mtime": mtime_ns // 10**9, "size": size}

    def hold_if_changed(self, name: str) -> None:
        """Have tracebacks, and whoever reads sources, see a module's source as it was, where the file is another."""
        self._hold_if_changed(self._modules[name][0], self._modules[name])

    def _hold_if_changed(self, file: str, entry: tuple[Any, ...]) -> None:
        path, _, mtime_ns, size, *place = entry
        try:
            found = os.stat(path)
        except OSError:
            found = None
        if found is None or (found.st_mtime_ns, found.st_size) != (mtime_ns, size):
            self._hold(file, place)

    def hold(self, file: str) -> None:
        """The same for a file by its name."""
        if file in self._files and file not in self._held:
            self._hold_if_changed(file, self._files[file])

    def _hold(self, name: str, place: Any) -> None:
        import linecache
        from importlib.util import decode_source

        place = place[-_PLACE:]
        try:
            text = decode_source(self._content(place))
            linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        except (AttributeError, SyntaxError, ValueError):  # tracebacks are without these lines then
            return
        self._held.add(name)

    def _content(self, place: Any) -> bytes:
        start, length = place
        return os.pread(self._descriptor, length, self._start + start)


def _namespace(name: str, folders: list[str]) -> ModuleSpec | None:
    """A package without a file, where its folders are gone."""
    if any(map(os.path.isdir, folders)):
        return None
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = folders
    return spec


class _Loader(SourceFileLoader):
    """Loads a module from what was kept; from `__pycache__` where that was made of it."""

    def __init__(self, name: str, path: str, kept: KeptSources) -> None:
        super().__init__(name, path)
        self._kept = kept

    def path_stats(self, path: Any) -> Any:
        return self._kept.stats(self.name)

    def get_data(self, path: Any) -> bytes:
        return self._kept.read(self.name) if path == self.path else super().get_data(path)

    def set_data(self, path: Any, data: Any, *, _mode: int = 0o666) -> None:
        """Nothing is written beside a file that may be another one by now."""

    def exec_module(self, module: Any) -> None:
        self._kept.hold_if_changed(self.name)
        super().exec_module(module)


_kept: KeptSources | None = None
_place: list[str] | None = None


def import_from(place: list[str] | None) -> None:
    """From now on the user's modules are imported from the sources at this place; None: as they lie on the disk."""
    global _kept, _place
    if place == _place:
        return
    if _kept is not None:
        sys.meta_path.remove(_kept)
        _kept.close()
    _kept, _place = None, place
    if place is not None:
        with suppress(OSError):  # a program whose descriptors nobody may see: as they lie on the disk, then
            _kept = KeptSources(place[0])
            sys.meta_path.insert(0, _kept)


def hold_lines(traceback: TracebackType | None) -> None:
    """Have the lines of a traceback be those that ran, though the files have been edited since."""
    while _kept is not None and traceback is not None:
        _kept.hold(traceback.tb_frame.f_code.co_filename)
        traceback = traceback.tb_next
