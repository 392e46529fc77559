"""YAML, read; the one place that knows the library. Knows no stage and no parameter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from cuebook.errors import ExperimentError

__all__ = ["place_in_yaml", "read_yaml"]


def read_yaml(path: Path) -> Any:
    """What a YAML file says.

    Raises:
        ExperimentError: it is not there, or malformed: where is said.
    """
    try:
        return yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise ExperimentError(f"{path} cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise ExperimentError(f"{path} is malformed: {' '.join(str(error).split())}") from error


def place_in_yaml(path: Path, keys: list[str]) -> tuple[int, int] | None:
    """Where the value of a key stands in the text of a file, start and end; None where there is none.

    Raises:
        ExperimentError: as `read_yaml`.
    """
    read_yaml(path)
    node = yaml.compose(path.read_text())
    for key in keys:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        node = next((value for name, value in pairs if name.value == key), None)
        if node is None:
            return None
    return node.start_mark.index, node.end_mark.index
