"""Settings that were saved for a function: how many workers, which batch; found in a TOML file above its own.

Knows no run and writes nothing. Light: a file is read only where there is one.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, cast

from cuebook.chunks.options import RunOptions

__all__ = ["SECTION", "entry_of", "folders_of", "parsed", "settings_files", "settings_name", "with_saved"]

SECTION = ("tool", "cuebook")
"""The table of pyproject.toml; cuebook.toml has the same at its top."""
FILES = ("cuebook.toml", "pyproject.toml")
PLACES = ("process", "thread", "async")
NUMBERS = ("workers", "batch")
GIVEN = ("workers", "chunk_size", "actors", "batch")
"""Whoever says one of these has thought about it himself: nothing that was saved is taken."""


def with_saved(func: Any, options: RunOptions) -> RunOptions:
    """The options of a run, with what was saved for its function where they say nothing of workers and batch.

    Raises:
        ValueError: a file has something else under the function's name; which, where, and what belongs there.

    Cost: some 50 us, for the looks into folders.
    """
    if any(options.get(name) is not None for name in GIVEN):
        return options
    name = settings_name(func)
    if name is None:
        return options
    where = options.get("where", "process")
    place = where if isinstance(where, str) else str(getattr(where, "name", ""))
    for path in settings_files(func):
        entry = entry_of(path, name)
        if entry is not None:
            found = {**entry, **entry.get(place, {})}
            return cast("RunOptions", {**options, **{each: found[each] for each in NUMBERS if each in found}})
    return options


def settings_name(func: Any) -> str | None:
    """`module:qualname`, as a file names the function; None where it has no name to be found by.

    A script's functions are those of the module that the script would be if it were imported.
    """
    while isinstance(func, partial):
        func = func.func
    named = func if hasattr(func, "__qualname__") else type(func)
    home, qualname = getattr(named, "__module__", None), named.__qualname__
    if not isinstance(home, str) or not isinstance(qualname, str) or "<lambda>" in qualname:
        return None
    module = _module_name(home)
    return None if module is None else f"{module}:{qualname}"


def _module_name(module: str) -> str | None:
    if module != "__main__":
        return module
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return str(spec.name).removesuffix(".__main__")
    file = getattr(main, "__file__", None)
    return None if file is None else Path(file).stem


def folders_of(func: Callable[..., Any]) -> list[Path]:
    """Where the search begins: the folder of the function's own file, and the current one."""
    while isinstance(func, partial):
        func = func.func
    named = func if hasattr(func, "__module__") else type(func)
    file = getattr(sys.modules.get(str(named.__module__)), "__file__", None)
    own = [] if file is None or "-packages" in file else [Path(os.path.abspath(file)).parent]
    try:
        here = [Path.cwd()]
    except OSError:  # it is gone
        here = []
    return [*dict.fromkeys([*own, *here])]


def settings_files(func: Callable[..., Any]) -> Iterator[Path]:
    """The files that may hold its settings, the nearest first.

    A file counts if it belongs to this user, to root, or to whoever owns one of the folders where the search begins:
    in /tmp, anybody can put one above a script of ours.
    """
    seen = set()
    starts = folders_of(func)
    owners = {getattr(os, "geteuid", int)(), 0, *(owner for start in starts if (owner := _owner_of(start)) is not None)}
    for start in starts:
        for folder in (start, *start.parents):
            if folder not in seen:
                seen.add(folder)
                yield from (path for name in FILES if _owner_of(path := folder / name, stat.S_ISREG) in owners)


def _owner_of(path: Path, is_kind: Callable[[int], bool] = stat.S_ISDIR) -> int | None:
    """Whose file or folder it is; None where there is none."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_uid if is_kind(status.st_mode) else None


def entry_of(path: Path, name: str) -> Mapping[str, Any] | None:
    """What a file says of a function; None where it says nothing.

    Raises:
        ValueError: it is no settings.
    """
    try:
        seen = path.stat()
        table = _table_of(path, (seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino, seen.st_size))
    except OSError:  # not for us
        return None
    entry = table.get(name)
    if entry is not None:
        _check(entry, f'{path}, "{name}"')
    return cast("Mapping[str, Any] | None", entry)


@lru_cache(maxsize=32)
def _table_of(path: Path, _: tuple[int, ...]) -> Mapping[str, Any]:
    """Our table of a file as it was at that time: a millisecond where it is a large one, which is not for each run."""
    data = path.read_bytes()
    is_others = path.name == "pyproject.toml"
    if is_others and b"cuebook" not in data:
        return {}
    try:
        return parsed(path, data)
    except ValueError:
        if is_others and b"tool.cuebook" not in data:  # half-written by somebody, who does not mean us
            return {}
        raise


def parsed(path: Path, data: bytes) -> dict[str, Any]:
    """Our table of a settings file.

    Raises:
        ValueError: it is no TOML.
    """
    import tomllib

    try:
        table: Any = tomllib.loads(data.decode())
    except ValueError as error:
        raise ValueError(f"{path} cannot be read, and settings may be in it: {error}") from error
    for part in SECTION if path.name == "pyproject.toml" else ():
        table = table.get(part, {}) if isinstance(table, dict) else {}
    return table if isinstance(table, dict) else {}


def _check(entry: Any, where: str, inner: bool = False) -> None:
    if not isinstance(entry, dict):
        raise ValueError(f"{where}: {entry!r} is no table; write {{ workers = 4 }}")
    for key, value in entry.items():
        if key in PLACES and not inner:
            _check(value, f"{where}, {key}", inner=True)
        elif key not in NUMBERS:
            known = ", ".join(NUMBERS if inner else (*NUMBERS, *PLACES))
            raise ValueError(f"{where}: there is no setting {key!r}; there are {known}")
        elif isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{where}: {key} = {value!r} must be a whole number of at least 1")
