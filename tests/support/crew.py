"""Runs and workers for tests of the Supervisor's parts: real books, with nobody behind the refs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from cuebook.actors.runs.run import Run, RunPlan, RunPolicy
from cuebook.actors.runs.sink import CommittedResults
from cuebook.actors.runs.slot import Slot
from cuebook.actors.runs.sources import ListSource
from cuebook.engines.calls.protocol import Setup
from cuebook.engines.port import LocalWork
from cuebook.errors import CallFailed
from cuebook.runtime.refs.ref import ActorRef
from cuebook.wire.codec import pack

__all__ = ["Post", "Shelf", "crewed_run"]


class Post:
    """Stands for an actor's ref: keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def tell_nowait(self, message: Any, urgent: bool = False) -> None:
        del urgent
        self.told.append(message)

    @property
    def ref(self) -> ActorRef:
        """Itself, as what it stands for."""
        return cast("ActorRef", self)


class Shelf:
    """A sink that keeps everything in order."""

    has_room = True

    def __init__(self) -> None:
        self.kept: list[CommittedResults | CallFailed] = []

    def keep(self, results: CommittedResults) -> Sequence[CallFailed]:
        self.kept.append(results)
        return ()

    def fail(self, error: CallFailed) -> None:
        self.kept.append(error)


def crewed_run(
    *, calls: int = 10, workers: int = 2, journal: ActorRef | None = None, number: int = 1, **policy: Any
) -> Run:
    """A run of calls `[0]`, `[1]` ... with workers that are ready; in a running loop only.

    Args:
        policy: of RunPolicy.
    """
    source = ListSource([[index] for index in range(calls)])
    run = Run(
        RunPlan(
            number,
            RunPolicy(**policy),
            source,
            Shelf(),
            LocalWork(abs, None, source.argument),
            setup=lambda worker: Setup(number, b"", b"", {"worker": worker}),
            encoder_for=lambda _: pack,
            journal=journal,
        )
    )
    for place in range(workers):
        slot = Slot(place, Post().ref, run.key)
        slot.is_ready = True
        run.slots.append(slot)
    return run
