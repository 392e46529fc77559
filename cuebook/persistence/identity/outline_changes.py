"""How two outlines differ: the innermost parts that both show and that are not the same. Pure: texts alone."""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

__all__ = ["PartChange", "is_reordered", "outline_changes", "whole_of"]

_BLOCKS = re.compile(r"<(\d+) by (\d+): ([0-9a-f ]*)>")
_BLOCKS_TOLD_MAX = 3
_DIGESTS = re.compile(r" #([0-9a-f]{8})(?: ~([0-9a-f]{8}))?>$")


class PartChange(NamedTuple):
    """A part that differs: where it is (empty: the value itself), and its text before and after.

    An empty text: the part is not there; both are empty where nothing is known but that it differs.
    """

    path: str
    before: str
    after: str


def outline_changes(before: str, after: str) -> list[PartChange]:
    """The differences of two outlines, in the order of the later one.

    A part is named where both show it, and none where only what holds it is shown.

    >>> outline_changes("<P #00000001>\\n.x = 1\\n.y = 2", "<P #00000002>\\n.x = 1\\n.y = 3")
    [PartChange(path='.y', before='2', after='3')]
    """
    old, new = _entries(before), _entries(after)
    changed = [path for path in (*new, *(path for path in old if path not in new)) if old.get(path) != new.get(path)]
    told = [path for path in changed if _is_told(path, old, new)]
    innermost = [path for path in told if not any(other != path and _is_within(other, path) for other in told)]
    innermost = [path for path in innermost if not (path.endswith("[*]") and _is_told_of(path[:-3], innermost))]
    return [change for path in innermost for change in _changes_at(path, old.get(path, ""), new.get(path, ""))]


def _changes_at(path: str, before: str, after: str) -> list[PartChange]:
    if not path.endswith("[*]"):
        return [PartChange(path, before, after)]
    one, other = _BLOCKS.match(before), _BLOCKS.match(after)
    if one is None or other is None:
        return []
    count, size = int(other[1]), int(other[2])
    pairs = enumerate(zip(one[3].split(), other[3].split(), strict=False))
    starts = [place * size for place, (old, new) in pairs if old != new]
    return [
        PartChange(path[:-2] + _span(start, min(start + size, count)), "", "") for start in starts[:_BLOCKS_TOLD_MAX]
    ]


def _span(start: int, end: int) -> str:
    return f"{start}]" if end == start + 1 else f"{start}:{end}]"


def _entries(text: str) -> dict[str, str]:
    entries: dict[str, str] = {}
    for place, line in enumerate(text.split("\n")):
        path, sign, value = line.partition(" = ")
        is_part = bool(sign) and (place > 0 or not line.startswith("<")) and _looks_like_a_path(path)
        entries[path if is_part else ""] = value if is_part else line
    return entries


def _looks_like_a_path(path: str) -> bool:
    return path.startswith((".", "[")) or path.replace(".", "_").replace("[", "_").partition("_")[0].isidentifier()


def _is_told(path: str, old: dict[str, str], new: dict[str, str]) -> bool:
    """Whether a difference is one: of a part that one side alone shows only where the other shows its neighbours."""
    if path in old and path in new:
        is_cut_alike = path.endswith("[*]") and old[path].partition(":")[0] == new[path].partition(":")[0]
        return is_cut_alike or not path.endswith("[*]")
    if path.endswith("[*]"):
        return False
    other = old if path in new else new
    parent = _parent(path, old.keys() | new.keys())
    return any(_parent(each, other) == parent for each in other if each)


def _is_told_of(outer: str, paths: list[str]) -> bool:
    return any(path != f"{outer}[*]" and path != outer and _is_within(path, outer) for path in paths)


def _parent(path: str, paths: object) -> str | None:
    known = [each for each in paths if each != path and _is_within(path, each)]  # type: ignore[attr-defined]
    return max(known, key=len, default=None)


def _is_within(path: str, outer: str) -> bool:
    return path.startswith(outer) and (not outer or path[len(outer)] in ".[")


def is_reordered(before: str, after: str) -> bool:
    """Whether two texts show a dict of the same items in another order.

    >>> is_reordered("{'a': f, 'b': g}", "{'b': g, 'a': f}")
    True
    """
    one, other = _DIGESTS.search(before), _DIGESTS.search(after)
    if one is not None and other is not None:
        return one[2] is not None and one[2] == other[2] and one[1] != other[1]
    items = _items(before)
    return before != after and items is not None and items == _items(after)


def _items(text: str) -> list[str] | None:
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if not isinstance(tree, ast.Dict):
        return None
    pairs = zip(tree.keys, tree.values, strict=True)
    return sorted(f"{ast.unparse(name)}: {ast.unparse(value)}" for name, value in pairs if name is not None)


def whole_of(text: str) -> str:
    """The first line of an outline, which stands for the whole value."""
    return text.partition("\n")[0]
