"""Frames as the chain of `cuebook.data` keeps them: Parquet, with columns of its own beside the user's.

Knows no chain; polars loads with the first frame.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

from cuebook.errors import RecoveryFailed
from cuebook.persistence.values import ValueDecoder

__all__ = [
    "CHAIN",
    "CODE",
    "HIDDEN",
    "KEY",
    "OBJECT",
    "PART",
    "decoded_objects",
    "metadata_for",
    "metadata_of",
    "object_type",
    "read_chain_frame",
    "users_rows",
]

CHAIN = "chain"
"""The form of a stored value that is such a frame."""
KEY, CODE, PART = "__cuebook_key", "__cuebook_code", "__cuebook_part"
HIDDEN = (KEY, CODE, PART)
"""What a row was made of, by which code, and which of the rows of one call it is; -1: the call gave none."""
OBJECT = "__cuebook_object"
"""The name of the one field of a column of Python objects."""
_METADATA = "cuebook"


def metadata_of(source: Any) -> dict[str, Any]:
    """What the chain has noted in a Parquet file: `codes`, `failed`; empty where it has written none."""
    import polars as pl

    found = pl.read_parquet_metadata(source).get(_METADATA)
    noted = {} if found is None else json.loads(found)
    return noted if isinstance(noted, dict) else {}


def metadata_for(noted: Mapping[str, Any]) -> dict[str, str]:
    """The same, to be written."""
    return {_METADATA: json.dumps(noted)}


def users_rows(frame: Any) -> Any:
    """A frame, lazy or not, without the columns that are ours."""
    import polars as pl

    names = frame.collect_schema().names() if isinstance(frame, pl.LazyFrame) else frame.columns
    if PART not in names:
        return frame
    return frame.filter(pl.col(PART) >= 0).drop(HIDDEN)


def object_type() -> Any:
    """The type of a column of Python objects: their bytes by the codec, under a name that goes with the column."""
    import polars as pl

    return pl.Struct({OBJECT: pl.Binary})


def decoded_objects(frame: Any, *, trusted: bool = True) -> Any:
    """A frame with its columns of Python objects as such.

    Raises:
        RecoveryFailed: only code could rebuild one, and whoever wrote it is not trusted.
    """
    import polars as pl

    there = [name for name, dtype in frame.schema.items() if dtype == object_type()]
    if not there:
        return frame
    decoder = ValueDecoder(trusted=trusted)
    columns = []
    for name in there:
        values = [None if each is None else decoder.decode(each[OBJECT]) for each in frame[name].to_list()]
        columns.append(pl.Series(name, values, dtype=pl.Object))
    if decoder.unresolved_count or (decoder.placeholders and not trusted):
        raise RecoveryFailed(f"column {', '.join(there)} holds objects that cannot be rebuilt here")
    return frame.with_columns(columns)


def read_chain_frame(data: bytes, *, trusted: bool = True) -> Any:
    """The user's frame of a stored file."""
    import polars as pl

    return decoded_objects(users_rows(pl.read_parquet(io.BytesIO(data))), trusted=trusted)
