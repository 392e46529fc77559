"""What a fingerprint is made of, and how two of them differ.

Knows nothing of code: labels, digests and readable details alone.
"""

from __future__ import annotations

import reprlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "ALGORITHM",
    "DETAIL_MAX",
    "Change",
    "Fingerprint",
    "Part",
    "compare",
    "name_in_label",
    "name_of",
    "readable",
]

ALGORITHM = 2
"""Number of the identity rules; a journal with another one was written under other rules, not other code."""

DETAIL_MAX = 2048
"""Upper bound of a part's detail, in characters."""


@dataclass(frozen=True, init=False)
class Part:
    """One thing that a fingerprint counts: "code of helpers.clean", "global THRESH", "default k of f".

    Attributes:
        label: what it is, for people.
        digest: 32 hex digits of its content.
        detail: its source text or value, readable, cut at 2,048 characters. Given as a function, it is made when it is
            read: a run that is known needs none.
    """

    label: str
    digest: str
    detail: str

    def __init__(self, label: str, digest: str, detail: str | Callable[[], str] = "") -> None:
        own = self.__dict__
        own["label"], own["digest"] = label, digest
        own["_made" if callable(detail) else "detail"] = detail

    def __getattr__(self, name: str) -> str:
        if name != "detail":
            raise AttributeError(name)
        detail: str = self.__dict__.pop("_made")()[:DETAIL_MAX]
        self.__dict__["detail"] = detail
        return detail


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What makes a function the same function.

    Attributes:
        name: the function's qualified name.
        digest: 16 bytes; equal for equal functions, over processes, hash seeds and places.
        parts: what counts, sorted by label.
        opaque: what the function refers to but nobody can see into, sorted.
        packages: (name, version) of installed packages that it refers to; recorded, not counted.
        code_parts: those parts that come with the function itself, and not with `depends` or a Worker class.
        imported: (label, place) of the parts that another process gets by importing a module of the user's, not by
            value, and the file and line of what they are parts of.
        subclasses: those that the code finds by asking classes for them; nothing else leads to them.
    """

    name: str
    digest: bytes
    parts: tuple[Part, ...]
    opaque: tuple[str, ...]
    packages: tuple[tuple[str, str], ...]
    code_parts: tuple[Part, ...] = ()
    imported: tuple[tuple[str, str], ...] = ()
    subclasses: tuple[type, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Change:
    """A difference between two fingerprints: the part's label, and its detail before and after."""

    label: str
    kind: Literal["changed", "added", "gone"]
    before: str
    after: str


def compare(before: Sequence[Part], after: Sequence[Part]) -> list[Change]:
    """What changed from one fingerprint's parts to another's, sorted by label.

    A part that is the same under another label (a helper that moved to another module) is no change.
    """
    old = {part.label: part for part in before}
    new = {part.label: part for part in after}
    kept = {part.digest for part in before} & {part.digest for part in after}
    changes: list[Change] = []
    for label in sorted(old.keys() | new.keys()):
        was, now = old.get(label), new.get(label)
        if was is not None and now is not None:
            if was.digest != now.digest:
                changes.append(Change(label, "changed", was.detail, now.detail))
        elif was is not None and was.digest not in kept:
            changes.append(Change(label, "gone", was.detail, ""))
        elif now is not None and now.digest not in kept:
            changes.append(Change(label, "added", "", now.detail))
    return changes


def name_in_label(label: str) -> str:
    """The name that a value stands under, by the label of its part.

    >>> [name_in_label(label) for label in ("global helpers.API_KEY", "default token of f", "partial token of f")]
    ['API_KEY', 'token', 'token']
    """
    words = label.split(" ")
    return words[1].rpartition(".")[2] if len(words) > 1 else ""


class _Readable(reprlib.Repr):
    """Short text of a value: sets sorted, never an address."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 120
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = self.maxfrozenset = 12

    def repr_instance(self, x: Any, level: int) -> str:
        if type(x) in (float, bool, type(None), complex, bytes, range):
            return repr(x)[: self.maxother]
        if isinstance(getattr(x, "__qualname__", None), str):
            return str(x.__qualname__)
        shape = getattr(x, "shape", None)
        return f"<{type(x).__name__}{f' {shape}' if isinstance(shape, tuple) else ''}>"


def name_of(item: Any) -> str | None:
    """The qualified name of a function or class; None for anything without one. Never raises."""
    for attribute in ("__qualname__", "__name__"):
        try:
            name = getattr(item, attribute, None)
        except Exception:  # a class of the user's that raises for what it does not know
            name = None
        if isinstance(name, str):
            return name
    return None


def readable(value: Any) -> str:
    """A short text of a value, the same in every process."""
    try:
        return _Readable().repr(value)[:DETAIL_MAX]
    except Exception:  # a class of the user's with odd attributes
        return f"<{type(value).__name__}>"
