"""A difference between two functions, or two calls, in words. Pure: texts alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cuebook.persistence.identity.outline_changes import PartChange, is_reordered, outline_changes, whole_of

if TYPE_CHECKING:
    from cuebook.persistence.identity.parts import Change

__all__ = ["SHOWN_MAX", "change_lines", "is_of_code", "is_restless_part", "outline_lines", "shortened_text"]

SHOWN_MAX = 80
"""Characters of a value that are shown."""

REORDERED = "same items in another order"
_CODE = ("code of ", "module ", "class ")
_DIGESTS = re.compile(r" #[0-9a-f]{8}(?: ~[0-9a-f]{8})?>")
_GENERATOR = re.compile(r"^<(Random|Generator|RandomState|PCG64|MT19937|Philox|SFC64|SeedSequence) #")
_OTHER_STATE = "a random generator in another state; where nobody seeds it, it is another one in each start"


def is_of_code(label: str) -> bool:
    """Whether a part is source text, by its label."""
    return label.startswith(_CODE)


def change_lines(change: Change) -> Iterator[str]:
    """What differs in a part: of source text its label alone, of a value each innermost part that can be told."""
    if is_of_code(change.label):
        yield change.label if change.kind == "changed" else f"{change.label}: {change.kind}"
    elif change.kind != "changed":
        detail = whole_of(change.after if change.kind == "added" else change.before)
        yield f"{change.label}: {change.kind}{f', {shortened_text(detail)}' if detail else ''}"
    else:
        yield from outline_lines(change.label, change.before, change.after)


def outline_lines(label: str, before: str, after: str) -> Iterator[str]:
    """How two outlines of a value differ; `label` is what the value is called."""
    found = outline_changes(before, after)
    if not found:
        yield f"{label}: differs"
    for each in found:
        yield f"{_placed(label, each.path)}: {_told(each)}"


def is_restless_part(older: str, before: str, after: str) -> bool:
    """Whether one and the same part of an object differs in any two of three outlines: it is another one each time."""
    steps = [
        {change.path for change in outline_changes(*pair)}
        for pair in ((older, before), (before, after), (older, after))
    ]
    changed = outline_changes(before, after)
    is_inner = all("." in change.path or change.after.endswith(">") for change in changed)
    return bool(changed) and is_inner and steps[0] == steps[1] == steps[2]


def _told(change: PartChange) -> str:
    before, after = change.before, change.after
    if is_reordered(before, after):
        return REORDERED
    if _GENERATOR.match(before) and _GENERATOR.match(after):
        return _OTHER_STATE
    one, other = shortened_text(before), shortened_text(after)
    if not before or not after:
        return f"added, {other}" if after else f"gone, {one}" if before else "differs"
    return "differs" if one == other else f"{one} -> {other}"


def _placed(label: str, path: str) -> str:
    """The label with a path behind the name in it: "closure client.headers of f"."""
    words = label.split(" ")
    if not path:
        return label
    if len(words) > 1 and words[1] == "of":  # state of C
        return f"{words[0]} {path} {' '.join(words[1:])}"
    return " ".join([*words[:1], words[1] + path, *words[2:]]) if len(words) > 1 else label + path


def shortened_text(text: str) -> str:
    """A text in one line, without digests, and not too long."""
    text = " ".join(_DIGESTS.sub(">", text).split())
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}..."
