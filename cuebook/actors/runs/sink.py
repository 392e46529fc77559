"""The port that committed outcomes leave by. Knows no list and no stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cuebook.errors import CallFailed

__all__ = ["CommittedResults", "Sink"]


@dataclass(frozen=True, slots=True)
class CommittedResults:
    """Finished calls on their way to the sink: the journal's bytes, unopened."""

    indexes: Sequence[int]
    head: bytes
    body: bytes


class Sink(Protocol):
    """Where committed outcomes go, in the order of their commits."""

    @property
    def has_room(self) -> bool:
        """Whether more calls may be started for it."""

    def keep(self, results: CommittedResults) -> Sequence[CallFailed]:
        """Finished calls. Returns the errors of those that are kept but cannot be rebuilt here."""

    def fail(self, error: CallFailed) -> None:
        """One failed call."""
