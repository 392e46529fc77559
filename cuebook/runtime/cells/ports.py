"""The system as its cells see it. Knows neither."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from cuebook.clock import Clock
from cuebook.runtime.cells.context import SystemView
from cuebook.runtime.cells.spec import ActorSpec
from cuebook.runtime.refs.deadlines import Deadlines
from cuebook.runtime.refs.ready import ReadyQueue
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.reports.deadletters import DeadLetters
from cuebook.runtime.reports.shutdown import Shutdown
from cuebook.runtime.tasks.tasks import Tasks

__all__ = ["NO_CHILDREN", "Parent", "SystemPort"]


NO_CHILDREN: dict[str, Any] = {}
"""What an actor has that never had children: never written to."""


class Parent(Protocol):
    """An actor that has children."""

    children: dict[str, Any]

    def kill(self, error: BaseException | None = None) -> None:
        """End the incarnation as a failure."""


class SystemPort(SystemView, Protocol):
    """The system as its cells see it."""

    id: bytes
    loop: asyncio.AbstractEventLoop
    clock: Clock
    deadlines: Deadlines
    ready: ReadyQueue
    dead_letters: DeadLetters
    shutdown: Shutdown
    observation: Any
    is_cut_short: bool
    """Whether the system ends by force, and has cancelled all that was under way before."""

    def tasks(self) -> Tasks:
        """What awaits for its actors."""

    def now(self) -> float:
        """Monotonic seconds."""

    def next_serial(self) -> int:
        """A number that no other actor of the system has."""

    def draw(self) -> float:
        """Chance, 0 to 1."""

    def start(self, spec: ActorSpec, parent: Parent | None) -> ActorRef:
        """Start an actor."""

    def forget(self, name: str) -> None:
        """An actor has ended for good."""

    def is_traced(self, name: str) -> bool:
        """Whether what this actor does is told."""

    def trace(self, name: str, on: bool = True) -> None:
        """Trace an actor, or not any more."""

    def fail(self, error: BaseException) -> None:
        """The system itself is broken: end the block that it lives in with this error."""
