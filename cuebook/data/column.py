"""`C`: a column by its name, in conditions and computed columns."""

from __future__ import annotations

from typing import Any

from cuebook.data.polars_at_hand import polars

__all__ = ["C", "Column"]


def C(name: str) -> Any:  # noqa: N802 - DataChain's name
    """A column, as an expression of polars: `C("score") > 0.5`, `C("name").str.to_uppercase()`.

    Args:
        name: of the column.
    """
    return polars().col(name)


Column = C
