"""What functions gave, as columns: the frame of a batch of rows. Knows no journal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cuebook.data.errors import DataError
from cuebook.data.polars_at_hand import polars
from cuebook.data.rows.keys import split_keys
from cuebook.data.rows.outputs import Outputs
from cuebook.data.rows.types import dtype_of, is_object, type_text
from cuebook.errors import ValueNotKept
from cuebook.persistence.values import ValueEncoder
from cuebook.workplace.chain_frames import CODE, KEY, OBJECT, PART, object_type

__all__ = ["ROW", "RowFrames"]

ROW = "__cuebook_row"
"""Which row of its batch a row belongs to."""
_encoder = ValueEncoder(label="value of a row")

Given = tuple[bytes, int, list[list[Any]]]
"""What a call of `RowCall` gives: keys, code, rows."""


@dataclass(slots=True)
class RowFrames:
    """Makes frames of what the calls of one row step gave.

    Attributes:
        name: of the step, for people. outputs: of its function. is_batch: whether a call has several rows.
        dtypes: of its columns, as far as they are known: what the values have decided stays.
    """

    name: str
    outputs: Outputs
    is_batch: bool
    dtypes: list[Any]

    @classmethod
    def of(cls, name: str, outputs: Outputs, *, is_batch: bool) -> RowFrames:
        """For a step.

        Raises:
            DataError: a type is none that a column can have.
        """
        try:
            return cls(name, outputs, is_batch, [dtype_of(each) for each in outputs.types])
        except (KeyError, TypeError) as error:
            raise DataError(f"{name}: {outputs.text} is no type of columns: {error}") from error

    def frame(self, given: Sequence[Given], numbers: Sequence[Sequence[int]] | None = None) -> Any:
        """The rows of some calls: the function's columns and ours.

        Args:
            given: of each call. numbers: for each call the rows of the batch that it was for; None: they do not matter.

        Raises:
            DataError: a value does not fit into its column.
        """
        pl = polars()
        keys: list[bytes] = []
        codes: list[int] = []
        parts: list[int] = []
        rows: list[list[Any] | None] = []
        places: list[int] = []
        for index, (key, code, found) in enumerate(given):
            mine = numbers[index] if numbers is not None else ()
            if self.is_batch:
                keys += split_keys(key)
                places += mine
                parts += [0] * len(found)
                rows += found
                codes += [code] * len(found)
                continue
            count = len(found) or 1
            keys += [key] * count
            codes += [code] * count
            places += list(mine) * count
            parts += range(count) if found else [-1]
            rows += found or [None]
        columns = [self._series(index, rows) for index in range(len(self.outputs.names))]
        ours = [
            pl.Series(KEY, keys, dtype=pl.Binary),
            pl.Series(CODE, codes, dtype=pl.UInt32),
            pl.Series(PART, parts, dtype=pl.Int32),
        ]
        if numbers is not None:
            ours.append(pl.Series(ROW, places, dtype=pl.UInt32))
        return pl.DataFrame([*columns, *ours])

    def _series(self, index: int, rows: Sequence[list[Any] | None]) -> Any:
        pl = polars()
        name, wanted = self.outputs.names[index], self.outputs.types[index]
        values = [None if row is None else row[index] for row in rows]
        if is_object(wanted):
            return pl.Series(name, [_encoded(name, each) for each in values], dtype=object_type())
        dtype = self.dtypes[index]
        try:
            if dtype is None and {type(each) for each in values} - {type(None)} == {int, float}:
                dtype = pl.Float64
            made = pl.Series(name, values, dtype=dtype, strict=True)
        except Exception as error:  # polars has several for what does not fit
            raise DataError(self._misfit(index, values, error)) from error
        if made.dtype == pl.Object:
            raise DataError(self._misfit(index, values, None))
        return made

    def _misfit(self, index: int, values: Sequence[Any], error: Exception | None) -> str:
        pl = polars()
        name, wanted, first = self.outputs.names[index], self.outputs.types[index], None
        for value in values:
            if value is None:
                continue
            first = value if first is None else first
            try:
                fits = pl.Series([first, value], dtype=self.dtypes[index], strict=True).dtype != pl.Object
            except Exception:
                fits = False
            if not fits:
                what = f"{self.name}: column {name} cannot take {_shown(value)} ({type(value).__name__})"
                if wanted is not None:
                    return f"{what}: it is to be {type_text(wanted)}"
                if type(first) is type(value):
                    return f"{what}; write output={{{name!r}: object}} to keep such values as Python objects"
                return f"{what} beside {_shown(first)} ({type(first).__name__})"
        return f"{self.name}: the values of column {name} do not fit into one type: {error}"


def _encoded(name: str, value: Any) -> dict[str, bytes] | None:
    if value is None:
        return None
    try:
        return {OBJECT: _encoder.encode(value)}
    except ValueNotKept as error:
        raise DataError(f"column {name} cannot keep {_shown(value)}: {error}") from error


def _shown(value: Any) -> str:
    text = value.isoformat() if isinstance(value, dt.date | dt.time) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
