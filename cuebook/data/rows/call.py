"""One call of a user's function for a row, a batch of rows or a group, in a worker: its outputs are looked at here.

Knows no polars.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from cuebook.data.rows.outputs import Outputs
from cuebook.data.rows.types import Check, check_of
from cuebook.engines.calls.worker_life import is_coroutine_function

__all__ = ["AsyncRowCall", "RowCall", "row_call"]


class RowCall:
    """Calls the function, and gives `[key, code, rows]`; each of the rows is a list of values, one a column.

    Args:
        func: the user's. outputs: what it is to give. kind: "map", "gen" or "agg". code: known of its code.
        is_batch: whether it gets lists, and gives one item for each of theirs.
    """

    tells_of_failures = True
    """Whoever has it called says what has failed."""

    def __init__(self, func: Callable[..., Any], outputs: Outputs, kind: str, code: int, *, is_batch: bool) -> None:
        self.func = func
        self.outputs = outputs
        self.kind = kind
        self.code = code
        self.is_batch = is_batch
        self.__name__ = getattr(func, "__name__", type(func).__name__)
        self.__qualname__ = getattr(func, "__qualname__", self.__name__)
        self.__module__ = getattr(func, "__module__", None) or "__main__"
        self._checks: list[Check | None] | None = None

    def __call__(self, key: bytes, *values: Any) -> list[Any]:
        return [key, self.code, self._rows(self.func(*values), values)]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_checks": None}

    def _rows(self, found: Any, values: tuple[Any, ...]) -> list[list[Any]]:
        if self._checks is None:
            self._checks = [check_of(each) for each in self.outputs.types]
        if self.is_batch:
            return [self._row(each) for each in self._of_batch(found, values)]
        if self.kind == "gen":
            return [self._row(each) for each in self._many(found)]
        if self.kind == "agg" and (isinstance(found, list) or inspect.isgenerator(found)):
            return [self._row(each) for each in found]
        return [self._row(found)]

    def _row(self, value: Any) -> list[Any]:
        checks = self._checks
        assert checks is not None
        if self.outputs.is_single:
            check = checks[0]
            return [value if check is None else self._checked(check, value, 0)]
        found = self._several(value)
        return [
            each if check is None else self._checked(check, each, index)
            for index, (check, each) in enumerate(zip(checks, found, strict=True))
        ]

    def _checked(self, check: Check, value: Any, index: int) -> Any:
        try:
            return check(value)
        except TypeError as error:
            raise TypeError(f"{self.__name__}, for column {self.outputs.names[index]}, {error}") from None

    def _several(self, value: Any) -> list[Any]:
        names = self.outputs.names
        if isinstance(value, dict):
            if set(value) != set(names):
                raise TypeError(f"{self.__name__} gave {sorted(value)}, and its columns are {list(names)}")
            return [value[name] for name in names]
        if not isinstance(value, list | tuple) or len(value) != len(names):
            count = f"{len(value)} values" if isinstance(value, list | tuple) else f"{value!r}"
            raise TypeError(f"{self.__name__} gave {count} for the {len(names)} columns {', '.join(names)}")
        return list(value)

    def _many(self, found: Any) -> Iterable[Any]:
        if found is None or isinstance(found, str | bytes | dict) or not isinstance(found, Iterable):
            raise TypeError(
                f"{self.__name__} gave {found!r}, and gen() needs any number of rows: a list, or what is yielded"
            )
        return found

    def _of_batch(self, found: Any, values: tuple[Any, ...]) -> list[Any]:
        wanted = len(values[0])
        given = found.tolist() if hasattr(found, "tolist") else found
        if isinstance(given, str | bytes | dict) or not isinstance(given, Iterable):
            raise TypeError(f"{self.__name__} gave {given!r} for a batch of {wanted} rows: it needs a list of as many")
        given = list(given)
        if len(given) != wanted:
            raise TypeError(f"{self.__name__} gave {len(given)} rows for a batch of {wanted}")
        return given


class AsyncRowCall(RowCall):
    """The same for a coroutine function."""

    async def __call__(self, key: bytes, *values: Any) -> list[Any]:  # type: ignore[override]
        return [key, self.code, self._rows(await self.func(*values), values)]


def row_call(func: Callable[..., Any], outputs: Outputs, kind: str, code: int, *, is_batch: bool) -> RowCall:
    """What is to be called for a function."""
    made = AsyncRowCall if is_coroutine_function(func) else RowCall
    return made(func, outputs, kind, code, is_batch=is_batch)
