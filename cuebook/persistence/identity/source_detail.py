"""Source text as the detail of a part: whole where it is short, else its beginning and digests of the lines behind it.

Pure: texts alone.
"""

from __future__ import annotations

import re

from cuebook.persistence.identity.digest import blake16

__all__ = ["line_changes", "shown_source", "source_detail"]

_CHARACTERS_MAX = 2048
_HEAD_CHARACTERS = 1500
_BLOCKS_MAX = 100
_TAIL = re.compile(r"^<(\d+) more lines by (\d+): ([0-9a-f ]+)>$")


def source_detail(text: str) -> str:
    """At most 2,048 characters, from which `line_changes` can tell the lines that differ."""
    if len(text) <= _CHARACTERS_MAX:
        return text
    lines, size, count = text.split("\n"), 0, 0
    while count < len(lines) and size + len(lines[count]) < _HEAD_CHARACTERS:
        size += len(lines[count]) + 1
        count += 1
    rest = lines[count:]
    block = -(-len(rest) // _BLOCKS_MAX)
    blocks = ["\n".join(rest[at : at + block]) for at in range(0, len(rest), block)]
    digests = " ".join(blake16(each.encode("utf-8", "surrogatepass")).hex()[:4] for each in blocks)
    return "\n".join([*lines[:count], f"<{len(rest)} more lines by {block}: {digests}>"])


def shown_source(detail: str) -> list[str]:
    """The lines of a detail that are text."""
    lines = detail.split("\n")
    return lines[:-1] if _TAIL.match(lines[-1]) else lines


def line_changes(before: str, after: str) -> list[tuple[int, int]]:
    """Stretches of lines of the later text, from 1, that differ behind what both details show.

    >>> long = "\\n".join(f"line {n} of a text" for n in range(200))
    >>> line_changes(source_detail(long), source_detail(long.replace("line 150 ", "line x ")))
    [(151, 152)]
    """
    one, other = (_TAIL.match(text.split("\n")[-1]) for text in (before, after))
    if one is None or other is None or one[2] != other[2]:
        return []
    start, block = len(shown_source(after)), int(other[2])
    pairs = zip(one[3].split(), other[3].split(), strict=False)
    changed = [place for place, (old, new) in enumerate(pairs) if old != new]
    return [(start + place * block + 1, start + (place + 1) * block) for place in changed]
