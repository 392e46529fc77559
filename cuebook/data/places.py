"""Which line of the user's program calls us. Knows no chain."""

from __future__ import annotations

import sys
from pathlib import Path

from cuebook.data.plan import CodePlace

__all__ = ["users_place"]

_OURS = str(Path(__file__).parent)


def users_place() -> CodePlace:
    """The innermost line of the calls that led here which is not in this folder."""
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(_OURS) and not file.startswith("<frozen"):
            return CodePlace(file, frame.f_lineno)
        frame = frame.f_back  # type: ignore[assignment]
    return CodePlace()
