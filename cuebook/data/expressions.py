"""What of the arguments of a relational step counts: expressions of polars, names and plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cuebook.data.errors import DataError
from cuebook.data.plan import CodePlace
from cuebook.data.polars_at_hand import polars
from cuebook.persistence.identity.digest import blake16, joined
from cuebook.persistence.identity.value_digest import value_digest

__all__ = ["said"]

_FUNCTION = ("python_udf", "map_elements", "map_batches", "PythonUdf", "AnonymousFunction")


def said(kind: str, args: Sequence[Any], named: Mapping[str, Any], place: CodePlace) -> tuple[bytes, str]:
    """The bytes that count of a step, and the same for people.

    Raises:
        DataError: an expression has a Python function in it, which nobody can see into.
    """
    parts = [kind.encode(), *(_of(each, kind, place) for each in args), b"named"]
    for name, each in named.items():
        parts += [name.encode("utf-8", "surrogatepass"), _of(each, kind, place)]
    texts = [_text(each) for each in args] + [f"{name}={_text(each)}" for name, each in named.items()]
    return blake16(joined(b"step", parts)), ", ".join(texts)


def _of(value: Any, kind: str, place: CodePlace) -> bytes:
    if not isinstance(value, polars().Expr):
        return value_digest(value)
    text = str(value)
    if any(sign in text for sign in _FUNCTION):
        raise DataError(
            f"{place}: {kind}() has a Python function in {text}, which cannot be compared with that of an earlier run: "
            "give it to map(), where its rows are durable too"
        )
    return bytes(value.meta.serialize())


def _text(value: Any) -> str:
    return str(value) if isinstance(value, polars().Expr) else repr(value)
