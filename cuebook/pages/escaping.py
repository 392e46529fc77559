"""Plain text as it stands in a page. Knows nothing of what it says."""

from __future__ import annotations

import html

from cuebook.wording import printable

__all__ = ["escaped"]


def escaped(text: str) -> str:
    """The text for HTML and SVG, without control characters: XML has no place for them."""
    return html.escape(printable(text))
