"""What a user is told that is no error: a line on standard error, and a log record."""

from __future__ import annotations

import contextlib
import sys

from cuebook.logs import get_logger

__all__ = ["notice", "say"]


def notice(text: str) -> None:
    """Say it. Never raises, and is no Python warning: those become errors where a program wants that."""
    get_logger("cuebook.notices").warning(text)
    say(text)


def say(text: str) -> None:
    """One line on standard error, as it is just now; a stream that is closed or gone is no error."""
    stream = sys.stderr
    if stream is not None:
        with contextlib.suppress(Exception):  # a program may have put anything in its place
            stream.write(f"cuebook: {text}\n")
            stream.flush()
