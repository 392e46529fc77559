"""The body of an actor whose incarnations live in another process: its mailbox, its restarts, its bonds stay here.

Its cell is one like any other, so supervision, names, watches, bounds and statistics are the same; what it receives is
sent on, at most a window of messages ahead of the child. Knows no socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from dataclasses import replace
from typing import Any

from cuebook.errors import ActorFailed, MessagingError, ProcessDied
from cuebook.logs import get_logger
from cuebook.processes.ahead import Ahead
from cuebook.processes.flight import Landing
from cuebook.processes.outcomes import pack_error, unpack_error, unpack_outcome
from cuebook.processes.ports import ProcessLink, ProcessPort
from cuebook.processes.protocol import Asked, Begin, Ended, Expel, Kill, Retire, StoppedForGood, TraceActor
from cuebook.processes.remote_target import RemoteTarget
from cuebook.runtime.cells.answers import Delivery
from cuebook.runtime.cells.driver import IDLE, Step, Work
from cuebook.runtime.cells.envelope import Entry, Envelope
from cuebook.runtime.cells.incarnation import Incarnation
from cuebook.runtime.cells.local import Local
from cuebook.runtime.cells.mailbox import Overflow
from cuebook.runtime.cells.ports import GRACE_S, CellCore
from cuebook.runtime.cells.spec import ActorSpec
from cuebook.runtime.refs.ref import sender_now, target_of
from cuebook.runtime.refs.reply import failure_of, told
from cuebook.runtime.refs.status import ActorState, ActorStatistics, TreeNode
from cuebook.runtime.reports.deadletters import DeadReason
from cuebook.runtime.tasks.timers import Timers
from cuebook.wire.message import encode

__all__ = ["KILL_S", "Elsewhere"]

KILL_S = 1.0
"""Seconds that a child has to end a killed incarnation; then its process is ended."""

_log = get_logger("processes")


class Elsewhere(Local):
    """The body of one actor in a process.

    Attributes:
        cell: its cell. package: its class and its arguments, as they go there.
    """

    __slots__ = (
        "_ahead",
        "_busy_there_s",
        "_escaped",
        "_incarnation",
        "_is_entering",
        "_is_inside",
        "_link",
        "_lost",
        "_process",
        "_settling",
        "_traceback",
        "_urgent",
        "cell",
        "gate",
        "package",
    )

    cell: CellCore

    def __init__(self, spec: ActorSpec, *, process: ProcessPort, package: Any) -> None:
        self.gate = self  # messages are encoded here, and some go at once
        self._process = process
        self._link: ProcessLink | None = None
        self._ahead = Ahead(spec.mailbox)
        self._incarnation = 0
        self._is_inside = False
        self._is_entering = False
        self._settling: asyncio.Future[BaseException | None] | None = None
        self._busy_there_s = 0.0
        self._traceback = ""
        self._escaped: BaseException | None = None
        self._lost: BaseException | None = None
        self._urgent: RemoteTarget | None = None
        self.package = package

    # What its process goes by

    @property
    def serial(self) -> int:
        """The actor's number."""
        return self.cell.serial

    @property
    def name(self) -> str:
        """Its name."""
        return self.cell.name

    @property
    def spec(self) -> ActorSpec:
        """How it is bounded and restarted."""
        return self.cell.spec

    # What its cell asks for

    @property
    def grace_s(self) -> float:
        """The process's own steps take their time."""
        return GRACE_S + self._process.grace_s

    def settle_in(self, cell: CellCore) -> None:
        """The cell is there."""
        self.cell = cell

    def lets_actors_wait(self, cell: CellCore, timeout: float | None) -> bool:
        """Only with a deadline, and where the mailbox says so: a circle of waits for room there is not seen."""
        return timeout is not None and cell.mailbox.overflow is Overflow.WAIT

    def offer(self, cell: CellCore, frame: Any, reply: asyncio.Future[Any] | None) -> Any:
        """True: it was sent at once. False: it is to be posted. Else its bytes, for the mailbox."""
        if type(frame) is not bytes:
            frame = encode(frame)
        if cell.receiving.is_steady and self._is_inside and self._ahead.flight.is_empty and not len(cell.mailbox):
            # Nothing is on its way, so there is nothing to wait for and to send this with.
            self._send([(frame, sender_now(), reply, None, cell.now(), 0)])
            return True
        return False if cell.is_stopping else frame

    def post(self, cell: CellCore, frame: Any, reply: asyncio.Future[Any] | None, *, urgent: bool) -> None:
        """Queue a message. Raises as anywhere, and TypeError where it goes by reference only."""
        content = frame if type(frame) is bytes else encode(frame)
        if urgent and self._is_inside and self._link is not None and not cell.is_stopping:
            self._link.teach(content)
            self._overtaking(self._link).post(content, reply, urgent=True)
            return
        super().post(cell, content, reply, urgent=urgent)

    def has_deferred(self, cell: CellCore, reply: asyncio.Future[Any]) -> bool:
        """Whether its handler, which waits just now, does not keep the answer back; True where that is not known."""
        number = next((number for number, entry in self._ahead.flight.asked() if entry[2] is reply), None)
        if number is None or self._link is None:
            return False
        progress = self._link.progress(self)
        return progress is None or (number <= progress[0] and number != progress[1])

    def traced(self, cell: CellCore, *, on: bool) -> None:
        """Have it traced where it is."""
        if self._is_inside and self._link is not None:
            self._link.order(TraceActor(cell.serial, on))

    def report(self, cell: CellCore, message: Any) -> None:
        """Raises TypeError: what the runtime tells its actors goes by reference."""
        raise TypeError(f"{cell.name} lives in another process: {type(message).__qualname__} cannot be sent there")

    def statistics(self, cell: CellCore) -> ActorStatistics:
        """The counts now; what was sent ahead still waits."""
        flight = self._ahead.flight
        here = super().statistics(cell)
        return replace(
            here,
            depth=here.depth + len(flight),
            depth_bytes=here.depth_bytes + flight.size,
            processed=flight.begun_count,
            busy_s=self._busy_there_s,
        )

    def below(self, cell: CellCore) -> tuple[TreeNode, ...]:
        """What lives below it in its process."""
        return () if self._link is None else self._link.below(self)

    def kind(self, cell: CellCore) -> str:
        """The name of its class."""
        return str(self.package.kind)

    def begin(self, cell: CellCore, incarnation: Incarnation, timers: Timers) -> Work:
        """Begin an incarnation in the child. Raises what its start raised, or ProcessDied."""
        incarnation.receive_by(_unopened, _unopened)
        return self._awaited(self._enter)

    def retire(self, cell: CellCore, incarnation: Incarnation) -> Generator[Any, Any, BaseException | None]:
        """End the child's incarnation in good order."""
        yield from incarnation.last("on_stop", self._awaited(self._leave))
        return self._lost

    def fail(self, cell: CellCore, incarnation: Incarnation, error: BaseException) -> Work:
        """See that the child's incarnation is over, whatever it takes."""
        return incarnation.last("on_failure", self._awaited(lambda: self._expel(error)))

    def failure(self, cell: CellCore, error: BaseException, killed: BaseException | None) -> MessagingError:
        """As anywhere, with the traceback of the child."""
        failure = self._failure(error)
        if isinstance(failure, ActorFailed) and self._traceback:
            failure.traceback_text = self._traceback
        return failure

    def ending(self, cell: CellCore, error: BaseException | None) -> None:
        """What was not begun there is this end's again; the child is let go of."""
        self._take_back(self._ahead.flight.land(0, 0), error)
        if self._link is not None:
            self._link.order(Expel(cell.serial, 0.0, False))
            self._link.release(self)
        self._is_inside = False

    def ended(self, cell: CellCore) -> None:
        """So may its process be."""
        self._process.left(self)

    # What the connection says

    def on_settled(self, begun: int, busy_s: float, answers: list[Any]) -> None:
        """Messages were begun, asks were answered."""
        flight = self._ahead.flight
        flight.begin(begun)
        self._busy_there_s = busy_s
        for place in range(0, len(answers), 3):
            number, form, value = answers[place : place + 3]
            entry = flight.answer(number)
            reply = None if entry is None else entry[2]
            if reply is None:
                continue
            if reply.done():
                self.cell.receiving.answers.late += 1
                _log.info("late reply", actor=self.name)
            else:
                reply.set_result(unpack_outcome(form, value))
        if len(self.cell.mailbox) and not self.cell.driver.is_awake:
            self.cell.driver.wake()

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
        self._over(error, self._ahead.flight.land(0, ended.culprit))

    def on_gone(self, gone: StoppedForGood) -> None:
        """The child's actor has stopped for good, as it was told to, or by itself."""
        if self._link is not None:
            self._link.release(self)
        if not gone.was_drained:
            self.cell.ending.leave_behind()
        if self._is_inside:
            self._is_inside = False
            error = None if self._settling is not None else ActorFailed(f"{self.name} ended in its process unasked")
            self._over(error, self._ahead.flight.land(0, 0))

    def on_asked(self, asked: Asked) -> None:
        """The actor asks to be stopped."""
        if asked.timeout is None:
            self.cell.stop_self()
        else:
            self.cell.request_stop(asked.timeout, drain=asked.drain)

    def on_process_lost(self, error: ProcessDied, begun: int, in_hand: int) -> None:
        """The process has ended."""
        was_inside, self._is_inside = self._is_inside, False
        self._link, self._traceback = None, ""
        landing = self._ahead.flight.land(begun, in_hand)
        if was_inside:
            self._over(error, landing)
        else:
            self._take_back(landing, error)

    # The steps of an incarnation

    def _awaited(self, step: Callable[[], Coroutine[Any, Any, None]]) -> Work:
        self.cell.activate()
        yield step()

    async def _enter(self) -> None:
        cell = self.cell
        link = await self._process.connect()
        self._link = link
        link.admit(self)
        self._incarnation += 1
        self._is_inside = True
        link.order(Begin(cell.serial, self._incarnation))
        if cell.system.is_traced(cell.name):
            self.traced(cell, on=True)
        self._is_entering = True
        try:
            await self._settlement()
        finally:
            self._is_entering = False

    async def _leave(self) -> None:
        cell = self.cell
        self._lost = None
        if self._is_inside and self._link is not None:
            if cell.is_stopping:
                self._link.order(Expel(cell.serial, cell.ending.seconds_left(), cell.ending.drains))
            else:
                self._link.order(Retire(cell.serial))
            await self._settlement()
        if cell.is_stopping and self._process.is_dedicated and not cell.ending.has_to_drain:
            await self._process.end(is_forced=False)

    async def _expel(self, error: BaseException) -> None:
        if not self._is_inside or self._link is None:
            return
        self._link.order(Kill(self.cell.serial, pack_error(error)))
        try:
            async with asyncio.timeout(0.0 if self.cell.is_stopping and self._process.is_dedicated else KILL_S):
                await self._settlement(is_failing=True)
        except TimeoutError:
            await self._process.end(is_forced=True)

    # Within

    def _overtaking(self, link: ProcessLink) -> RemoteTarget:
        if self._urgent is None:
            target: Any = target_of(link.remote(self.cell.system.id, self.cell.name, self.cell.serial))
            self._urgent = target
        assert self._urgent is not None
        return self._urgent

    def deliver(self, cell: CellCore, handler: Callable[[list[Delivery]], Any]) -> Step:
        """Send on what waits, within the window."""
        batches = self._ahead.take(cell.mailbox)
        for batch in batches:
            self._send(batch)
        return None if batches else IDLE

    def _send(self, batch: list[Entry]) -> None:
        assert self._link is not None
        self._ahead.send(batch, self._link, self.cell, self._incarnation)

    async def _settlement(self, *, is_failing: bool = False) -> None:
        """Until the child has said what became of the step; raises the error that it was."""
        self._settling = settling = self.cell.loop.create_future()
        try:
            error = await settling
        finally:
            self._settling = None
        self._lost = error
        if error is not None and not is_failing and not self.cell.is_stopping:
            raise error

    def _settle(self, error: BaseException | None) -> bool:
        """Tell whoever waits for the child's step; whether anyone does."""
        if self._settling is None or self._settling.done():
            return False
        self._settling.set_result(error)
        return True

    def _over(self, error: BaseException | None, landing: Landing[Entry]) -> None:
        """The child's incarnation is over: so is this one."""
        is_awaited = self._settling is not None and not self._settling.done()
        cell = self.cell
        is_at_work = cell.state in (ActorState.RUNNING, ActorState.STOPPING) and not is_awaited
        if error is not None and is_at_work and landing.in_hand is not None:
            cell.receiving.take_in_hand(landing.in_hand)
            landing = replace(landing, in_hand=None)
        self._take_back(landing, error)
        if self._settle(error):
            return
        if error is not None and cell.state in (ActorState.RUNNING, ActorState.STOPPING):
            cell.kill(error)
        elif error is None and cell.state is ActorState.RUNNING:
            cell.life.retire_soon()

    def _failure(self, error: BaseException) -> MessagingError:
        return failure_of(self.name, error) if error is self._escaped else told(self.name, error)

    def _take_back(self, landing: Landing[Entry], error: BaseException | None) -> None:
        for entry in reversed(landing.not_begun):
            self.cell.mailbox.put_back(entry)
        failure = self._failure(error or ActorFailed(f"{self.name} ended before it answered"))
        for entry in landing.begun:
            self.cell.receiving.answers.refuse(Envelope._make(entry), failure)
        if landing.in_hand is not None:
            held = Envelope._make(landing.in_hand)
            self.cell.receiving.answers.refuse(held, failure)
            self.cell.bury(held, DeadReason.POISON, error)


def _unopened(_message: Any) -> Any:
    raise AssertionError("what goes to another process is not received here")
