"""The items of `parameters` as calls: what is taken as it is, what is refused, and what to write in its place."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from operator import countOf
from typing import Any

from cuebook.persistence.history.call_form import Call
from cuebook.persistence.identity.parts import readable

__all__ = ["ListCalls", "as_calls", "check_call", "with_one_argument"]

_SHOWN_MAX = 60
_TABLES = {
    "pandas": "a row is one call's arguments with parameters.itertuples(index=False), or by the names of columns with "
    'parameters.to_dict("records")',
    "polars": "a row is one call's arguments with parameters.iter_rows(), or by the names of columns with "
    "parameters.iter_rows(named=True)",
}
"""What iterates over its columns is no list of calls; by the library that it is of."""


class ListCalls(list[Call]):
    """Calls of which each is exactly a list: whoever asks once more need not look at them again."""


def check_call(item: Any, index: int) -> None:
    """Refuse what is not one call's arguments.

    Raises:
        TypeError: names the item by its index and shows the right forms.
    """
    if isinstance(item, list | tuple):
        return
    shown = readable(item)
    shown = f"{shown[:_SHOWN_MAX]}..." if len(shown) > _SHOWN_MAX else shown
    if isinstance(item, Mapping):
        odd = [name for name in item if not isinstance(name, str)]
        if odd:
            raise TypeError(
                f"parameters[{index}] is {shown}: a mapping is one call's keyword arguments, and the key "
                f"{readable(odd[0])} is no str; a dict as the one positional argument is written [{{...}}]"
            )
        return
    raise TypeError(
        f"parameters[{index}] is {shown} ({type(item).__name__}), and each item is one call's arguments, such as "
        f"[[1], [2], ...]; where func takes one argument, star=False passes each item as it is"
    )


def as_calls(parameters: Iterable[Any]) -> list[Call]:
    """All items as calls; the rows of an array are tuples. 15 ms a million where all are lists or tuples.

    Raises:
        TypeError: names the first item that is no call by its index, or says what to write for such parameters.
    """
    _check(parameters)
    if _has_rows(parameters):
        return [tuple(row) for row in parameters]
    calls = ListCalls(parameters)
    if countOf(map(type, calls), list) == len(calls):
        return calls
    if not set(map(type, calls)) <= {list, tuple}:
        for index, item in enumerate(calls):
            check_call(item, index)
    return list(calls)


def with_one_argument(parameters: Any) -> Any:
    """The same items, each as the one argument of its call."""
    if isinstance(parameters, AsyncIterable):
        return _each_async(parameters)
    if hasattr(parameters, "__len__"):
        return [[item] for item in parameters]
    return _each(parameters) if isinstance(parameters, Iterable) else parameters


def _check(parameters: Any) -> None:
    if isinstance(parameters, str | bytes | bytearray):
        raise TypeError(
            f"parameters is {readable(parameters)[:_SHOWN_MAX]} ({type(parameters).__name__}); "
            "give an iterable with one item a call, such as [[1], [2], ...]"
        )
    if isinstance(parameters, Mapping):
        raise TypeError(
            f"parameters is one {type(parameters).__name__}, whose items are its keys: one call with these keyword "
            "arguments is [parameters], and a call for each key and value is parameters.items()"
        )
    library = type(parameters).__module__.partition(".")[0]
    if type(parameters).__name__ == "DataFrame" and library in _TABLES:
        raise TypeError(f"parameters is a DataFrame, whose items are columns: {_TABLES[library]}")


def _has_rows(parameters: Any) -> bool:
    """Whether it is an array of two or more dimensions, or one of records."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(parameters, numpy.ndarray):
        return False
    return bool(parameters.ndim > 1 or (parameters.ndim == 1 and parameters.dtype.names))


def _each(items: Iterable[Any]) -> Iterator[list[Any]]:
    for item in items:
        yield [item]


async def _each_async(items: AsyncIterable[Any]) -> AsyncIterator[list[Any]]:
    async for item in items:
        yield [item]
