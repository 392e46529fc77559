"""Arguments as a call gets them: a path in place of each `File`.

Light: imported by worker processes at start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["with_paths"]

_CONTAINERS = frozenset({list, tuple, set, frozenset, dict})
_DEPTH_MAX = 16


def with_paths(invoke: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, called with a `pathlib.Path` for each File, also in lists, tuples, sets and dicts."""

    def called(*args: Any, **kwargs: Any) -> Any:
        return invoke(*map(_as_called, args), **{name: _as_called(value) for name, value in kwargs.items()})

    return called


def _as_called(value: Any, depth: int = 0) -> Any:
    kind = type(value)
    if kind not in _CONTAINERS or depth > _DEPTH_MAX:
        return value.path if (kind.__module__, kind.__name__) == ("cuebook", "File") else value
    old = [part for pair in value.items() for part in pair] if kind is dict else list(value)
    new = [_as_called(part, depth + 1) for part in old]
    if all(one is other for one, other in zip(old, new, strict=True)):
        return value
    return dict(zip(new[::2], new[1::2], strict=True)) if kind is dict else kind(new)
