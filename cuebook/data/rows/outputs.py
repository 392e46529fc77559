"""What a function of rows gives: the names and types of its columns, from `output=`, its hints, or its keyword.

Knows no polars; workers import this.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cuebook.data.rows.types import type_text

__all__ = ["Outputs", "outputs_of"]

_MANY = (Iterator, Iterable, Generator, list, Sequence)


@dataclass(frozen=True, slots=True)
class Outputs:
    """The columns that a function gives.

    Attributes:
        names: of them. types: of each; None where the values decide.
        is_single: whether it returns the value itself, and not one for each column.
    """

    names: tuple[str, ...]
    types: tuple[Any, ...]
    is_single: bool

    @property
    def text(self) -> str:
        """All that counts of it, as text."""
        return ", ".join(f"{name}: {type_text(each)}" for name, each in zip(self.names, self.types, strict=True))


def outputs_of(func: Callable[..., Any], name: str | None, output: Any, *, gives_many: bool) -> Outputs:
    """The columns of a function.

    Args:
        func: the function. name: of its column, where it was given by a keyword.
        output: as written by the user: a type, a name, names, or types by name.
        gives_many: whether it gives any number of rows.

    Raises:
        TypeError: it cannot be told which columns there are.
    """
    hinted = _hint(func, gives_many)
    if isinstance(output, Mapping):
        return _of_mapping(output, name)
    if isinstance(output, str):
        return _of_names((output,), hinted, name)
    if isinstance(output, list | tuple) and output and all(isinstance(each, str) for each in output):
        return _of_names(tuple(output), hinted, name)
    if name is None:
        given = getattr(func, "__name__", "")
        name = given if given.isidentifier() else None
    if name is None:
        raise TypeError(
            "the column has no name: write map(length=lambda text: len(text), output=int), or output={'length': int}"
        )
    if isinstance(output, list | tuple):
        raise TypeError(f"output={output!r} names no columns: write output={{'a': int, 'b': str}}")
    return Outputs((name,), (hinted if output is None else output,), is_single=True)


def _of_mapping(output: Mapping[Any, Any], name: str | None) -> Outputs:
    if not output or not all(isinstance(each, str) and each for each in output):
        raise TypeError(f"output={dict(output)!r} is to have the names of columns, and their types")
    if name is not None and name not in output:
        raise TypeError(f"the column is called {name!r} by its keyword, and {', '.join(output)} by output=")
    return Outputs(tuple(output), tuple(output.values()), is_single=len(output) == 1)


def _of_names(names: tuple[str, ...], hinted: Any, name: str | None) -> Outputs:
    if name is not None and names != (name,):
        raise TypeError(f"the column is called {name!r} by its keyword, and {', '.join(names)} by output=")
    if len(set(names)) < len(names):
        raise TypeError(f"output={names!r} has a name twice")
    if len(names) == 1:
        return Outputs(names, (hinted,), is_single=True)
    types = typing.get_args(hinted) if typing.get_origin(hinted) is tuple else ()
    return Outputs(names, types if len(types) == len(names) else (None,) * len(names), is_single=False)


def _hint(func: Callable[..., Any], gives_many: bool) -> Any:
    """The type that the function's hint says of one row; None where it says nothing."""
    target = func if inspect.isroutine(func) else type(func).__call__
    try:
        found = typing.get_type_hints(target).get("return")
    except Exception:  # a hint that names what is not there
        return None
    if found is None or found is type(None):
        return None
    if gives_many and typing.get_origin(found) in _MANY:
        inner = typing.get_args(found)
        return inner[0] if inner else None
    return found
