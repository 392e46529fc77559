"""Keeps the settings that a tuning has found where `chunk()` finds them: a table of cuebook.toml or pyproject.toml.

Knows no run. Every other byte of the file stays as it is.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from cuebook.api.saved_settings import SECTION, entry_of, folders_of, parsed, settings_files, settings_name
from cuebook.tuning.measured import CallSetting

__all__ = ["check_savable", "save_settings", "settings_table", "with_entry"]


def check_savable(func: Callable[..., Any]) -> str:
    """The name that the settings of a function are saved under.

    Raises:
        ValueError: it has none.
    """
    name = settings_name(func)
    if name is None:
        raise ValueError(f"{func!r} has no name to be found by: settings can be saved for a function with a `def`")
    return name


def settings_table(ranking: Iterable[CallSetting]) -> dict[str, dict[str, int]]:
    """The best workers and batch in each place that was measured; where to run is for the program to say.

    Args:
        ranking: settings, the best first.
    """
    table: dict[str, dict[str, int]] = {}
    for setting in ranking:
        batch = {} if setting.batch is None else {"batch": setting.batch}
        table.setdefault(setting.where, {"workers": setting.workers, **batch})
    return table


def save_settings(func: Callable[..., Any], table: Mapping[str, Any]) -> Path:
    """Write the settings of a function; the file. What it says of other places stays.

    It is the file that has some already, else the nearest pyproject.toml or cuebook.toml above the function's own
    file, else a new cuebook.toml beside that.

    Raises:
        ValueError: the file cannot be changed so that it says this and all else as before; it is as it was.
        OSError: it cannot be written.
    """
    name = check_savable(func)
    path = _target(func, name)
    section = SECTION if path.name == "pyproject.toml" else ()
    data = path.read_bytes() if path.exists() else b""
    table = {**parsed(path, data).get(name, {}), **table}
    text = with_entry(data.decode(), (*section, name), table)
    if text is None:
        block = _block((*section, name), table)
        raise ValueError(f"{path} cannot be changed without harm to the rest of it; write this into it:\n{block}")
    _replace(path, text.encode())
    return path


def _target(func: Callable[..., Any], name: str) -> Path:
    files = [*settings_files(func)]
    for path in files:
        if entry_of(path, name) is not None:
            return path
    own = [path for path in files if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)]
    return own[0] if own else folders_of(func)[0] / "cuebook.toml"


def with_entry(text: str, keys: tuple[str, ...], table: Mapping[str, Any]) -> str | None:
    """The text of a TOML file with one table put in, or in place of what stood under its name.

    Returns:
        None where that cannot be done line by line and leave all else as it is.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    kept = _without(text.splitlines(keepends=True), keys)
    body = "".join(kept).rstrip("\r\n")
    block = _block(keys, table).replace("\n", newline)
    new = f"{body}{newline}{newline}{block}" if body else block
    return new if _says(new, text, keys, table) else None


def _block(keys: tuple[str, ...], table: Mapping[str, Any]) -> str:
    header = ".".join([*keys[:-1], '"' + keys[-1].replace("\\", "\\\\").replace('"', '\\"') + '"'])
    lines = [f"{key} = {_written(value)}" for key, value in table.items()]
    return "\n".join([f"[{header}]", *lines, ""])


def _written(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{name} = {number}' for name, number in value.items())} }}"
    return str(value)


def _without(lines: list[str], keys: tuple[str, ...]) -> list[str]:
    """The lines that are not of the entry, nor of tables within it."""
    kept: list[str] = []
    within: tuple[str, ...] = ()
    for line in lines:
        stripped = line.strip()
        header = _path_of(stripped) if stripped.startswith("[") else None
        if header is not None:
            within = header
        own = within[: len(keys)] == keys
        if not own and header is None and stripped and not stripped.startswith("#"):
            inner = _path_of(stripped)
            own = inner is not None and (*within, *inner)[: len(keys)] == keys
        if not own:
            kept.append(line)
    return kept


def _path_of(line: str) -> tuple[str, ...] | None:
    """The keys that a line of TOML names, header or setting; None where it is no line by itself."""
    import tomllib

    try:
        found: Any = tomllib.loads(line)
    except ValueError:
        return None
    keys: list[str] = []
    while isinstance(found, dict) and len(found) == 1:
        (key, found), *_ = found.items()
        keys.append(key)
    return tuple(keys)


def _says(new: str, old: str, keys: tuple[str, ...], table: Mapping[str, Any]) -> bool:
    """Whether the new text has the entry, and all else as the old one has it."""
    import tomllib

    try:
        after, before = tomllib.loads(new), tomllib.loads(old)
    except ValueError:
        return False
    taken = _taken(after, keys)
    _taken(before, keys)
    return after == before and taken == table


def _taken(found: dict[str, Any], keys: tuple[str, ...]) -> Any:
    """Take an entry out, with tables that are empty without it; None where there is none."""
    if len(keys) == 1:
        return found.pop(keys[0], None)
    inner = found.get(keys[0])
    if inner is None:
        return None
    taken = _taken(inner, keys[1:])
    if not inner:
        del found[keys[0]]
    return taken


def _replace(path: Path, data: bytes) -> None:
    """Put new bytes in a file's place: a reader sees the old ones or the new ones."""
    target = path.resolve()
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    new = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        new.chmod(target.stat().st_mode & 0o7777 if target.exists() else 0o644)
        new.replace(target)
    except BaseException:
        new.unlink()
        raise
