"""How the value of a stage is kept: frames as Parquet, all else by the codec. Knows no stage and no store.

A frame that would not come back the same from Parquet is kept by the codec.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sized
from dataclasses import dataclass
from typing import Any

from cuebook.errors import CuebookError, MalformedMessage, RecoveryFailed
from cuebook.persistence.identity.value_digest import value_digest
from cuebook.persistence.values import ValueDecoder, ValueEncoder
from cuebook.persistence.values.pickling.names import Names
from cuebook.workplace.chain_frames import CHAIN, read_chain_frame

__all__ = ["CODEC", "EncodedValue", "decode_value", "encode_value", "rows_of"]

CODEC = "value"
_FRAMES = {"polars": ("polars", "DataFrame"), "pandas": ("pandas", "DataFrame"), "arrow": ("pyarrow", "Table")}
"""Package and class of each form of frame."""
_encoder = ValueEncoder(label="value of a stage")


@dataclass(frozen=True, slots=True)
class EncodedValue:
    """A value as bytes.

    Attributes:
        form: "value" where the codec has written it; "polars", "pandas" or "arrow" where it is a Parquet file.
        data: the bytes. digest: by which the value is known. rows: how many it has; None where it has none.
    """

    form: str
    data: bytes
    digest: bytes
    rows: int | None


def encode_value(value: Any) -> EncodedValue:
    """A value as it is kept.

    Raises:
        ValueNotKept: it cannot be kept; the part is named.

    Cost: one encoding; frames are also read back once and compared.
    """
    digest = value_digest(value)
    form = _form_of(value)
    if form is not None:
        data = _parquet(form, value)
        if data is not None and value_digest(_frame(form, data)) == digest:
            return EncodedValue(form, data, digest, rows_of(value))
    return EncodedValue(CODEC, _encoder.encode(value), digest, rows_of(value))


def decode_value(form: str, data: bytes, *, func: Any = None, trusted: bool = True) -> tuple[Any, list[Any]]:
    """The value of these bytes, and the `File`s in it.

    Args:
        func: whose value it is: its module has the classes. trusted: whether code may rebuild it.

    Raises:
        RecoveryFailed: a part of it cannot be rebuilt here; its class is named. MalformedMessage: they are no value.
    """
    if form != CODEC:
        return _read_frame(form, data, trusted=trusted), []
    decoder = ValueDecoder(trusted=trusted, names=Names(func))
    decoder.files = []
    value = decoder.decode(data)
    if decoder.unresolved_count:
        raise RecoveryFailed(f"a value is kept, but cannot be rebuilt here: {decoder.newest_unresolved}")
    if decoder.placeholders and not trusted:
        raise RecoveryFailed("a value is kept that only code can rebuild, and others may have written to its journal")
    return value, decoder.files


def rows_of(value: Any) -> int | None:
    """How many rows or items a value has; None where it has none."""
    if isinstance(value, str | bytes) or not isinstance(value, Sized):
        return None
    try:
        return len(value)
    except Exception:  # a class of the user's, or an array without a dimension
        return None


def _form_of(value: Any) -> str | None:
    cls = type(value)
    for form, (package, name) in _FRAMES.items():
        module = sys.modules.get(package)
        if module is not None and cls is getattr(module, name, None):
            return form
    return None


def _parquet(form: str, value: Any) -> bytes | None:
    """None where a frame cannot be written as Parquet, or what writes it is not installed."""
    target = io.BytesIO()
    try:
        if form == "polars":
            value.write_parquet(target)
        elif form == "pandas":
            value.to_parquet(target)
        else:
            from pyarrow import parquet

            parquet.write_table(value, target)
    except Exception:  # each library has its own errors for what Parquet has no form for
        return None
    return target.getvalue()


def _read_frame(form: str, data: bytes, *, trusted: bool) -> Any:
    try:
        return read_chain_frame(data, trusted=trusted) if form == CHAIN else _frame(form, data)
    except (CuebookError, ImportError):
        raise
    except Exception as error:  # each library has its own errors for what is no Parquet
        raise MalformedMessage(f"these {len(data)} bytes are no frame: {type(error).__name__}: {error}") from error


def _frame(form: str, data: bytes) -> Any:
    source = io.BytesIO(data)
    if form not in _FRAMES:
        raise MalformedMessage(f"a value has no form {form!r}")
    if form == "polars":
        import polars as pl

        return pl.read_parquet(source)
    if form == "pandas":
        import pandas as pd

        return pd.read_parquet(source)
    from pyarrow import parquet

    return parquet.read_table(source)
