"""Options that are one of a few words, and names that are near those of options."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, TypeVar

__all__ = ["meant_by", "one_of"]

_E = TypeVar("_E", bound=StrEnum)


def one_of(kind: type[_E], value: Any, what: str) -> _E:
    """The member of an enum that is meant, by itself or by its word.

    Parameters:
        what: "restart of 'counter'", for the error.

    Raises:
        ValueError: it is none; the text says which there are.
    """
    try:
        return kind(value)
    except ValueError:
        raise ValueError(f"{what} is one of {', '.join(map(str, kind))}, not {value!r}") from None


_ELSEWHERE = {
    "workers": ("n_jobs", "max_workers", "num_workers", "n_workers", "num_proc", "processes", "concurrency"),
    "batch": ("chunksize", "batch_size"),
    "retries": ("max_retries", "max_attempts"),
    "where": ("backend", "executor", "engine", "prefer"),
    "path": ("filename", "checkpoint", "cache", "cache_dir", "journal"),
    "progress_bar": ("progress", "show_progress", "verbose", "tqdm", "desc"),
    "errors": ("return_exceptions", "on_error"),
    "ignore": ("exclude",),
    "depends": ("depends_on", "dependencies"),
    "memory_limit": ("max_memory",),
}
"""What options are called in other libraries."""


def meant_by(unknown: str, options: Iterable[str]) -> str:
    """The end of a sentence that says which of the options a name may stand for; "" where nobody can tell."""
    from difflib import get_close_matches

    near = [name for name, others in _ELSEWHERE.items() if unknown in others]
    near = near or get_close_matches(unknown, list(options), 1)
    return f"; did you mean {near[0]!r}?" if near else ""
