"""The dataframe chain: relational work by polars, functions of rows on workers, every finished row durable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cuebook.data.chain import DataChain
    from cuebook.data.column import C, Column
    from cuebook.data.errors import DataError
    from cuebook.data.sources import (
        read_csv,
        read_database,
        read_dataset,
        read_json,
        read_pandas,
        read_parquet,
        read_records,
        read_storage,
        read_values,
    )
    from cuebook.stages.datasets import datasets, delete_dataset

_SOURCES = (
    "read_csv", "read_database", "read_dataset", "read_json", "read_pandas", "read_parquet", "read_records",
    "read_storage", "read_values",
)  # fmt: skip

_HOMES = {
    **dict.fromkeys(_SOURCES, "cuebook.data.sources"),
    "C": "cuebook.data.column",
    "Column": "cuebook.data.column",
    "DataChain": "cuebook.data.chain",
    "DataError": "cuebook.data.errors",
    "datasets": "cuebook.stages.datasets",
    "delete_dataset": "cuebook.stages.datasets",
}
"""Where each name lives: it is imported when it is first used. Workers import this room, and need none of them."""

__all__ = [
    "C",
    "Column",
    "DataChain",
    "DataError",
    "datasets",
    "delete_dataset",
    "read_csv",
    "read_database",
    "read_dataset",
    "read_json",
    "read_pandas",
    "read_parquet",
    "read_records",
    "read_storage",
    "read_values",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'cuebook.data' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
