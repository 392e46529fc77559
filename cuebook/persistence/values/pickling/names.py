"""Classes by module and name, for values that name theirs. Only ever asked for bytes that are trusted.

Knows no bytes.
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["resolve"]


def resolve(module: str, qualname: str) -> Any:
    """What stands under this name; imports the module where it is not loaded.

    Raises:
        LookupError: it cannot be had; the reason is its only argument.
    """
    if module == "__main__":
        from cuebook.persistence.values.pickling.pickles import namesake_in_main

        found: Any = namesake_in_main(qualname)
        if found is None:
            raise LookupError(f"this program's __main__ has no class {qualname}")
        return found
    try:
        found = importlib.import_module(module)
        for name in qualname.split("."):
            found = getattr(found, name)
    except Exception as error:  # whatever the user's module raises when it is imported
        raise LookupError(f"{type(error).__name__}: {error}") from error
    return found
