"""What the Supervisor sends to the Journal in one message, and who hears of it when it is on disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cuebook.actors.run import Kept, Run, Slot
from cuebook.errors import CallFailed

__all__ = ["Acknowledgement", "Writing"]


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A call waits for its checkpoint: `place` is that of its record among the entries, `host` which host asked."""

    slot: Slot
    host: int
    ticket: int
    index: int
    number: int
    place: int


@dataclass(slots=True)
class Writing:
    """Entries of one run, gathered during a slice; `size` is in bytes."""

    run: Run
    entries: list[list[Any]] = field(default_factory=list)
    states: list[list[Any]] = field(default_factory=list)
    outcomes: list[Kept | CallFailed] = field(default_factory=list)
    acks: list[Acknowledgement] = field(default_factory=list)
    count: int = 0
    size: int = 0
    closes: bool = False
