"""Columns of Python objects: each is kept by the value codec. Knows no chain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cuebook.data.polars_at_hand import polars
from cuebook.persistence.values import ValueEncoder

__all__ = ["encoded_objects"]

_encoder = ValueEncoder(label="value of a column")


def encoded_objects(columns: Mapping[str, list[Any]]) -> tuple[Any, list[str]]:
    """A frame of columns, and the names of those whose values no column type holds: they are encoded.

    Raises:
        polars.exceptions.ShapeError: the columns have different lengths. ValueNotKept: a value cannot be kept.
    """
    pl = polars()
    made, objects = {}, []
    for name, values in columns.items():
        series = _series(name, values)
        if series is None:
            objects.append(name)
            encoded = [None if value is None else _encoder.encode(value) for value in values]
            series = pl.Series(name, encoded, dtype=pl.Binary)
        made[name] = series
    return pl.DataFrame(list(made.values())), objects


def _series(name: str, values: list[Any]) -> Any:
    """None where polars has no type for the values."""
    pl = polars()
    types = {type(value) for value in values} - {type(None)}
    try:
        made = pl.Series(name, values, dtype=pl.Float64 if types == {int, float} else None, strict=True)
    except Exception:  # polars has several errors for what does not fit into one type
        return None
    return None if made.dtype == pl.Object else made
