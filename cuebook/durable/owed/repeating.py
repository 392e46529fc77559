"""Reminders that come again and again: when the next one is due, and what of those that were missed. Pure.

A duty has no room for a period, so its message says it: a `Repeated` around the real one.
"""

from __future__ import annotations

import math
from enum import StrEnum

from cuebook.wire.message import message

__all__ = ["MISSED_S", "Missed", "Repeated", "first_not_missed", "next_due"]

MISSED_S = 60.0
"""A tick that is later than this, or than half of its period, was missed."""


class Missed(StrEnum):
    """What becomes of the ticks that were due while the program did not run, or could not handle them."""

    ALL = "all"
    """Each is received, one after the other."""
    ONE = "one"
    """They are received as one."""
    NONE = "none"
    """None is received; the next one is the first that is due from now on."""


@message(tag=74)
class Repeated:
    """The message of a reminder that repeats: `frame` is received every `every_s` seconds."""

    every_s: float
    missed: str
    frame: bytes


def next_due(repeated: Repeated, due: float, now: float) -> float:
    """When the tick after the one of `due` is due, in seconds since 1970: a whole number of periods later, so that
    nothing adds up.
    """
    if repeated.missed == Missed.ALL or now < due:
        return due + repeated.every_s
    count = math.floor((now - due) / repeated.every_s) + 1
    later = due + count * repeated.every_s
    return later if later > now else later + repeated.every_s


def first_not_missed(repeated: Repeated, due: float, now: float) -> float:
    """When the first tick from that of `due` on is due which is still to be received; `due` where that one is."""
    patience_s = min(MISSED_S, repeated.every_s / 2)
    if repeated.missed != Missed.NONE or now - due <= patience_s:
        return due
    latest = due + math.floor((now - due) / repeated.every_s) * repeated.every_s
    return latest if now - latest <= patience_s else next_due(repeated, due, now)
