"""Where actors live: their tasks, their names, ordered shutdown. Knows no handler."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import threading
import time
from asyncio import CancelledError
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from anyio import CancelScope
from anyio.lowlevel import checkpoint_if_cancelled

from cuebook.clock import Clock, SystemClock
from cuebook.errors import ActorStopped
from cuebook.runtime.cells.cell import Cell
from cuebook.runtime.cells.context import NO_CHILDREN, Parent
from cuebook.runtime.cells.driver import Driven
from cuebook.runtime.cells.ports import GRACE_S
from cuebook.runtime.cells.services import Services
from cuebook.runtime.cells.spec import ActorSpec, Factory, SpawnOptions, make_spec
from cuebook.runtime.groups.group import Group, SupervisorRef
from cuebook.runtime.groups.strategy import SupervisorSpec
from cuebook.runtime.policy.restarts import Restart
from cuebook.runtime.refs.deadlines import Deadlines
from cuebook.runtime.refs.ready import ReadyQueue
from cuebook.runtime.refs.ref import ActorRef, homes
from cuebook.runtime.refs.status import ActorStatistics, TreeNode
from cuebook.runtime.reports.deadletters import DeadLetters
from cuebook.runtime.reports.outliving import outliving_tasks
from cuebook.runtime.reports.readers import Stream
from cuebook.runtime.reports.shutdown import Shutdown, ShutdownReport
from cuebook.runtime.seeing.dump import dump_text
from cuebook.runtime.seeing.observing import Observation
from cuebook.runtime.seeing.tracing import TraceEvent, Tracing
from cuebook.runtime.seeing.watchdog import Blockage, Watchdog, tells_real_time
from cuebook.runtime.tasks.tasks import Tasks
from cuebook.wording import text_of

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
        blocking_s: a handler that holds up the event loop for so many seconds is named, with its stack, in the
            log and in `blockages`; None: nobody watches. Costs a thread that looks twice in that time.

    Attributes:
        extensions: what upper rooms have given its actors, by name. watchdog: watches over its loop; None: nobody.
        tracing: passes on what traced actors do.
        failure: what cancelled the block, where the system itself broke. on_failure: called with it at once.
    """

    def __init__(
        self,
        name: str = "cuebook",
        clock: Clock | None = None,
        *,
        draw: Callable[[], float] = random.random,
        blocking_s: float | None = 1.0,
    ) -> None:
        self.name = name
        self.clock: Clock = SystemClock() if clock is None else clock
        self.draw = draw
        self.id = os.urandom(16)
        self._serials = itertools.count(1)
        self._cells: dict[str, Cell] = {}
        self._roots: dict[str, Cell] = {}
        self._tasks: Tasks | None = None
        self._is_stopping = False
        self.failure: BaseException | None = None
        self.on_failure: Callable[[BaseException], object] = lambda _: None
        self._ended_at: float | None = None
        self.shutdown = Shutdown()
        self.is_cut_short = False
        self.services = Services()
        self.extensions: dict[str, Any] = {}
        self.dead_letters = DeadLetters(self.clock.time)
        self.observation = Observation(self._cells)
        self.tracing = Tracing(self.clock.time)
        self.watchdog = None if blocking_s is None else Watchdog(blocking_s, self._is_ours)
        self.now: Callable[[], float] = self.clock.monotonic

    async def __aenter__(self) -> Self:
        if self._tasks is not None:
            raise RuntimeError(f"the actor system {self.name!r} is entered once")
        self.loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        # One call less a message than through the clock, which would have to find the loop.
        if isinstance(self.clock, SystemClock):
            is_plain = type(self.loop).time is asyncio.BaseEventLoop.time
            self.now = time.monotonic if is_plain else self.loop.time
        else:
            self.now = self.clock.monotonic
        self.deadlines = Deadlines(self.clock, self.now)
        self.ready = ReadyQueue(self.loop, self.now)
        self._tasks = Tasks(self.loop, self.fail)
        self._block = CancelScope()
        self._block.__enter__()
        self._cancelled_before = _cancellations()
        homes[self.id] = self
        if self.watchdog is not None and tells_real_time(self.loop):
            self.watchdog.start(self.loop)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.failure is not None or (error is not None and not isinstance(error, Exception)):
            await self._cut_short(error)
            return
        try:
            await self.stop(drain=error is None)
        except BaseException as raised:
            await self._cut_short(raised)
            raise
        self._close()
        try:
            await self.tasks().end(GRACE_S)
        finally:
            self._block.__exit__(None, None, None)

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
            start_s: seconds that `on_start` may take; then it is cancelled and the incarnation has failed. None
                (the default): no bound.
            children_max: how many children it may have at a time; by default 100,000. One more is a SupervisionError
                for whoever starts it.
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

    async def stop(self, *, drain: bool = True) -> ShutdownReport:
        """Stop every actor, the youngest first, each within its `shutdown_s`; no new ones are started.

        Parameters:
            drain: handle what is queued; False answers it with ActorStopped.

        Returns:
            what was drained, dropped and killed.
        """
        self._begin_stop()
        while self._roots:
            cell = self._roots[next(reversed(self._roots))]
            cell.request_stop(cell.spec.shutdown_s, drain=drain)
            await cell.wait_until_ended()
        self.dead_letters.close()
        self.tracing.close()
        self.shutdown.outlived(lambda: outliving_tasks(self.loop, self.id))
        report = self.report
        assert report is not None
        return report

    @property
    def report(self) -> ShutdownReport | None:
        """How its end went, or goes so far; None before it begins."""
        return self.shutdown.report(self.now() if self._ended_at is None else self._ended_at)

    def _begin_stop(self) -> None:
        if not self._is_stopping:
            self._is_stopping = True
            self.shutdown.begin(self.now(), {name: cell.processed for name, cell in self._cells.items()})

    def __contains__(self, name: object) -> bool:
        """Whether an actor of this name lives."""
        return name in self._cells

    def tree(self) -> TreeNode:
        """Every living actor, by parent, in the order of their start."""
        return TreeNode(self.name, None, tuple(cell.tree() for cell in self._roots.values()))

    def trace(self, name: str, on: bool = True) -> None:
        """Trace an actor, from its next message on, or trace it no more; across its restarts, until it ends.

        What it receives, sends, answers and fails on comes out of `traces()`, and at level INFO of the logger
        "cuebook.trace". Cost: while any actor is traced, each message of the system some 7 us more, a traced one some
        20; else none.

        Raises:
            KeyError: no such actor lives here.
        """
        self.actor(name)
        self._trace(name, on=on)

    def traces(self) -> Stream[TraceEvent]:
        """What traced actors do from now on, until the system ends; a reader 1,024 events behind loses the oldest."""
        return self.tracing.stream()

    @contextlib.contextmanager
    def telemetry(self, telemetry: Any) -> Iterator[None]:
        """Let a `Telemetry` look at all messages while the block goes on."""
        self.observation.add(telemetry)
        telemetry.attend(self.statistics)
        try:
            yield
        finally:
            telemetry.leave(self.statistics)
            self.observation.remove(telemetry)

    @property
    def blockages(self) -> list[Blockage]:
        """The last 32 handlers that held up the loop, the newest last."""
        return [] if self.watchdog is None else list(self.watchdog.blockages)

    def dump(self) -> str:
        """The tree, and all tasks of the loop with where they wait, as text; from any thread.

        Raises:
            RuntimeError: the system has not been entered.
        """
        self.tasks()
        return dump_text(self.tree(), self.loop, self._thread_id)

    def statistics(self) -> dict[str, ActorStatistics]:
        """Counts of every living actor, by name."""
        return {name: cell.statistics() for name, cell in self._cells.items()}

    def __repr__(self) -> str:
        return f"<ActorSystem {self.name} actors={len(self._cells)}{' stopping' if self._is_stopping else ''}>"

    def outlast(self, ref: ActorRef) -> None:
        """Stop this actor, which is no one's child, after all others."""
        self._roots = {ref.name: self._roots.pop(ref.name), **self._roots}

    # What cells ask for

    def tasks(self) -> Tasks:
        """What awaits for its actors."""
        if self._tasks is None:
            raise RuntimeError(f"the actor system {self.name!r} is not running: use `async with`")
        return self._tasks

    def start(self, spec: ActorSpec, parent: Parent | None) -> ActorRef:
        """Start an actor. Raises ValueError where its name is taken, ActorStopped while the system stops."""
        self.tasks()
        if self._is_stopping:
            broken = f" after {text_of(self.failure)}" if self.failure is not None else ""
            why = f"the actor system {self.name!r} is stopping{broken}, so it starts no {spec.name!r}"
            raise ActorStopped(why) from self.failure
        if spec.name in self._cells:
            raise ValueError(f"an actor named {spec.name!r} lives already in {self.name!r}")
        cell = Cell(self, spec, parent)
        self.observation.adopt(cell)
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
            if self.is_traced(name):
                self._trace(name, on=False)
            if self._is_stopping:
                self.shutdown.ended(name, cell.processed)
                self._ended_at = None if self._cells else self.now()
        self._roots.pop(name, None)

    def fail(self, error: BaseException) -> None:
        """Something that every actor needs is broken: cancel the block and all actors.

        The block raises `error` then, and what lies around it is left alone. The first error counts; no effect
        once the system stops.
        """
        if self.failure is None and not self._is_stopping:
            self.failure = error
            self._block.cancel()
            self.tasks().cancel()
            self.on_failure(error)

    def _close(self) -> None:
        self.deadlines.close()
        self.dead_letters.close()
        self.tracing.close()
        if self.watchdog is not None:
            self.watchdog.stop()

    def _is_ours(self, driven: Driven) -> bool:
        cell = self._cells.get(driven.name)
        return cell is not None and cell.driver.driven is driven

    def is_traced(self, name: str) -> bool:
        """Whether what this actor does is told."""
        return name in self.tracing.names

    def _trace(self, name: str, *, on: bool) -> None:
        if name in self._cells:
            (cell := self._cells[name]).body.traced(cell, on=on)
        if self.tracing.set(name, on=on):
            self.observation.add(self.tracing)
        else:
            self.observation.remove(self.tracing)

    async def _cut_short(self, error: BaseException | None) -> None:
        """Cancel every handler, then end each actor, shielded from the cancellation that brought us here.

        Raises:
            CuebookError: what the system failed with, where it is that which cancelled the block.
        """
        self._begin_stop()
        cancelled = error if isinstance(error, CancelledError) else None
        ends_by_itself = self._block.__exit__(type(cancelled) if cancelled else None, cancelled, None)
        # Some versions of anyio take a cancellation that comes at the same time for their own.
        is_from_outside = cancelled is not None and not (ends_by_itself and _cancellations() <= self._cancelled_before)
        try:
            with CancelScope(shield=True):
                await self._end_all()
        finally:
            for cell in list(self._cells.values()):
                cell.give_up()
            self._close()
        if self.failure is not None and not is_from_outside:
            await checkpoint_if_cancelled()  # a scope around the block goes first, too
            raise self.failure from self.failure.__cause__

    async def _end_all(self) -> None:
        tasks = self.tasks()
        try:
            await tasks.end(GRACE_S)
            self.is_cut_short = True
            await self.stop(drain=False)
        finally:
            await tasks.end(GRACE_S)


def _cancellations() -> int:
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()
