"""What a function object is bound to, beside its code: defaults, and its closure where the code does not say enough.

Knows no digests.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

__all__ = ["attributes_of", "closure_of", "defaults_of", "docstring_of"]

_OF_ENUM = "An enumeration."
"""What Python 3.11 writes under an enumeration without a docstring."""


def defaults_of(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """Parameters with the values that they have where none is given: a call may do anything with them."""
    code = function.__code__
    defaults = function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount]
    yield from zip(names[len(names) - len(defaults) :], defaults, strict=False)
    yield from sorted((function.__kwdefaults__ or {}).items())


def closure_of(function: types.FunctionType, named: set[str]) -> Iterator[tuple[str, Any]]:
    """Variables of functions around that the code's chains do not name: it only sets them, or hands them on."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        if name in named or name == "__class__":
            continue
        try:
            yield name, cell.cell_contents
        except ValueError:
            yield name, "@empty"


def attributes_of(function: types.FunctionType) -> list[tuple[str, Any]]:
    """What was set on a function, sorted; of Python's own names that of what it wraps alone."""
    return sorted(
        (name, value)
        for name, value in function.__dict__.items()
        if name == "__wrapped__" or not (name.startswith("__") and name.endswith("__"))
    )


def docstring_of(item: types.FunctionType | type) -> str | None:
    """The docstring that somebody wrote, without its indentation, which newer Pythons take away; None: there is none.

    Cost: the first time an import of `inspect`.
    """
    import inspect

    text = item.__dict__.get("__doc__") if isinstance(item, type) else item.__doc__
    if not isinstance(text, str) or text == _OF_ENUM:
        return None
    if isinstance(item, type) and "__dataclass_params__" in item.__dict__ and text.startswith(f"{item.__name__}("):
        return None  # made by dataclass, of what is listed for itself
    return inspect.cleandoc(text)
