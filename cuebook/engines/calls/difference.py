"""What a worker imported otherwise than its parent: found there, put in words here. Knows no worker and no run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from cuebook.persistence.identity.fingerprint import Fingerprint

__all__ = ["Seen", "advice", "comparable", "difference", "in_words", "is_value", "seen"]

_VALUES = ("global ", "default ", "closure ", "attribute ", "wrapped function ")
_SHOWN_MAX = 80
_BYTECODE = "<bytecode of Python "


class Seen(NamedTuple):
    """A part of a function as one process sees it; `digest` is "" where it is not there at all."""

    label: str
    digest: str
    detail: str
    place: str


def comparable(print_: Fingerprint) -> list[list[Any]]:
    """Of each part the label, the digest and whether a worker imports it; nothing where it imports none."""
    imported = dict(print_.imported)
    return [[part.label, part.digest, part.label in imported] for part in print_.code_parts] if imported else []


def difference(print_: Fingerprint, parts: Sequence[Sequence[Any]]) -> Seen | None:
    """The first part, by label, that was imported here and is not what the parent has, or that only the parent imports.

    What came by value is the parent's own, and is not looked at.
    """
    here = {part.label: part.digest for part in print_.parts}
    there = {label: digest for label, digest, _ in parts}
    gone = {label for label, _, is_imported in parts if is_imported} - here.keys()
    imported = {label for label, _ in print_.imported}
    for label in sorted(imported | gone):
        if here.get(label) != there.get(label):
            return seen(print_, label)
    return None


def seen(print_: Fingerprint, label: str) -> Seen:
    """The part of this label."""
    part = next((part for part in print_.parts if part.label == label), None)
    place = dict(print_.imported).get(label, "")
    return Seen(label, "", "", place) if part is None else Seen(label, part.digest, part.detail, place)


def in_words(here: Seen, there: Seen) -> str:
    """How the two processes see a part: a sentence without its full stop.

    Parameters:
        here: as the parent sees it. there: as a worker does that has imported its modules.
    """
    place = here.place or there.place
    where = f" ({place})" if place else ""
    tell = _value if is_value(here.label) else _code
    worker = "a worker, which imports its module anew"
    return f"{here.label}{where} is {tell(here)} in this program and {tell(there)} in {worker}"


def advice(here: Seen, there: Seen) -> str:
    """What to do about a part that cannot be sent by value either."""
    if is_value(here.label):
        return "Set it where its module is imported, or pass it as an argument"
    forms = [part.detail.startswith(_BYTECODE) for part in (here, there)]
    if here.digest and there.digest and forms[0] != forms[1]:
        return f"In {'this program' if forms[0] else 'the worker'} no source was found that compiles to what runs"
    return "Its file has changed since this program imported it, or what it defines depends on the process: start anew"


def is_value(label: str) -> bool:
    """Whether a part is a value, which may be set, and no code."""
    return label.startswith(_VALUES)


def _value(part: Seen) -> str:
    if not part.digest:
        return "not defined"
    if len(part.detail) <= _SHOWN_MAX:
        return part.detail
    return f"{part.detail[:_SHOWN_MAX]}... (digest {part.digest[:8]})"


def _code(part: Seen) -> str:
    if not part.digest:
        return "not there"
    form = "bytecode" if part.detail.startswith(_BYTECODE) else "source text"
    return f"known by its {form} (digest {part.digest[:8]})"
