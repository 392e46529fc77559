"""A log record on its way from a child process to its parent's handlers. Knows no call and no actor."""

from __future__ import annotations

from dataclasses import dataclass

from cuebook.wire.message import message

__all__ = ["Logged"]


@message(tag=17)
@dataclass(frozen=True, slots=True)
class Logged:
    """A record of the standard logging, made in a child, for the parent's handlers: bytes of `log_records`."""

    data: bytes
