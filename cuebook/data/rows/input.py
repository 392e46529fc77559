"""The rows that a step's function is called with, batch by batch, and which of them are done already.

Knows no engine and no journal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cuebook.data.plan import RowStep
from cuebook.data.polars_at_hand import polars
from cuebook.data.rows.earlier import EarlierRows
from cuebook.data.rows.frames import ROW
from cuebook.data.rows.keys import joined_keys, keys_of
from cuebook.persistence.values import ValueDecoder
from cuebook.workplace.chain_frames import KEY, OBJECT, object_type

__all__ = ["RowBatch", "RowInput", "grouped"]

BATCH_ROWS = 10_000


@dataclass(slots=True)
class RowBatch:
    """Some rows of the input.

    Attributes:
        rows: the frame, with the columns KEY and ROW. known: the outputs of those that are done already; None: none is.
        calls: what is to be called: keys, then the values. numbers: for each call its rows.
        given: what the calls gave; None for one that failed. first: number of the first row in the input.
    """

    rows: Any
    known: Any
    calls: list[tuple[Any, ...]]
    numbers: list[list[int]]
    first: int
    given: list[Any] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        """Whether each call has been made."""
        return len(self.given) == len(self.calls)


def grouped(step: RowStep, lazy: Any) -> Any:
    """The frame of what the calls of a step get: as it is, or, for an agg, a row for each group with lists."""
    pl = polars()
    if step.kind != "agg":
        return lazy
    lists = [pl.col(name).alias(f"__cuebook_arg_{index}") for index, name in enumerate(step.params)]
    if not step.by:
        return lazy.select(each.implode() for each in lists)
    return lazy.group_by(list(step.by), maintain_order=True).agg(lists)


class RowInput:
    """The input of a row step.

    Args:
        step: the step. lazy: what it works on. earlier: rows that are done.
    """

    def __init__(self, step: RowStep, lazy: Any, earlier: EarlierRows) -> None:
        self._step = step
        self._lazy = grouped(step, lazy)
        self._earlier = earlier
        is_agg = step.kind == "agg"
        self._columns = [f"__cuebook_arg_{index}" if is_agg else name for index, name in enumerate(step.params)]
        schema, kind = self._lazy.collect_schema(), object_type()
        self._objects = [schema[name] in (kind, polars().List(kind)) for name in self._columns]
        self._decoder = ValueDecoder(trusted=True)

    def batches(self) -> Iterator[RowBatch]:
        """All of it, in order."""
        first = 0
        size = max(BATCH_ROWS, self._step.options.rows) if self._step.is_batch else BATCH_ROWS
        for frame in self._lazy.collect_batches(chunk_size=size, maintain_order=True):
            for part in frame.iter_slices(size):
                yield self._batch(part, first)
                first += part.height

    def nothing(self) -> RowBatch:
        """A batch without rows: the columns there would be."""
        return self._batch(self._lazy.limit(0).collect(), 0)

    def _batch(self, frame: Any, first: int) -> RowBatch:
        pl = polars()
        values = self._values(frame)
        groups = frame.select(self._step.by).rows() if self._step.by else None
        counted = values if groups is None else [(*group, *row) for group, row in zip(groups, values, strict=True)]
        keys = keys_of(counted, has_objects=any(self._objects))
        rows = frame.with_columns(
            pl.Series(KEY, keys, dtype=pl.Binary), pl.int_range(frame.height, dtype=pl.UInt32).alias(ROW)
        )
        known = self._earlier.of(rows)
        done = set() if known is None else set(known[ROW].to_list())
        todo = [number for number in range(frame.height) if number not in done]
        calls, numbers = (
            self._in_batches(keys, values, todo) if self._step.is_batch else _one_by_one(keys, values, todo)
        )
        return RowBatch(rows, known, calls, numbers, first)

    def _values(self, frame: Any) -> list[tuple[Any, ...]]:
        if not self._columns:
            return [()] * frame.height
        if not any(self._objects):
            return frame.select(self._columns).rows()  # type: ignore[no-any-return]
        columns = [
            [self._object(value) for value in frame[name].to_list()] if is_object else frame[name].to_list()
            for name, is_object in zip(self._columns, self._objects, strict=True)
        ]
        return list(zip(*columns, strict=True))

    def _object(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._object(each) for each in value]
        return None if value is None else self._decoder.decode(value[OBJECT])

    def _in_batches(self, keys: list[bytes], values: list[tuple[Any, ...]], todo: list[int]) -> Any:
        size = self._step.options.rows
        numbers = [todo[start : start + size] for start in range(0, len(todo), size)]
        width = range(len(self._columns))
        calls = [
            (joined_keys([keys[row] for row in part]), *([values[row][column] for row in part] for column in width))
            for part in numbers
        ]
        return calls, numbers


def _one_by_one(keys: list[bytes], values: list[tuple[Any, ...]], todo: list[int]) -> Any:
    return [(keys[row], *values[row]) for row in todo], [[row] for row in todo]
