"""What a user is told that is no error: a line on standard error, and a log record."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator
from contextvars import ContextVar

from cuebook.logs import get_logger
from cuebook.wording import printable

__all__ = ["notice", "said_once", "say"]

_said: ContextVar[set[str] | None] = ContextVar("cuebook_said", default=None)


@contextlib.contextmanager
def said_once() -> Iterator[None]:
    """Within, a line that differs from an earlier one in its numbers alone is not said again: many runs are alike."""
    token = _said.set(set())
    try:
        yield
    finally:
        _said.reset(token)


def _is_said(text: str) -> bool:
    """Whether this was said already where it is to be said once."""
    said = _said.get()
    if said is None:
        return False
    key = re.sub(r"\d[\d,.]*", "0", text)
    was_said = key in said
    said.add(key)
    return was_said


def notice(text: str) -> None:
    """Say it. Never raises, and is no Python warning: those become errors where a program wants that."""
    get_logger("cuebook.notices").warning(text)
    say(text)


def say(text: str) -> None:
    """One line on standard error, as it is just now; a stream that is closed or gone is no error."""
    stream = sys.stderr
    if stream is not None and not _is_said(text):
        with contextlib.suppress(Exception):  # a program may have put anything in its place
            stream.write(f"cuebook: {printable(text)}\n")
            stream.flush()
