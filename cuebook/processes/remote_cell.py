"""An actor whose incarnations live in another process, as it stands here: its mailbox, its restarts, its bonds.

It is a cell like any other, so supervision, names, watches, bounds and statistics are the same; what it receives it
sends on, at most a window of messages ahead of the child. Knows no socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from cuebook.errors import ActorFailed, CuebookError, MessagingError, ProcessDied
from cuebook.logs import get_logger
from cuebook.processes.flight import Flight, Landing
from cuebook.processes.outcomes import pack_error, unpack_error, unpack_outcome
from cuebook.processes.ports import ProcessLink, ProcessPort
from cuebook.processes.protocol import Asked, Begin, Ended, Expel, Kill, Retire, StoppedForGood, TraceActor
from cuebook.processes.remote_target import RemoteTarget
from cuebook.processes.traces import pack_marks
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.answers import Delivery
from cuebook.runtime.cells.cell import _IDLE, Cell, _Idle
from cuebook.runtime.cells.ending import GRACE_S
from cuebook.runtime.cells.envelope import Entry, Envelope, size_of
from cuebook.runtime.cells.mailbox import Overflow
from cuebook.runtime.cells.spec import ActorSpec
from cuebook.runtime.cells.system_port import Parent, SystemPort
from cuebook.runtime.policy.directives import Directive
from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.refs.ref import sender_now, target_of
from cuebook.runtime.refs.reply import failure_of, told
from cuebook.runtime.refs.status import ActorState, ActorStatistics, TreeNode
from cuebook.runtime.reports.deadletters import DeadReason
from cuebook.wire.message import encode

__all__ = ["KILL_S", "WINDOW", "RemoteCell"]

WINDOW = 512
"""Messages that are sent ahead of the child, at most; half of the mailbox's capacity where that is less."""
WINDOW_BYTES = 16 * 1024 * 1024
BATCH_BYTES = 4 * 1024 * 1024
KILL_S = 1.0
"""Seconds that a child has to end a killed incarnation; then its process is ended."""

_log = get_logger("processes")


class RemoteCell(Cell):
    """One actor in a process."""

    __slots__ = (
        "_busy_there_s",
        "_escaped",
        "_flight",
        "_incarnation",
        "_is_entering",
        "_is_inside",
        "_link",
        "_lost",
        "_process",
        "_settling",
        "_traceback",
        "_urgent",
        "_window",
        "package",
    )

    def __init__(
        self, system: SystemPort, spec: ActorSpec, parent: Parent | None, *, process: ProcessPort, package: Any
    ) -> None:
        self._process = process
        self._link: ProcessLink | None = None
        self._flight: Flight[Entry] = Flight()
        self._incarnation = 0
        self._is_inside = False
        self._is_entering = False
        self._settling: asyncio.Future[BaseException | None] | None = None
        self._busy_there_s = 0.0
        self._traceback = ""
        self._escaped: BaseException | None = None
        self._lost: BaseException | None = None
        self._urgent: RemoteTarget | None = None
        self._window = max(1, min(WINDOW, spec.mailbox.capacity // 2)) if not spec.mailbox.priorities else 1
        self.package = package
        super().__init__(system, replace(spec, factory=lambda: _RemoteIncarnation(self)), parent)

    # What refs ask for

    def lets_actors_wait(self, timeout: float | None) -> bool:
        """Only with a deadline, and where the mailbox says so: a circle of waits for room there is not seen."""
        return timeout is not None and self.mailbox.overflow is Overflow.WAIT

    def offer(self, frame: Any, reply: asyncio.Future[Any] | None = None) -> bool:
        """`post` where nothing is special."""
        if type(frame) is not bytes:
            frame = encode(frame)
        if self._is_steady and self._is_inside and self._flight.is_empty and not len(self.mailbox):
            # Nothing is on its way, so there is nothing to wait for and to send this with.
            self._send([(frame, sender_now(), reply, None, self.now(), 0)])
            return True
        return super().offer(frame, reply)

    def post(self, frame: Any, reply: asyncio.Future[Any] | None = None, *, urgent: bool = False) -> None:
        """Queue a message. Raises as anywhere, and TypeError where it goes by reference only."""
        content = frame if type(frame) is bytes else encode(frame)
        if urgent and self._is_inside and self._link is not None and not self._is_stopping:
            self._link.teach(content)
            self._overtaking(self._link).post(content, reply, urgent=True)
            return
        super().post(content, reply, urgent=urgent)

    def has_deferred(self, reply: asyncio.Future[Any]) -> bool:
        """Whether its handler, which waits just now, does not keep the answer back; True where that is not known."""
        number = next((number for number, entry in self._flight.asked() if entry[2] is reply), None)
        if number is None or self._link is None:
            return False
        progress = self._link.progress(self)
        return progress is None or (number <= progress[0] and number != progress[1])

    def on_traced(self, *, on: bool) -> None:
        """Have it traced where it is."""
        if self._is_inside and self._link is not None:
            self._link.order(TraceActor(self.serial, on))

    def report(self, message: Any) -> None:
        """Raises TypeError: what the runtime tells its actors goes by reference."""
        raise TypeError(f"{self.name} lives in another process: {type(message).__qualname__} cannot be sent there")

    def statistics(self) -> ActorStatistics:
        """The counts now; what was sent ahead still waits."""
        flight = self._flight
        here = super().statistics()
        return replace(
            here,
            depth=here.depth + len(flight),
            depth_bytes=here.depth_bytes + flight.size,
            processed=flight.begun_count,
            busy_s=self._busy_there_s,
        )

    def tree(self) -> TreeNode:
        """This actor and all below it, here and in its process."""
        node = super().tree()
        return node if self._link is None else replace(node, children=node.children + self._link.below(self))

    @property
    def kind(self) -> str:
        """The name of its class."""
        return str(self.package.kind)

    # What the connection says

    def on_settled(self, begun: int, busy_s: float, answers: list[Any]) -> None:
        """Messages were begun, asks were answered."""
        flight = self._flight
        flight.begin(begun)
        self._busy_there_s = busy_s
        for place in range(0, len(answers), 3):
            number, form, value = answers[place : place + 3]
            entry = flight.answer(number)
            reply = None if entry is None else entry[2]
            if reply is None:
                continue
            if reply.done():
                self.answers.late += 1
                _log.info("late reply", actor=self.name)
            else:
                reply.set_result(unpack_outcome(form, value))
        if len(self.mailbox) and not self._driver.is_awake:
            self._driver.wake()

    def on_started(self, incarnation: int) -> None:
        """The child's incarnation has started."""
        if incarnation == self._incarnation and self._is_entering:  # else it is being killed already
            self._settle(None)

    def on_ended(self, ended: Ended) -> None:
        """The child's incarnation has ended."""
        if ended.incarnation != self._incarnation or not self._is_inside:
            return
        self._is_inside = False
        error = unpack_error(ended.error) if ended.is_failure else None
        self._escaped = error if ended.is_escaped else None
        self._traceback = ended.error[2] if ended.is_failure else ""
        self._over(error, self._flight.land(0, ended.culprit))

    def on_gone(self, gone: StoppedForGood) -> None:
        """The child's actor has stopped for good, as it was told to, or by itself."""
        if self._link is not None:
            self._link.release(self)
        self._has_left_behind = self._has_left_behind or not gone.was_drained
        if self._is_inside:
            self._is_inside = False
            error = None if self._settling else ActorFailed(f"{self.name} ended in its process unasked")
            self._over(error, self._flight.land(0, 0))

    def on_asked(self, asked: Asked) -> None:
        """The actor asks to be stopped."""
        if asked.timeout is None:
            self.stop_self()
        else:
            self.request_stop(asked.timeout, drain=asked.drain)

    def on_process_lost(self, error: ProcessDied, begun: int, in_hand: int) -> None:
        """The process has ended."""
        was_inside, self._is_inside = self._is_inside, False
        self._link, self._traceback = None, ""
        landing = self._flight.land(begun, in_hand)
        if was_inside:
            self._over(error, landing)
        else:
            self._take_back(landing, error)

    # What its incarnation asks for

    async def enter(self) -> None:
        """Begin an incarnation in the child. Raises what its start raised, or ProcessDied."""
        link = await self._process.connect()
        self._link = link
        link.admit(self)
        self._incarnation += 1
        self._is_inside = True
        link.order(Begin(self.serial, self._incarnation))
        if self._system.is_traced(self.name):
            self.on_traced(on=True)
        self._is_entering = True
        try:
            await self._settlement()
        finally:
            self._is_entering = False

    async def leave(self) -> None:
        """End the child's incarnation in good order."""
        self._lost = None
        if self._is_inside and self._link is not None:
            if self._is_stopping:
                due_s = max(self._stop_due - self.clock.monotonic(), 0.0) if self._stop_timer is not None else 0.0
                self._link.order(Expel(self.serial, due_s, self._drains))
            else:
                self._link.order(Retire(self.serial))
            await self._settlement()
        if self._is_stopping and self._process.is_dedicated and not self._has_to_drain:
            await self._process.end(is_forced=False)

    async def abandon(self, error: BaseException) -> None:
        """See that the child's incarnation is over, whatever it takes."""
        if not self._is_inside or self._link is None:
            return
        self._link.order(Kill(self.serial, pack_error(error)))
        try:
            async with asyncio.timeout(0.0 if self._is_stopping and self._process.is_dedicated else KILL_S):
                await self._settlement(is_failing=True)
        except TimeoutError:
            await self._process.end(is_forced=True)

    # Within

    def _overtaking(self, link: ProcessLink) -> RemoteTarget:
        if self._urgent is None:
            ref = link.remote(self.home, self.name, self.serial)
            self._urgent = target_of(ref)
        assert self._urgent is not None
        return self._urgent

    def _receive_many(self, handler: Callable[[list[Delivery]], Any]) -> Awaitable[Any] | _Idle | None:
        flight = self._flight
        room = self._window - len(flight)
        if room <= 0 or flight.size >= WINDOW_BYTES:
            return _IDLE
        taken = self.mailbox.take_many(room)
        if not taken:
            return _IDLE
        batch: list[Entry] = []
        size = 0
        for entry in taken:
            size += size_of(entry[0])
            if batch and size > BATCH_BYTES:
                self._send(batch)
                batch, size = [], size_of(entry[0])
            batch.append(entry)
        self._send(batch)
        return None

    def _send(self, batch: list[Entry]) -> None:
        link, flight = self._link, self._flight
        assert link is not None
        first = flight.next_number
        frames, asks, senders = [], [], []
        size = 0
        for entry in batch:
            frame, sender, reply = entry[:3]
            link.teach(frame)
            is_ask = reply is not None
            flight.send(entry, len(frame), is_ask=is_ask)
            size += len(frame)
            frames.append(frame)
            asks.append(is_ask)
            senders.append(None if sender is None else link.address(sender))
        is_any, is_all = any(asks), all(asks)
        from_whom = senders if any(senders) else None
        which = (True if is_all else asks) if is_any else None
        traces = pack_marks(batch) if self._system.observation.observers else None
        link.deliver([self.serial, self._incarnation, first, frames, which, from_whom, traces], size)

    async def _settlement(self, *, is_failing: bool = False) -> None:
        """Until the child has said what became of the step; raises the error that it was."""
        self._settling = settling = self.loop.create_future()
        try:
            error = await settling
        finally:
            self._settling = None
        self._lost = error
        if error is not None and not is_failing and not self._is_stopping:
            raise error

    def _outcome(self, reason: Exit) -> tuple[Exit, BaseException | None]:
        # Its process ended in the middle of the drain: what had not been begun there waits again.
        return (Exit.FAILURE, self._lost) if self._lost is not None and self._has_to_drain else (reason, None)

    def _settle(self, error: BaseException | None) -> bool:
        """Tell whoever waits for the child's step; whether anyone does."""
        if self._settling is None or self._settling.done():
            return False
        self._settling.set_result(error)
        return True

    def _over(self, error: BaseException | None, landing: Landing[Entry]) -> None:
        """The child's incarnation is over: so is this one."""
        is_awaited = self._settling is not None and not self._settling.done()
        is_at_work = self.state in (ActorState.RUNNING, ActorState.STOPPING) and not is_awaited
        if error is not None and is_at_work and landing.in_hand is not None:
            self._current = landing.in_hand
            landing = replace(landing, in_hand=None)
        self._take_back(landing, error)
        if self._settle(error):
            return
        if error is not None and self.state in (ActorState.RUNNING, ActorState.STOPPING):
            self.kill(error)
        elif error is None and self.state is ActorState.RUNNING:
            self._is_retiring = True
            self._is_steady = False
            self._driver.wake()

    def _failure(self, error: BaseException) -> MessagingError:
        return failure_of(self.name, error) if error is self._escaped else told(self.name, error)

    def _take_back(self, landing: Landing[Entry], error: BaseException | None) -> None:
        for entry in reversed(landing.not_begun):
            self.mailbox.put_back(entry)
        failure = self._failure(error or ActorFailed(f"{self.name} ended before it answered"))
        for entry in landing.begun:
            self.answers.refuse(Envelope._make(entry), failure)
        if landing.in_hand is not None:
            held = Envelope._make(landing.in_hand)
            self.answers.refuse(held, failure)
            self._bury(held, DeadReason.POISON, error)

    def _quarantine(self, failure: CuebookError, error: BaseException, directive: Directive) -> None:
        if isinstance(failure, ActorFailed) and self._traceback:
            failure.traceback_text = self._traceback
        super()._quarantine(failure, error, directive)

    def _overdue(self) -> None:
        super()._overdue()
        if self._stop_timer is not None:  # the process's own steps take their time
            self._stop_timer.cancel()
            self._stop_timer = self.clock.call_later(GRACE_S + self._process.grace_s, self._abandon)

    def _terminate(self, error: BaseException | None, reason: Exit = Exit.SHUTDOWN) -> None:
        if self.state is ActorState.STOPPED:
            return
        self._take_back(self._flight.land(0, 0), error)
        if self._link is not None:
            self._link.order(Expel(self.serial, 0.0, False))
            self._link.release(self)
        self._is_inside = False
        super()._terminate(error, reason)
        self._process.left(self)


class _RemoteIncarnation(Actor):
    """One incarnation, as far as it is here: its cell has the child do what its hooks are for."""

    def __init__(self, cell: RemoteCell) -> None:
        self._cell = cell

    async def on_start(self) -> None:
        await self._cell.enter()

    async def on_stop(self) -> None:
        await self._cell.leave()

    async def on_failure(self, error: BaseException) -> None:
        await self._cell.abandon(error)

    def receive_many(self, deliveries: list[Delivery]) -> None:
        """Its cell sends messages on unopened."""
        raise AssertionError("what goes to another process is not received here")
