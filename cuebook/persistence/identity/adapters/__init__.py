"""What other libraries' values count by: a module a library, imported once a class of that library is met.

A module has `FORMS`: the form of each of its classes, by the top package, and by the class's own name.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["adapted_form"]

_PACKAGES = frozenset({"geopandas", "msgspec", "numba", "numpy", "pandas", "polars", "pyarrow", "pydantic", "scipy"})


def adapted_form(cls: type) -> Any:
    """The form of a class of one of these libraries, by its own name alone; None where it has none."""
    package = str(cls.__module__).partition(".")[0]
    if package not in _PACKAGES:
        return None
    return import_module(f"{__name__}.{package}").FORMS.get(cls.__name__)
