"""Arguments of calls in outlines: whether two calls are the same but for the form of something, and what that is.

Pure: texts alone.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from typing import Any

from cuebook.persistence.identity.change_text import outline_lines
from cuebook.persistence.identity.outline_changes import outline_changes

__all__ = ["are_alike", "difference_lines"]

_DIGESTS = re.compile(r" #[0-9a-f]{8}(?: ~[0-9a-f]{8})?>")
_TYPED = re.compile(
    r"^(?:np\.\w+|array|PosixPath|WindowsPath|PurePosixPath|PureWindowsPath)\((.*?)(?:, \w+)?\)$", re.DOTALL
)


def are_alike(before: str, after: str) -> bool:
    """Whether two outlines show the same arguments but for their form: 1 and 1.0, a list and a tuple, a dict in another
    order, objects of one class that are not the same.

    >>> are_alike("n = 1", "n = 1.0"), are_alike("n = 1", "n = 2")
    (True, False)
    """
    changes = outline_changes(before, after)
    names = [line.partition(" = ")[0] for text in (before, after) for line in text.split("\n")]
    return all(_is_alike(change.before, change.after) for change in changes) and len(set(names)) > 0


def _is_alike(before: str, after: str) -> bool:
    if not before and not after:
        return True
    if not before or not after:
        return False
    if before.endswith(">") and after.endswith(">"):
        return _DIGESTS.sub(">", before) == _DIGESTS.sub(">", after)
    one, other = _value_of(before), _value_of(after)
    return one is not None and one == other


def difference_lines(before: Sequence[tuple[int, str]], after: str) -> Iterator[str]:
    """How a call differs from those in its place in earlier runs, in sentences.

    Args:
        before: number of each earlier run, the newest last, and the outline of its call.
        after: the outline of the call.
    """
    known = [(number, outline) for number, outline in before if outline]
    if not known or not after:
        return
    number, newest = known[-1]
    changed = {change.path: change for change in outline_changes(newest, after)}
    restless = set(changed)
    for _, older in known[:-1]:
        restless &= {change.path for change in outline_changes(older, after)}
        restless &= {change.path for change in outline_changes(older, newest)}
    for line, path in zip(outline_lines("argument ", newest, after), changed, strict=False):
        is_restless = len(known) > 1 and path in restless
        yield f"{line}{', different each time' if is_restless else f', beside run {number}'}"


def _value_of(text: str) -> Any:
    """What a text stands for, whatever its type: numbers by their value, sequences by their items."""
    typed = _TYPED.match(text)
    try:
        return _loose(ast.literal_eval(typed[1] if typed is not None else text))
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def _loose(value: Any) -> Any:
    if isinstance(value, bool | int | float | complex):
        return ("number", complex(value))
    if isinstance(value, list | tuple):
        return ("items", *map(_loose, value))
    if isinstance(value, set | frozenset):
        return ("set", *sorted(map(repr, map(_loose, value))))
    if isinstance(value, dict):
        return ("dict", *sorted(repr((_loose(name), _loose(part))) for name, part in value.items()))
    return (type(value).__name__, repr(value))
