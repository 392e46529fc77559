"""`moved`: where a class lives now that is kept in journals under another name.

Knows no journal: it is a table of names.
"""

from __future__ import annotations

from typing import Any

__all__ = ["moved", "moved_to"]

_moved: dict[tuple[str, str], Any] = {}


def moved(old: str, new: Any) -> None:
    """Say where a class has moved to, so that results and arguments that were kept under its old name are read as it.

    Call it before the run that reads them, best where the class is defined. It need not be said of a class that the
    function of the run refers to, nor of one that was in the script and is in a module of the same name now.

    Args:
        old: module and name of before, as in `"project.shapes:Point"`; `"__main__:Point"` for one of a script.
        new: the class as it is now. Its fields have to be those that were kept.

    Raises:
        TypeError, ValueError: what was given, and what to write instead.

    >>> class Point: ...
    >>> moved("shapes:Point", Point)
    """
    if not isinstance(old, str) or not callable(new):
        raise TypeError(f'moved() takes a name and a class, as in moved("old.module:Name", Name), not {old!r}, {new!r}')
    module, sign, qualname = old.partition(":")
    if not sign or not all(part.isidentifier() for part in (*module.split("."), *qualname.split("."))):
        raise ValueError(f'{old!r} is no name of a class: write module and name, as in "old.module:Name"')
    _moved[module, qualname] = new


def moved_to(module: str, qualname: str) -> Any:
    """What has moved here from under this name; None where nothing has."""
    return _moved.get((module, qualname))
