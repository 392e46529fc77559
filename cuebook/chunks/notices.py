"""Notices: what a user is told that is no error. A line on standard error, a log record, and an event of the run.

Never Python warnings: under `-W error` those end a run, and else they are shown once a place.
"""

from __future__ import annotations

import contextlib
import sys

from cuebook.actors.run import Event, EventKind

__all__ = ["say", "say_notices"]


def say_notices(event: Event) -> None:
    """A listener of a run that has no bar: each notice becomes a line on standard error."""
    if event.kind is EventKind.NOTICE:
        say(event.detail)


def say(text: str) -> None:
    """One line on standard error, as it is just now; a stream that is closed or gone is no error."""
    stream = sys.stderr
    if stream is not None:
        with contextlib.suppress(Exception):  # a program may have put anything in its place
            stream.write(f"cuebook: {text}\n")
            stream.flush()
