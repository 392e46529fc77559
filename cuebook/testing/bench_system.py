"""The system that an actor on a bench sees: other actors are stubs, and what is started is written down."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from typing import Any, Unpack

from cuebook.runtime.cells.services import Services
from cuebook.runtime.cells.spec import Factory, SpawnOptions, make_spec
from cuebook.runtime.refs.deadlines import Deadlines
from cuebook.runtime.refs.ready import ReadyQueue
from cuebook.runtime.refs.ref import ActorRef, homes
from cuebook.runtime.refs.status import ActorStatistics, TreeNode
from cuebook.testing.effects import Effect, Sent, Spawned
from cuebook.testing.stub import Answer, StubTarget
from cuebook.testing.virtual_time import VirtualClock

__all__ = ["BenchSystem"]


class BenchSystem:
    """The system that the actor on a bench sees: others are stubs. A `SystemView`."""

    def __init__(self, name: str, record: Callable[[Effect], None], clock: VirtualClock, ready: ReadyQueue) -> None:
        self.name = name
        self.id = os.urandom(16)
        self.services = Services()
        self.extensions: dict[str, Any] = {}
        self.deadlines = Deadlines(clock, clock.monotonic)
        self.ready = ready
        self.stubs: dict[str, StubTarget] = {}
        self._record = record
        self._serials = itertools.count(1)
        homes[self.id] = self

    def stub(self, name: str, answer: Answer | None = None) -> ActorRef:
        """The stub of this name; with an answer from now on, where one is given."""
        found = self.stubs.get(name)
        if found is None:
            found = self.stubs[name] = StubTarget(
                name, self.id, self.deadlines, ready=self.ready, sent=self.sent, answer=answer
            )
        elif answer is not None:
            found.answer = answer
        return found.ref

    def spawn(self, factory: Factory[Any], *, name: str, **options: Unpack[SpawnOptions]) -> ActorRef:
        """Write down that an actor is started. Raises as `ActorSystem.spawn`."""
        make_spec(factory, name, options)
        self._record(Spawned(name, factory, options))
        return self.stub(name)

    def actor(self, name: str) -> ActorRef:
        """The stub of this name. Raises KeyError where there is none."""
        if name not in self.stubs:
            raise KeyError(f"no actor {name!r} is on the bench; there are: {', '.join(self.stubs) or 'none'}")
        return self.stubs[name].ref

    def next_serial(self) -> int:
        """A number that no other actor of the bench has."""
        return next(self._serials)

    def find(self, name: str, serial: int) -> ActorRef | None:
        """For refs that come out of messages."""
        stub = self.stubs.get(name)
        return None if stub is None or stub.serial != serial else stub.ref

    def tree(self) -> TreeNode:
        """The stubs."""
        return TreeNode(self.name, None, tuple(TreeNode(name, None, ()) for name in self.stubs))

    def statistics(self) -> dict[str, ActorStatistics]:
        """Of the stubs: all zero."""
        return {name: stub.statistics() for name, stub in self.stubs.items()}

    def sent(self, to: str, message: Any, is_ask: bool) -> None:
        self._record(Sent(to, message, is_ask))
