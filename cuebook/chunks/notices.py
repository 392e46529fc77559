"""Notices: what a user is told that is no error. A line on standard error, a log record, and an event of the run.

Never Python warnings: under `-W error` those end a run, and else they are shown once a place.
"""

from __future__ import annotations

from cuebook.actors.runs.progress import Event, EventKind
from cuebook.notices import say

__all__ = ["say_notices"]


def say_notices(event: Event) -> None:
    """A listener of a run that has no bar: each notice becomes a line on standard error."""
    if event.kind is EventKind.NOTICE:
        say(event.detail)
