"""Columns of Python objects: each is kept by the value codec. Knows no chain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cuebook.data.polars_at_hand import polars
from cuebook.persistence.values import ValueEncoder
from cuebook.workplace.chain_frames import OBJECT, object_type

__all__ = ["encoded_objects"]

_encoder = ValueEncoder(label="value of a column")


def encoded_objects(columns: Mapping[str, list[Any]]) -> Any:
    """A frame of columns; those whose values no column type holds are encoded.

    Raises:
        polars.exceptions.ShapeError: the columns have different lengths. ValueNotKept: a value cannot be kept.
    """
    pl = polars()
    made = []
    for name, values in columns.items():
        series = _series(name, values)
        if series is None:
            encoded = [None if value is None else {OBJECT: _encoder.encode(value)} for value in values]
            series = pl.Series(name, encoded, dtype=object_type())
        made.append(series)
    return pl.DataFrame(made)


def _series(name: str, values: list[Any]) -> Any:
    """None where polars has no type for the values."""
    pl = polars()
    types = {type(value) for value in values} - {type(None)}
    try:
        made = pl.Series(name, values, dtype=pl.Float64 if types == {int, float} else None, strict=True)
    except Exception:  # polars has several errors for what does not fit into one type
        return None
    return None if made.dtype == pl.Object else made
