"""What every pickler of this library is: cloudpickle's, but code objects go as they are.

Knows neither functions nor classes. Heavy: imports cloudpickle.
"""

from __future__ import annotations

import io
from types import CodeType
from typing import Any

import cloudpickle

from cuebook.persistence.code_bytes import reduced_code

__all__ = ["ByValuePickler", "dumps"]


class ByValuePickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
    """Cloudpickle, whose own form of code objects changes from release to release (3.1.3 drops the file's name)."""

    def reducer_override(self, obj: Any) -> Any:
        """How an object is taken apart, as pickle asks for it."""
        if type(obj) is CodeType:
            return reduced_code(obj)
        return super().reducer_override(obj)


def dumps(value: Any) -> bytes:
    """The pickle of a value, with the functions and classes that no import finds inside it.

    Raises:
        Exception: whatever pickling it raises.
    """
    file = io.BytesIO()
    ByValuePickler(file, protocol=5).dump(value)
    return file.getvalue()
