"""Where actors live: one task group, the names, ordered shutdown. Knows no handler and no policy."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import time
from asyncio import CancelledError
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from anyio import CancelScope, create_task_group
from anyio.abc import TaskGroup

from cuebook.runtime.cell import Cell
from cuebook.runtime.clock import Clock, SystemClock
from cuebook.runtime.deadletters import DeadLetters
from cuebook.runtime.deadlines import Deadlines
from cuebook.runtime.errors import ActorStopped
from cuebook.runtime.group import Group, SupervisorRef
from cuebook.runtime.premises import NO_CHILDREN, Parent
from cuebook.runtime.ref import ActorRef, homes
from cuebook.runtime.services import Services
from cuebook.runtime.spec import ActorSpec, Factory, SpawnOptions, make_spec
from cuebook.runtime.status import ActorStatistics, TreeNode
from cuebook.runtime.strategy import SupervisorSpec
from cuebook.runtime.supervision import Restart

__all__ = ["ActorSystem"]

_A = TypeVar("_A")


class ActorSystem:
    """An async context manager that actors live in; several may share a loop. There is no global state.

    A normal end of the block drains every actor. After an error what is queued is answered with ActorStopped.
    When the block is cancelled, handlers are cancelled too, `on_stop` still runs within each actor's
    `shutdown_s`, and the cancellation goes on. In all cases whoever still waits for an answer gets one.

    Parameters:
        name: of the tree's root.
        clock: what all of its actors tell time by.
        draw: gives chance, 0 to 1, for the jitter of backoffs.

    Attributes:
        extensions: what upper rooms have given its actors, by name.
    """

    def __init__(
        self, name: str = "cuebook", clock: Clock | None = None, *, draw: Callable[[], float] = random.random
    ) -> None:
        self.name = name
        self.clock: Clock = SystemClock() if clock is None else clock
        self.draw = draw
        self.id = os.urandom(16)
        self._serials = itertools.count(1)
        self._cells: dict[str, Cell] = {}
        self._roots: dict[str, Cell] = {}
        self._group: TaskGroup | None = None
        self._is_stopping = False
        self.services = Services()
        self.extensions: dict[str, Any] = {}
        self.dead_letters = DeadLetters(self.clock.time)
        self.now: Callable[[], float] = self.clock.monotonic

    async def __aenter__(self) -> Self:
        if self._group is not None:
            raise RuntimeError(f"the actor system {self.name!r} is entered once")
        self.loop = asyncio.get_running_loop()
        # One call less a message than through the clock, which would have to find the loop.
        if isinstance(self.clock, SystemClock):
            is_plain = type(self.loop).time is asyncio.BaseEventLoop.time
            self.now = time.monotonic if is_plain else self.loop.time
        else:
            self.now = self.clock.monotonic
        self.deadlines = Deadlines(self.clock, self.now)
        self._group = await create_task_group().__aenter__()
        homes[self.id] = self
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None and not isinstance(error, Exception):
            await self._cut_short()
            return
        try:
            await self.stop(drain=error is None)
        except BaseException:
            await self._cut_short()
            raise
        self.deadlines.close()
        self.dead_letters.close()
        await self.tasks().__aexit__(None, None, None)

    def spawn(self, factory: Factory[_A], *, name: str, **options: Unpack[SpawnOptions]) -> ActorRef[_A]:
        """Start an actor. It takes messages at once; `on_start` runs before the first of them is received.

        Parameters:
            factory: an Actor class without parameters, or a callable that gives an Actor; called for each
                incarnation.
            name: unique among the living actors of the system.
            mailbox: its bounds, `MailboxSpec()`: 1,024 messages, 64 MiB, MailboxFull beyond.
            restart: `Restart.PERMANENT` (after any end but a stop), TRANSIENT (after failures), TEMPORARY
                (never).
            intensity: more restarts than 3 within 5 s end it for good, by default.
            backoff: the wait before a restart, 0.01 s and twice as long for each failure in a row, by
                default.
            directives: `{TimeoutError: Directive.RESUME, ...}`: what a failure of a type calls for, in place of
                a restart: resume, stop, escalate. The most specific type counts.
            on_exhausted: what follows more failures than the intensity allows: "stop", "escalate" (its
                parent fails with it), "park" (it keeps its mailbox until `ref.unpark()`).
            attempts: how often a message may fail its incarnation; it is received again, first, until then.
            shutdown_s: seconds for its orderly stop when the system (or its parent) ends; default 5.
            on_terminated: called once as `on_terminated(ref, error)` when it has ended for good: error is
                None after a stop, RestartLimitReached (its `__cause__` the last failure) when it failed too
                often, else the failure.

        Raises:
            ValueError: the name is taken, or an option makes no sense. TypeError: no such option.
            ActorStopped: the system is stopping.
        """
        return self.start(make_spec(factory, name, options), None)

    def supervise(self, spec: SupervisorSpec, *, name: str, **options: Unpack[SpawnOptions]) -> SupervisorRef:
        """Start a supervisor and its children, in order.

        Parameters:
            options: as for `spawn`, for the supervisor itself. By default it is TEMPORARY: it ends for good
                when its children fail more often than its intensity allows; TRANSIENT begins anew then.
        """
        options.setdefault("restart", Restart.TEMPORARY)
        return SupervisorRef(self.spawn(lambda: Group(spec), name=name, **options), self)

    def actor(self, name: str) -> ActorRef:
        """The living actor of this name. Raises KeyError, with the names there are, where there is none."""
        cell = self._cells.get(name)
        if cell is None:
            raise KeyError(f"no actor {name!r} lives in {self.name!r}; there are: {', '.join(self._cells) or 'none'}")
        return cell.ref

    async def stop(self, *, drain: bool = True) -> None:
        """Stop every actor, the youngest first, each within its `shutdown_s`; no new ones are started.

        Parameters:
            drain: handle what is queued; False answers it with ActorStopped.
        """
        self._is_stopping = True
        while self._roots:
            cell = self._roots[next(reversed(self._roots))]
            cell.request_stop(cell.spec.shutdown_s, drain=drain)
            await cell.wait_until_ended()

    def __contains__(self, name: object) -> bool:
        """Whether an actor of this name lives."""
        return name in self._cells

    def tree(self) -> TreeNode:
        """Every living actor, by parent, in the order of their start."""
        return TreeNode(self.name, None, tuple(cell.tree() for cell in self._roots.values()))

    def statistics(self) -> dict[str, ActorStatistics]:
        """Counts of every living actor, by name."""
        return {name: cell.statistics() for name, cell in self._cells.items()}

    def __repr__(self) -> str:
        return f"<ActorSystem {self.name} actors={len(self._cells)}{' stopping' if self._is_stopping else ''}>"

    def outlast(self, ref: ActorRef) -> None:
        """Stop this actor, which is no one's child, after all others."""
        self._roots = {ref.name: self._roots.pop(ref.name), **self._roots}

    # What cells ask for

    def tasks(self) -> TaskGroup:
        """The one task group."""
        if self._group is None:
            raise RuntimeError(f"the actor system {self.name!r} is not running: use `async with`")
        return self._group

    def start(self, spec: ActorSpec, parent: Parent | None) -> ActorRef:
        """Start an actor. Raises ValueError where its name is taken, ActorStopped while the system stops."""
        self.tasks()
        if self._is_stopping:
            raise ActorStopped(f"the actor system {self.name!r} is stopping, so it starts no {spec.name!r}")
        if spec.name in self._cells:
            raise ValueError(f"an actor named {spec.name!r} lives already in {self.name!r}")
        cell = Cell(self, spec, parent)
        self._cells[spec.name] = cell
        if parent is None:
            self._roots[spec.name] = cell
        else:
            if parent.children is NO_CHILDREN:
                parent.children = {}
            parent.children[spec.name] = cell
        return cell.ref

    def next_serial(self) -> int:
        """A number that no other actor of the system has."""
        return next(self._serials)

    def find(self, name: str, serial: int) -> ActorRef | None:
        """The living actor that was given this number; None where it is gone."""
        cell = self._cells.get(name)
        return cell.ref if cell is not None and cell.serial == serial else None

    def forget(self, name: str) -> None:
        """An actor has ended for good."""
        cell = self._cells.pop(name, None)
        if cell is not None:
            self.services.forget(cell.ref)
        self._roots.pop(name, None)

    async def _cut_short(self) -> None:
        """Cancel every handler, then end each actor, shielded from the cancellation that brought us here."""
        self._is_stopping = True
        group = self.tasks()
        group.cancel_scope.cancel()
        # What ends the block is raised by the block itself; a failure of a handler was seen to by its cell. What is
        # left is no Exception, and ended all this.
        ended: BaseException | None = None
        try:
            await group.__aexit__(None, None, None)
        except CancelledError:
            pass
        except BaseExceptionGroup as raised:
            _, ended = raised.split((KeyboardInterrupt, SystemExit))  # those the loop itself has raised
        try:
            with CancelScope(shield=True):
                async with create_task_group() as self._group:
                    await self.stop(drain=False)
        finally:
            for cell in list(self._cells.values()):
                cell.give_up()
            self.deadlines.close()
            self.dead_letters.close()
        if ended is not None:
            raise ended
