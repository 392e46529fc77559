"""The Supervisor: hands calls to workers, their results to the Journal, and what is committed to the run's sink.

It receives, routes, advances and closes; what follows from a message is decided in `outcomes`, and who gets how many
calls in `dispatch`. All that it knows beyond one message is in the run table, which outlives it; what was on its way to
the Journal is found again by asking the Journal. Knows no host and no file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextvars import copy_context
from functools import partial
from time import time
from typing import Any

from cuebook.actors import orders, outcomes
from cuebook.actors.balance import Balance
from cuebook.actors.checkpoints import Checkpoints
from cuebook.actors.crew import look_at_crew, watch_crew
from cuebook.actors.hearing import heard
from cuebook.actors.messages import (
    Appended,
    AppendFailed,
    CrewDue,
    FromWorker,
    GraceOver,
    KillHost,
    LookAgain,
    RetryDue,
    RunAdded,
    RunChanged,
    StateRead,
    WorkerLost,
)
from cuebook.actors.outbox import Outbox, Outgoing
from cuebook.actors.runs.progress import EventKind, Stop, StopKind
from cuebook.actors.runs.roster import RunTable
from cuebook.actors.runs.run import Run
from cuebook.actors.runs.sink import CommittedResults
from cuebook.actors.runs.slot import Slot
from cuebook.actors.shipping import Shipment, fill, served_out
from cuebook.actors.takeover import recover_run
from cuebook.children.logs.forwarding import emit_in_parent
from cuebook.children.logs.logged import Logged
from cuebook.engines.calls.protocol import Failure, Results, SetupFailed, StateSaved, StateWanted
from cuebook.errors import CodecError, FunctionNotShippable, InternalError, JournalError, JournalFull
from cuebook.runtime.cells.actor import Actor, Delivery
from cuebook.wording import error_text

__all__ = ["Supervisor"]


class Supervisor(Actor):
    """Conducts every run in the table.

    Args:
        table: the runs and the crew; owned by the runtime, not by this actor.
    """

    def __init__(self, table: RunTable) -> None:
        self.table = table
        self.outbox = Outbox(table.incarnation)
        self.checkpoints = Checkpoints(self.outbox)
        self.balance = Balance()
        self._now = 0.0
        table.incarnation += 1

    async def on_start(self) -> None:
        """Take over the runs of a failed incarnation: replay what was committed, find the workers, requeue the rest."""
        self._distrust(self.table.in_hand)
        for run in list(self.table.runs.values()):
            if not run.ended.done():
                states = await recover_run(run)
                self._now = self.context.clock.monotonic()
                self._take_over(run, states)
        self._work_off()

    async def on_stop(self) -> None:
        """Runs that are still going on end here."""
        for run in list(self.table.runs.values()):
            run.end(InternalError("the runtime was closed while this run went on"))

    def receive_many(self, deliveries: list[Delivery]) -> None:
        """Work through a drained run of messages, then start calls and write once for all of them."""
        self.table.inbox.extend(delivery.message for delivery in deliveries)
        self._work_off()

    def _work_off(self) -> None:
        # What is received lies in the table until it is worked off: the mailbox counts a message as done once it was
        # handed over, and a failure half-way through a slice must not lose what came behind it.
        table = self.table
        self._now = self.context.clock.monotonic()
        touched: dict[int, Run] = {}
        try:
            while table.inbox:
                table.in_hand = table.inbox.popleft()
                for run in self._handle(table.in_hand):
                    touched[run.key] = run
            table.in_hand = None
            for run in touched.values():
                self._advance(run)
        finally:  # what has come in is kept also where something after it failed
            for run in self.outbox.unsent():
                self._send(run)

    # -- after a failure ------------------------------------------------------------------------------------------

    def _distrust(self, message: Any) -> None:
        """The last incarnation failed on this message: if a worker sent it, nobody knows what of it was done."""
        # To work it off again could deliver twice, to drop it could lose calls. So the worker is taken for lost, with
        # all that it was given: what of it is on disk is found there, and the rest is run again.
        self.table.in_hand = None
        if isinstance(message, FromWorker | WorkerLost):
            slot = self.table.slots[message.worker]
            slot.ref.tell_nowait(KillHost("the Supervisor failed on what it said"))
            if isinstance(message, WorkerLost):
                slot.life = message.life
                slot.forget()

    def _take_over(self, run: Run, states: set[tuple[int, int]]) -> None:
        """Do again what the last incarnation may not have done, or had on its timers; `states` are on disk."""
        if run.ended.done():
            self._give_up(run)
            return
        for slot in run.slots:
            if not slot.is_ready:
                orders.prepare(run, slot)
            self.checkpoints.take_over(run, slot, states)
        for index in list(run.retries_pausing):
            self._pause(run, index)
        watch_crew(run, self.context)
        run.is_stop_applied = False
        self._advance(run)

    # -- messages -------------------------------------------------------------------------------------------------

    def _handle(self, message: Any) -> Iterable[Run]:
        """Work one message off; the runs that it touched are advanced at the end of the slice."""
        match message:
            case FromWorker():
                return self._heard(message)
            case Appended():
                return self._appended(message)
            case WorkerLost():
                return self._lost(message)
            case RunAdded():
                run = self.table.runs[message.run]
                for slot in run.slots:
                    orders.prepare(run, slot)
                watch_crew(run, self.context)
                return (run,)
            case RunChanged():
                return self._known(message.run)
            case LookAgain():
                self.balance.looked(message.run)
                return self._known(message.run)
            case CrewDue():
                for run in self._known(message.run):
                    look_at_crew(run, self.table, self._now, self.context)
                return self._known(message.run)
            case RetryDue():
                return self._retry(message)
            case GraceOver():
                for run in self._known(message.run):
                    orders.kill_busy(run, "the run was stopped")
                return ()
            case StateRead():
                self.checkpoints.found(self.table.slots[message.worker], message)
                return ()
            case AppendFailed():
                return self._append_failed(message)
        raise InternalError(f"the Supervisor got {message!r}")

    def _known(self, key: int) -> Iterable[Run]:
        run = self.table.runs.get(key)
        return () if run is None else (run,)

    def _heard(self, message: FromWorker) -> Iterable[Run]:
        slot = self.table.slots[message.worker]
        run = self.table.runs.get(slot.run)
        for frame in message.frames:
            try:
                said = heard(frame)
            except CodecError as error:  # a call may write anywhere: its worker has to go, and nobody else
                slot.ref.tell_nowait(KillHost(f"sent what is no message ({error})"))
                break
            if isinstance(said, Logged):
                context = copy_context() if run is None else run.context.copy()
                context.run(emit_in_parent, said)
            elif run is not None and said.run == run.key:  # what belongs to a run that is over is dropped
                self._said(run, slot, said)
        return () if run is None else (run,)

    def _said(self, run: Run, slot: Slot, said: Any) -> None:
        if isinstance(said, StateSaved):
            self.checkpoints.save(run, slot, said)
        elif isinstance(said, StateWanted):
            self.checkpoints.find(run, slot, said)
        elif slot.settle(said, self._now):
            if isinstance(said, Results):
                run.measure(said.count, said.seconds)
            elif isinstance(said, Failure):
                run.measure(1, said.seconds)
            elif isinstance(said, SetupFailed):
                run.setup_failures += 1
            self._carry_out(run, slot, outcomes.decide(said, run))

    def _lost(self, lost: WorkerLost) -> Iterable[Run]:
        slot = self.table.slots[lost.worker]
        slot.life = lost.life
        run = self.table.runs.get(slot.run)
        if run is None:
            self.table.retire(slot)
            return ()
        run.announce(EventKind.WORKER_LOST, lost.index if lost.index >= 0 else None, lost.reason)
        left = slot.lose(lost.index)
        run.abandoned += lost.is_timeout and run.policy.abandons
        self._carry_out(run, slot, outcomes.decide_loss(lost, left, run, slot, now=time()))
        return (run,)

    def _retry(self, due: RetryDue) -> Iterable[Run]:
        run = self.table.runs.get(due.run)
        if run is None or run.retries_pausing.pop(due.index, None) is None:
            return ()
        run.attempts[due.index] = due.attempt
        run.retries.append((due.index, due.attempt))
        return (run,)

    # -- decisions ------------------------------------------------------------------------------------------------

    def _carry_out(self, run: Run, slot: Slot, decisions: Sequence[outcomes.Decision]) -> None:
        for decision in decisions:
            if run.ended.done():
                return  # one of them has broken the run
            self._do(run, slot, decision)

    def _do(self, run: Run, slot: Slot, decision: outcomes.Decision) -> None:
        match decision:
            case outcomes.DeliverResults(results):
                self.outbox.complete(run, results)
            case outcomes.RetryCall():
                self._retry_later(run, decision)
            case outcomes.RepeatCall(index, attempt):
                run.repeat(index, attempt)
            case outcomes.RequeueCalls(indexes):
                run.put_back(indexes)
            case outcomes.ChargeDeath(index):
                run.deaths[index] = run.deaths.get(index, 0) + 1
            case outcomes.FailCall():
                self._fail(run, decision)
            case outcomes.MarkReady():
                slot.is_ready = True
            case outcomes.CompareGenerators(generators):
                text = run.plan.on_generators(slot.number, generators)
                if text is not None:
                    run.announce(EventKind.NOTICE, detail=text)
            case outcomes.ShipAnew(differs):
                self._ship_anew(run, partial(run.plan.reship, differs))
            case outcomes.ShipUnloaded(error_type, error):
                self._ship_anew(run, partial(_or_raise, run.plan.reship_unloaded, error_type, error))
            case outcomes.PrepareWorker():
                orders.prepare(run, slot)
            case outcomes.RecycleWorker():
                orders.recycle(run, slot)
            case outcomes.BreakRun(error):
                self._break(run, error)

    def _retry_later(self, run: Run, retry: outcomes.RetryCall) -> None:
        run.retried += 1
        run.announce(EventKind.CALL_RETRIED, retry.index, f"attempt {retry.attempt}")
        run.retries_pausing[retry.index] = (retry.attempt, retry.cause)
        self._pause(run, retry.index)

    def _pause(self, run: Run, index: int) -> None:
        attempt, cause = run.retries_pausing[index]
        try:
            delay_s = run.policy.pause(attempt, cause)
        except Exception as error:
            error.add_note(f"raised by backoff, for attempt {attempt} of call {index}")
            self._break(run, error)
            return
        due = RetryDue(run.key, index, attempt)
        if delay_s > 0:
            self.context.after(delay_s, due, key=f"retry-{run.key}-{index}")
        else:
            self.context.self_ref.tell_nowait(due)

    def _fail(self, run: Run, failed: outcomes.FailCall) -> None:
        self.outbox.fail(run, failed)
        run.hear_failure(failed.error)

    def _ship_anew(self, run: Run, reship: Callable[[], None]) -> None:
        try:
            reship()
        except FunctionNotShippable as error:
            self._break(run, error)
            return
        for slot in run.slots:
            orders.prepare(run, slot)

    def _break(self, run: Run, error: BaseException, *, can_write: bool = True) -> None:
        """End a run that cannot go on: its workers are killed, and no more is written than how it has ended."""
        if run.ended.done():  # several of its messages to the Journal may fail
            return
        run.stop = Stop(StopKind.BROKEN, error_text(error), 0.0, error)
        if run.plan.closing_entries is not None and can_write:
            self.outbox.write(run, run.plan.closing_entries(run))
            self._send(run)
        orders.kill_busy(run, "the run is broken")
        self.table.dismiss(run)
        run.end(error)

    # -- the journal ----------------------------------------------------------------------------------------------

    def _send(self, run: Run) -> None:
        outgoing = self.outbox.send(run)
        if outgoing is not None:
            self._committed(outgoing, run.delivered_seq)

    def _appended(self, message: Appended) -> Iterable[Run]:
        had_room = self.outbox.has_room
        outgoing = self.outbox.answered(message.ticket)
        if outgoing is None:
            return ()
        self._committed(outgoing, message.seq)
        # While calls are out and the disk keeps up, what comes next hangs on what workers say, and not on this.
        run = outgoing.run
        return () if had_room and run.stop is None and not run.is_idle else (run,)

    def _committed(self, outgoing: Outgoing, seq: int) -> None:
        run = outgoing.run
        for outcome in outgoing.outcomes:
            if isinstance(outcome, CommittedResults):
                run.deliver(outcome)
            else:
                run.deliver_failure(outcome)
        run.note_delivered(seq)
        self.checkpoints.committed(outgoing, seq)
        if outgoing.closes:
            self._finish(run)
        elif outgoing.outcomes:
            run.announce()

    def _append_failed(self, message: AppendFailed) -> Iterable[Run]:
        outgoing = self.outbox.answered(message.ticket)
        if outgoing is None:
            return ()
        self.checkpoints.refused(outgoing, message.text)
        kind = JournalFull if message.error == "JournalFull" else JournalError
        self._break(outgoing.run, kind(message.text), can_write=False)
        return ()

    # -- what is next ---------------------------------------------------------------------------------------------

    def _advance(self, run: Run) -> None:
        if run.ended.done():
            self._give_up(run)
            return
        if run.stop is not None and not run.is_stop_applied:
            self._apply_stop(run, run.stop)
        if run.stop is None and run.sink.has_room and self.outbox.has_room:
            self._hand_out(run)
            self.balance.look(run, self._now, self.context)
        self._send(run)
        if run.stop is not None and not run.is_stop_applied:
            self._apply_stop(run, run.stop)
        if run.is_idle and not run.is_closing and not self.outbox.is_waiting(run):
            self._close(run)

    def _hand_out(self, run: Run) -> None:
        """Give every worker what it should have; what was put together goes out also where the rest fails."""
        for slot in served_out(run):
            orders.recycle(run, slot)
        shipments: dict[int, Shipment] = {}
        try:
            for failed in fill(run, shipments, self._now):
                self._fail(run, failed)
        finally:
            orders.ship(shipments.values())
        self.balance.look_in_time(run, self._now, self.context)

    def _apply_stop(self, run: Run, stop: Stop) -> None:
        run.is_stop_applied = True
        run.retries.clear()
        run.retries_pausing.clear()
        for slot in run.slots:
            if slot.outstanding.calls:
                orders.take_back(run, slot)
        if stop.grace_s is not None:
            if stop.grace_s > 0:
                self.context.after(stop.grace_s, GraceOver(run.key), key=f"grace-{run.key}")
            else:
                orders.kill_busy(run, "the run was stopped")

    def _give_up(self, run: Run) -> None:
        """What another ended (its Journal failed for good) still has workers: they are free again."""
        if run.key in self.table.runs:  # else they may work for another run by now
            orders.kill_busy(run, "the run has ended")
            self.table.dismiss(run)

    def _close(self, run: Run) -> None:
        run.is_closing = True
        if run.journal is None or run.plan.closing_entries is None:
            self._finish(run)
            return
        self.outbox.write(run, run.plan.closing_entries(run)).closes = True
        self._send(run)

    def _finish(self, run: Run) -> None:
        for name in ("grace", "crew"):
            self.context.cancel_timer(f"{name}-{run.key}")
        self.balance.over(run, self.context)
        self.table.dismiss(run)
        run.end()


def _or_raise(reship: Callable[[str], bool], error_type: str, error: FunctionNotShippable) -> None:
    if not reship(error_type):
        raise error
