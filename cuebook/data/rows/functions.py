"""From what a user writes in `map`, `gen` and `agg` to a row step: which function, which columns, which outputs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cuebook.data.errors import DataError
from cuebook.data.places import users_place
from cuebook.data.plan import MAPPED, CodePlace, RowOptions, RowStep, Step
from cuebook.data.polars_errors import no_column
from cuebook.data.rows.outputs import Outputs, outputs_of
from cuebook.data.rows.types import dtype_of

__all__ = ["row_step"]


def row_step(
    kind: str,
    of: Step,
    func: Callable[..., Any] | None,
    named: Mapping[str, Any],
    *,
    known: Mapping[str, Any],
    options: RowOptions,
    there: Sequence[str],
) -> RowStep:
    """The step of a function.

    Args:
        kind: "map", "gen" or "agg". of: what it follows. func, named: the function, alone or by its column.
        known: params, output, by, is_batch, version, depends. options: how it is run. there: the columns there are.

    Raises:
        DataError: it asks for a column that does not exist. TypeError: it is not written as it can be.
    """
    place = users_place()
    name, function = _function(kind, func, named)
    outputs = outputs_of(function, name, known["output"], gives_many=kind == "gen")
    _check_types(kind, outputs)
    _check_kind(kind, function)
    by = tuple(known.get("by", ()))
    for column in by:
        if column not in there:
            raise DataError(no_column(f"{kind}(partition_by=...)", column, list(there), place))
    params = _params(kind, function, known["params"], there=there, place=place)
    version, depends = known["version"], tuple(known["depends"])
    if version is not None and not isinstance(version, str):
        raise TypeError(f"version={version!r} must be a str")
    is_batch = bool(known.get("is_batch", False))
    if is_batch and not params:
        raise TypeError("a function with batch=True needs a column: the number of rows follows from it")
    return RowStep(
        kind, of, place, function, params, outputs, by=by, is_batch=is_batch, version=version, depends=depends,
        options=options,
    )  # fmt: skip


def _function(kind: str, func: Any, named: Mapping[str, Any]) -> tuple[str | None, Callable[..., Any]]:
    if (func is None) == (not named) or len(named) > 1:
        odd = [name for name, each in named.items() if not callable(each)]
        if odd:
            raise TypeError(f"{kind}() has no option {odd[0]!r}; a function is given as {kind}(column=function)")
        raise TypeError(f"{kind}() takes one function: {kind}(column=function), or {kind}(function, output=...)")
    name, function = next(iter(named.items())) if named else (None, func)
    if not callable(function):
        raise TypeError(
            f"{kind}({name}={function!r}): a function is needed" if name else f"{function!r} is no function"
        )
    return name, function


def _check_types(kind: str, outputs: Outputs) -> None:
    for each in outputs.types:
        try:
            dtype_of(each)
        except (KeyError, TypeError) as error:
            raise TypeError(f"{kind}(output={each!r}): a column cannot have this type: {error}") from error
    hidden = [name for name in outputs.names if name.startswith("__cuebook_")]
    if hidden:
        raise TypeError(f"{hidden[0]!r} is a name of cuebook's own")


def _check_kind(kind: str, function: Callable[..., Any]) -> None:
    if kind == MAPPED and inspect.isgeneratorfunction(function):
        raise TypeError(f"{function.__name__} yields any number of rows, and map() needs one for each: use gen()")


def _params(
    kind: str, function: Callable[..., Any], given: Any, *, there: Sequence[str], place: CodePlace
) -> tuple[str, ...]:
    """The columns that the function's parameters get."""
    if given is not None:
        wanted = (given,) if isinstance(given, str) else tuple(given)
    else:
        wanted = tuple(_names_of(kind, function, there))
    name = getattr(function, "__name__", kind)
    for column in wanted:
        if column not in there:
            raise DataError(no_column(f"{kind}() of {name}", column, list(there), place))
    return wanted


def _names_of(kind: str, function: Callable[..., Any], there: Sequence[str]) -> list[str]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        raise TypeError(f"{kind}(): nobody can see what {function!r} takes: write params=[...]") from None
    found = []
    for each in parameters:
        if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            continue
        if each.kind is each.KEYWORD_ONLY:
            if each.default is each.empty:
                raise TypeError(f"{kind}(): parameter {each.name} of {function!r} can only be given by its name")
            continue
        if each.name not in there and each.default is not each.empty:
            break  # those behind it cannot be given without it
        found.append(each.name)
    return found
