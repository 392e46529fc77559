"""Files of parameters: read, flattened, and changed at one place without touching the rest. Knows no experiment."""

from __future__ import annotations

import itertools
import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cuebook.errors import ExperimentError
from cuebook.experiments.yaml_files import place_in_yaml, read_yaml

__all__ = ["PARAMS_FILES", "combinations", "flattened", "overridden", "parsed_override", "read_params"]

PARAMS_FILES = ("params.yaml", "params.json", "params.toml")
_RANGE = re.compile(r"range\((-?\d+)(?:,\s*(-?\d+))?(?:,\s*(-?\d+))?\)\Z")
COMBINATIONS_MAX = 100_000

Override = tuple[str, str, str]
"""File, key with dots, and text of the value."""


def read_params(path: Path) -> dict[str, Any]:
    """What a file of parameters says.

    Raises:
        ExperimentError: it is malformed, or no such file.
    """
    try:
        if path.suffix == ".json":
            value = json.loads(path.read_bytes())
        elif path.suffix == ".toml":
            value = tomllib.loads(path.read_text())
        else:
            value = read_yaml(path)
    except OSError as error:
        raise ExperimentError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ExperimentError(f"{path} is malformed: {error}") from error
    if not isinstance(value, dict):
        raise ExperimentError(f"{path} holds no parameters: a mapping of names is expected")
    return value


def flattened(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Each value by its key, with dots between the parts."""
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from flattened(value, f"{prefix}{key}.")
        else:
            plain = value is None or isinstance(value, bool | int | float | str)
            yield f"{prefix}{key}", value if plain else json.dumps(value, default=str)


def parsed_override(text: str, root: Path) -> Override:
    """`key=value` or `file:key=value`.

    Raises:
        ExperimentError: it is neither, or there is no file of parameters.
    """
    name, mark, value = text.partition("=")
    file, has_file, key = name.rpartition(":")
    if not mark or not key.strip():
        raise ExperimentError(f"-S {text}: name=value is expected, or file:name=value")
    if not has_file:
        file = next((each for each in PARAMS_FILES if (root / each).is_file()), "")
    if not file or not (root / file).is_file():
        raise ExperimentError(f"-S {text}: there is no {file or ', '.join(PARAMS_FILES)} in {root}")
    return file, key.strip().lstrip("+"), value.strip()


def combinations(overrides: Sequence[Override]) -> list[list[Override]]:
    """Every combination of values, where one is a list (`0.1,0.01`) or a `range(5)`.

    Raises:
        ExperimentError: they are too many.
    """
    choices = [[(file, key, each) for each in _choices(value)] for file, key, value in overrides]
    count = 1
    for choice in choices:
        count *= len(choice)
    if count > COMBINATIONS_MAX:
        raise ExperimentError(f"{count:,} combinations are too many: at most {COMBINATIONS_MAX:,}")
    return [list(chosen) for chosen in itertools.product(*choices)]


def _choices(value: str) -> list[str]:
    if found := _RANGE.match(value):
        numbers = range(*(int(part) for part in found.groups() if part is not None))
        return [str(number) for number in numbers]
    if value[:1] in ("[", "{", '"', "'") or "," not in value:
        return [value]
    return [part.strip() for part in value.split(",")]


def overridden(path: Path, key: str, text: str) -> str:
    """The file's text with another value at `key`; comments and order stay where the format lets them.

    Raises:
        ExperimentError: there is no such key.
    """
    value = _value_of(text)
    if path.suffix == ".json":
        values = read_params(path)
        _inner(values, key, path)[key.rpartition(".")[2]] = value
        return json.dumps(values, indent=2) + "\n"
    start, end = (_toml_place if path.suffix == ".toml" else _yaml_place)(path, key)
    whole = path.read_text()
    written = json.dumps(value) if path.suffix == ".toml" or not isinstance(value, str) else _yaml_text(text)
    return whole[:start] + written + whole[end:]


def _value_of(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return float(text) if re.match(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\Z", text) else text
    except ValueError:
        return text


def _yaml_text(text: str) -> str:
    return text if re.match(r"[A-Za-z_][\w./-]*\Z", text) else json.dumps(text)


def _inner(values: dict[str, Any], key: str, path: Path) -> dict[str, Any]:
    *outer, last = key.split(".")
    for part in outer:
        inner = values.get(part)
        if not isinstance(inner, dict):
            raise _no_key(path, key)
        values = inner
    if last not in values:
        raise _no_key(path, key)
    return values


def _no_key(path: Path, key: str) -> ExperimentError:
    return ExperimentError(f"{path} has no parameter {key}")


def _yaml_place(path: Path, key: str) -> tuple[int, int]:
    found = place_in_yaml(path, key.split("."))
    if found is None:
        raise _no_key(path, key)
    return found


def _toml_place(path: Path, key: str) -> tuple[int, int]:
    _inner(read_params(path), key, path)
    table, offset = "", 0
    for line in path.read_text().splitlines(keepends=True):
        if header := re.match(r"\s*\[([^\[\]]+)\]", line):
            table = f"{header.group(1).strip()}."
        found = re.match(r"(\s*([\w.-]+)\s*=\s*)((?:\"[^\"]*\"|'[^']*'|\[[^\]]*\]|[^#\n\"'])*?)\s*(#.*)?$", line)
        if found and table + found.group(2) == key:
            return offset + found.start(3), offset + found.end(3)
        offset += len(line)
    raise ExperimentError(f"{path} has parameter {key} in a form that is not changed here; edit the file")
