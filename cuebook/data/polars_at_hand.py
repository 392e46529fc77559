"""Polars, imported when it is first needed. Knows no chain."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["is_frame", "polars"]


def polars() -> Any:
    """The package.

    Raises:
        ImportError: it is not installed.
    """
    try:
        import polars as pl
    except ImportError as error:
        raise ImportError("cuebook.data needs polars: pip install 'cuebook[data]'") from error
    return pl


def is_frame(value: Any) -> bool:
    """Whether a value is a frame or a table of a library that polars takes over."""
    for package, names in (("polars", ("DataFrame", "LazyFrame")), ("pandas", ("DataFrame",)), ("pyarrow", ("Table",))):
        module = sys.modules.get(package)
        if module is not None and isinstance(value, tuple(getattr(module, name) for name in names)):
            return True
    return False
