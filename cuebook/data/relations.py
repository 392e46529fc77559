"""Relational steps as functions of lazy frames: each says what it is to polars, and nothing is worked out here.

Rows keep their order wherever polars can keep it, so that a chain gives the same rows in each run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cuebook.data.polars_at_hand import polars

__all__ = ["distinct_of", "exploded", "grouped_by", "joined_with", "mutated", "ordered", "selected"]

Apply = Callable[..., Any]


def mutated(columns: Mapping[str, Any]) -> Apply:
    """With further columns; plain values stand for themselves, also texts."""
    pl = polars()
    made = {name: each if isinstance(each, pl.Expr) else pl.lit(each) for name, each in columns.items()}
    return lambda lazy: lazy.with_columns(**made)


def selected(columns: Sequence[Any]) -> Apply:
    """These columns alone."""
    return lambda lazy: lazy.select(*columns)


def ordered(columns: Sequence[Any], descending: bool) -> Apply:
    """In the order of columns."""
    return lambda lazy: lazy.sort(*columns, descending=descending, maintain_order=True)


def distinct_of(columns: Sequence[str]) -> Apply:
    """The first row of each kind."""
    return lambda lazy: lazy.unique(list(columns) or None, keep="first", maintain_order=True)


def exploded(column: str) -> Apply:
    """A row for each item of a list."""
    return lambda lazy: lazy.explode(column)


def grouped_by(by: Sequence[str], columns: Mapping[str, Any]) -> Apply:
    """A row for each group."""
    return lambda lazy: lazy.group_by(list(by), maintain_order=True).agg(**columns)


def joined_with(on: Any, right_on: Any, how: str, before: str) -> Apply:
    """With the rows of another frame; names that are there twice get what stands before them."""
    left = [on] if isinstance(on, str) else list(on)
    right = left if right_on is None else [right_on] if isinstance(right_on, str) else list(right_on)

    def apply(lazy: Any, other: Any) -> Any:
        there = set(lazy.collect_schema().names())
        names = {
            name: f"{before}{name}" for name in other.collect_schema().names() if name in there and name not in right
        }
        return lazy.join(
            other.rename(names), left_on=left, right_on=right, how=how, maintain_order="left_right", coalesce=True,
            suffix=f"_{before}",
        )  # fmt: skip

    return apply
