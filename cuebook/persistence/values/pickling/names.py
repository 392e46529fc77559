"""Classes by module and name, for values that name theirs, as the function knows them whose values they are.

Knows no bytes. Only ever asked for bytes that are trusted.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

from cuebook.persistence.values.pickling.own_names import is_own, own_object
from cuebook.persistence.values.pickling.renamed import moved_to

__all__ = ["Names", "resolve"]

_MAIN = ("__main__", "__mp_main__")


class Names:
    """What stands under the names that a journal has.

    A script that is imported, and a module that is run as a script, are the same file: its classes are those that the
    function refers to, whichever of the two had written the journal.

    Args:
        func: the function whose values are read; None: nobody's.
    """

    def __init__(self, func: Any = None) -> None:
        self._func = func
        self._home = str(getattr(func, "__module__", None) or "__main__")
        self._referred: list[type] | None = None

    def resolve(self, module: str, qualname: str) -> Any:
        """What stands under this name; imports the module where it is not loaded.

        Raises:
            LookupError: it cannot be had; the reason is its only argument.
        """
        found = moved_to(module, qualname)
        if found is None and module in _MAIN:
            found = self._of_home(qualname) or _of_script(qualname) or self._class_referred_to(qualname)
            if found is None:
                raise LookupError(f"this program's __main__ has no class {qualname}")
        if found is None and self._home in _MAIN and _is_script(module):
            found = _class_in("__main__", qualname)
        if found is None:
            found = self._own_class(module, qualname)
        return self._imported(module, qualname) if found is None else found

    def class_of_main(self, qualname: str) -> type | None:
        """The class of a script that stands under this name here; None where there is none."""
        found = moved_to("__main__", qualname) or self._of_home(qualname) or _class_in("__main__", qualname)
        return found if isinstance(found, type) else None

    def _own_class(self, module: str, qualname: str) -> type | None:
        """A class of this name that the function's own module defines, where the function refers to that one alone: the
        module has another name than before, and a copy of it may still be there.
        """
        own = _class_in(self._home, qualname)
        if own is None or own.__module__ != self._home or self._home == module:
            return None
        referred = [cls for cls in self._classes() if cls.__qualname__ == qualname]
        return own if own in referred and all(cls.__module__ != module for cls in referred) else None

    def _of_home(self, qualname: str) -> Any:
        return None if self._home in _MAIN else _class_in(self._home, qualname)

    def _imported(self, module: str, qualname: str) -> Any:
        try:
            if is_own(module):
                return own_object(module, qualname)
            found: Any = importlib.import_module(module)
            for name in qualname.split("."):
                found = getattr(found, name)
        except Exception as error:  # whatever the user's module raises when it is imported
            found = self._class_referred_to(qualname)
            if found is None:
                advice = f'; if it has moved, say where: cuebook.moved("{module}:{qualname}", ...)'
                raise LookupError(f"{type(error).__name__}: {error}{advice}") from error
        return found

    def _class_referred_to(self, qualname: str) -> type | None:
        """A class of this name that the function refers to, itself or by what it calls."""
        if self._func is None:
            return None
        found = _class_in(self._home, qualname)
        return found or next((cls for cls in self._classes() if cls.__qualname__ == qualname), None)

    def _classes(self) -> list[type]:
        if self._referred is None:
            from cuebook.persistence.identity.code.graph import classes_referred_to

            self._referred = [] if self._func is None else classes_referred_to(self._func)
        return self._referred


def resolve(module: str, qualname: str) -> Any:
    """`Names.resolve` for values that are no function's."""
    return Names().resolve(module, qualname)


def _of_script(qualname: str) -> Any:
    from cuebook.persistence.values.pickling.pickles import namesake_in_main

    return namesake_in_main(qualname)


def _class_in(module: str, qualname: str) -> type | None:
    found: Any = sys.modules.get(module)
    for name in qualname.split("."):
        found = getattr(found, name, None)
    return found if isinstance(found, type) else None


def _is_script(module: str) -> bool:
    """Whether a module is the very file that this program runs as its script."""
    main = sys.modules.get("__main__")
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    if spec is not None and spec.name == module:
        return True
    if not isinstance(file, str) or os.path.basename(file).partition(".")[0] != module.rpartition(".")[2]:
        return False
    try:
        found = sys.modules.get(module)
        origin = importlib.util.find_spec(module) if found is None else getattr(found, "__spec__", None)
        return origin is not None and origin.origin is not None and Path(origin.origin).samefile(file)
    except (ImportError, OSError, ValueError, AttributeError):
        return False
