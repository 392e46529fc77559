"""The Supervisor: hands calls to workers, their results to the Journal, and what is committed to the run's sink.

All that it knows beyond one message is in the run table, which outlives it; what was on its way to the Journal is
found again by asking the Journal. Knows no host and no file.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Collection, Iterable
from typing import Any

from cuebook.actors import callbacks
from cuebook.actors.dispatch import WorkerLoad, allowance, batch_limit
from cuebook.actors.messages import (
    Append,
    Appended,
    AppendFailed,
    FromWorker,
    GraceOver,
    KillHost,
    Prepare,
    RetryDue,
    RunAdded,
    RunChanged,
    StateRead,
    TakeBack,
    ToWorker,
    Urge,
    WorkerLost,
)
from cuebook.actors.recovery import recover_run
from cuebook.actors.run import EventKind, Kept, Run, Slot, Stop, StopKind
from cuebook.actors.shipping import Shipment, make_shipment
from cuebook.actors.table import RunTable
from cuebook.actors.writing import Writing
from cuebook.engines.outcome import error_text
from cuebook.engines.wire import StateFound, StateKeptAck
from cuebook.persistence.record import Entry
from cuebook.runtime.actor import Actor, Delivery
from cuebook.runtime.errors import InternalError, JournalError, JournalFull
from cuebook.runtime.message import decode, encode

__all__ = ["Supervisor"]

UNCOMMITTED_BYTES_MAX = 64 * 1024 * 1024
"""Results that wait for the disk; beyond it no more calls are started."""


class Supervisor(Actor):
    """Conducts every run in the table.

    Args:
        table: the runs and the crew; owned by the runtime, not by this actor.
    """

    def __init__(self, table: RunTable) -> None:
        self.table = table
        self._tickets = 0
        self._open: dict[int, Writing] = {}
        self._sent: dict[int, Writing] = {}
        self._uncommitted = 0

    async def on_start(self) -> None:
        """Take over the runs of a failed incarnation: replay what was committed, find the workers, requeue the rest."""
        self._tickets = self.table.incarnation << 40
        self.table.incarnation += 1
        self._distrust(self.table.in_hand)
        for run in list(self.table.runs.values()):
            if not run.ended.done():
                self._take_over(run, await recover_run(run))
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
        table = self.table
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
            for writing in list(self._open.values()):
                self._flush(writing.run)

    def _distrust(self, message: Any) -> None:
        """The last incarnation failed on this message: if a worker sent it, nobody knows what of it was done."""
        self.table.in_hand = None
        if isinstance(message, FromWorker | WorkerLost):
            slot = self.table.slots[message.worker]
            slot.ref.tell_nowait(KillHost("the Supervisor failed on what it said"))
            if isinstance(message, WorkerLost):
                slot.life = message.life
                slot.forget()

    def _take_over(self, run: Run, states: Collection[tuple[int, int]]) -> None:
        """Do again what the last incarnation may not have done, or had on its timers; `states` are on disk."""
        if run.ended.done():
            self.table.dismiss(run)
            return
        for slot in run.slots:
            if not slot.is_ready:
                self.prepare(run, slot)
            self._take_over_states(run, slot, states)
        for index, attempt in list(run.retries_pausing.items()):
            self._pause(run, index, attempt)
        run.is_stop_applied = False
        self._advance(run)

    def _take_over_states(self, run: Run, slot: Slot, kept: Collection[tuple[int, int]]) -> None:
        """Answer for the checkpoints that the last incarnation had sent to the Journal, or send them again."""
        for ticket, (number, message) in list(slot.saving.items()):
            if (message.index, number) in kept:
                self._acknowledge(slot, ticket, number)
            else:
                callbacks.state_saved(self, run, slot, message)

    def _acknowledge(self, slot: Slot, ticket: int, number: int, error: str | None = None) -> None:
        if slot.saving.pop(ticket, None) is not None:
            slot.ref.tell_nowait(Urge(encode(StateKeptAck(ticket, number, error))))

    # -- messages -------------------------------------------------------------------------------------------------

    def _handle(self, message: Any) -> Iterable[Run]:
        match message:
            case FromWorker():
                return self._from_worker(message)
            case Appended():
                return self._appended(message)
            case WorkerLost():
                slot = self.table.slots[message.worker]
                slot.life = message.life
                run = self.table.runs.get(slot.run)
                if run is None:
                    self.table.retire(slot)
                    return ()
                callbacks.worker_lost(self, run, slot, message)
                return (run,)
            case RunAdded():
                run = self.table.runs[message.run]
                for slot in run.slots:
                    self.prepare(run, slot)
                return (run,)
            case RunChanged():
                return self._known(message.run)
            case RetryDue():
                return self._retry(message)
            case GraceOver():
                self._kill_rest(message.run, "the run was stopped")
                return ()
            case StateRead():
                slot = self.table.slots[message.worker]
                if message.host == slot.host:
                    self.answer_state(slot, message.ticket, message.state)
                return ()
            case AppendFailed():
                return self._append_failed(message)
        raise InternalError(f"the Supervisor got {message!r}")

    def _known(self, number: int) -> Iterable[Run]:
        run = self.table.runs.get(number)
        return () if run is None else (run,)

    def _from_worker(self, message: FromWorker) -> Iterable[Run]:
        slot = self.table.slots[message.worker]
        run = self.table.runs.get(slot.run)
        for frame in message.frames:
            callbacks.host_said(self, run, slot, decode(frame))
        return () if run is None else (run,)

    def _retry(self, message: RetryDue) -> Iterable[Run]:
        run = self.table.runs.get(message.run)
        if run is None or run.retries_pausing.pop(message.index, None) is None:
            return ()
        run.attempts[message.index] = message.attempt
        run.retries.append((message.index, message.attempt))
        return (run,)

    # -- the journal ----------------------------------------------------------------------------------------------

    def writing(self, run: Run) -> Writing:
        """What will be sent to the Journal for this run at the end of the slice."""
        writing = self._open.get(run.key)
        if writing is None:
            writing = self._open[run.key] = Writing(run)
        return writing

    def write(self, run: Run, entries: Iterable[Entry]) -> None:
        """Have these entries committed with the next message to the Journal; nothing where nothing is kept."""
        if run.journal is None:
            return
        writing = self.writing(run)
        for entry in entries:
            writing.entries.append([int(entry.kind), entry.head, entry.body])
            writing.size += len(entry.head) + len(entry.body or b"")

    def _flush(self, run: Run) -> None:
        writing = self._open.pop(run.key, None)
        if writing is None:
            return
        if run.journal is None or not writing.entries:
            self._committed(writing, run.delivered_seq)
            return
        self._tickets += 1
        self._sent[self._tickets] = writing
        self._uncommitted += writing.size
        run.journal.tell_nowait(Append(run.number, self._tickets, writing.entries, writing.states))
        writing.count, writing.entries, writing.states = len(writing.entries), [], []

    def _appended(self, message: Appended) -> Iterable[Run]:
        writing = self._sent.pop(message.ticket, None)
        if writing is None:
            return ()
        self._uncommitted -= writing.size
        self._committed(writing, message.seq)
        return (writing.run,)

    def _committed(self, writing: Writing, seq: int) -> None:
        run = writing.run
        for outcome in writing.outcomes:
            if isinstance(outcome, Kept):
                run.deliver(outcome)
            else:
                run.deliver_failure(outcome)
        run.delivered_seq = max(run.delivered_seq, seq)
        for ack in writing.acks:
            if run.states.get(ack.index, (0, 0))[0] == ack.number:
                run.states[ack.index] = (ack.number, seq - writing.count + 1 + ack.place)
            if ack.host == ack.slot.host:
                self._acknowledge(ack.slot, ack.ticket, ack.number)
        if writing.closes:
            self._finish(run)
        elif writing.outcomes:
            run.announce()

    def _append_failed(self, message: AppendFailed) -> Iterable[Run]:
        writing = self._sent.pop(message.ticket, None)
        if writing is None:
            return ()
        self._uncommitted -= writing.size
        error = (JournalFull if message.error == "JournalFull" else JournalError)(message.text)
        for ack in writing.acks:
            if ack.host == ack.slot.host:
                self._acknowledge(ack.slot, ack.ticket, ack.number, message.text)
        self.break_run(writing.run, error)
        return ()

    def break_run(self, run: Run, error: BaseException) -> None:
        """End a run that cannot go on: its workers are killed, nothing more is written."""
        if run.ended.done():  # several of its messages to the Journal may fail
            return
        run.stop = Stop(StopKind.BROKEN, error_text(error), 0.0, error)
        if run.closing_entries is not None and not isinstance(error, JournalError):
            self.write(run, run.closing_entries(run))
            self._flush(run)
        self._kill_rest(run.key, "the run is broken")
        self.table.dismiss(run)
        run.end(error)

    def answer_state(self, slot: Slot, ticket: int, state: bytes | None) -> None:
        """Give a call the state that it asked for."""
        slot.ref.tell_nowait(Urge(encode(StateFound(ticket, state))))

    # -- starting and stopping ------------------------------------------------------------------------------------

    def prepare(self, run: Run, slot: Slot) -> None:
        """Have the worker load the function; it answers Ready."""
        slot.is_ready = False
        setup = encode(run.setup(slot.place))
        slot.ref.tell_nowait(Prepare(run.key, setup, run.policy.timeout, slot.life))
        slot.awaited += 1

    def retry_later(self, run: Run, index: int, attempt: int) -> None:
        """Try this call again after its pause."""
        run.retried += 1
        run.announce(EventKind.CALL_RETRIED, index, f"attempt {attempt}")
        run.retries_pausing[index] = attempt
        self._pause(run, index, attempt)

    def _pause(self, run: Run, index: int, attempt: int) -> None:
        try:
            delay_s = run.policy.pause(attempt)
        except Exception as error:
            error.add_note(f"raised by backoff, for attempt {attempt} of call {index}")
            self.break_run(run, error)
            return
        due = RetryDue(run.key, index, attempt)
        if delay_s > 0:
            self.context.after(delay_s, due, key=f"retry-{run.key}-{index}")
        else:
            self.context.self_ref.tell_nowait(due)

    def _advance(self, run: Run) -> None:
        if run.ended.done():
            self._give_up(run)
            return
        if run.stop is not None and not run.is_stop_applied:
            self._apply_stop(run, run.stop)
        if run.stop is None and run.sink.has_room and self._uncommitted < UNCOMMITTED_BYTES_MAX:
            self._dispatch(run)
        self._flush(run)
        if run.stop is not None and not run.is_stop_applied:
            self._apply_stop(run, run.stop)
        if run.is_idle and not run.is_closing and not any(w.run is run for w in self._sent.values()):
            self._close(run)

    def _give_up(self, run: Run) -> None:
        """What another ended (its Journal failed for good) still has workers: they are free again."""
        self._kill_rest(run.key, "the run has ended")
        self.table.dismiss(run)

    def _apply_stop(self, run: Run, stop: Stop) -> None:
        run.is_stop_applied = True
        run.retries.clear()
        run.retries_pausing.clear()
        for slot in run.slots:
            if slot.outstanding.calls:
                slot.ref.tell_nowait(TakeBack(run.key))
        if stop.grace_s is not None:
            if stop.grace_s > 0:
                self.context.after(stop.grace_s, GraceOver(run.key), key=f"grace-{run.key}")
            else:
                self._kill_rest(run.key, "the run was stopped")

    def _kill_rest(self, number: int, reason: str) -> None:
        run = self.table.runs.get(number)
        if run is not None:
            for slot in run.slots:
                if slot.outstanding.calls or not slot.is_ready:
                    slot.ref.tell_nowait(KillHost(reason))

    # -- handing out ----------------------------------------------------------------------------------------------

    def _dispatch(self, run: Run) -> None:
        """Give every worker what it should have; what was put together goes out also where the rest fails."""
        shipments: dict[int, Shipment] = {}
        try:
            self._fill(run, shipments)
        finally:
            for shipment in shipments.values():
                slot = shipment.slot
                if shipment.frames:
                    is_ahead = slot.outstanding.calls > 1
                    slot.ref.tell_nowait(ToWorker(shipment.frames, shipment.calls, is_ahead, slot.life))

    def _fill(self, run: Run, shipments: dict[int, Shipment]) -> None:
        """In rounds, so that a short rest is shared."""
        ready = deque(slot for slot in run.slots if slot.is_ready)
        while ready and run.has_calls:
            slot = ready.popleft()
            load, out = run.load(), slot.outstanding
            allowed = min(allowance(load, WorkerLoad(out.calls, len(out))), self._left_to_serve(run, slot))
            batch = run.take(allowed) if allowed > 0 else None
            if batch is None:
                continue
            shipment = shipments.setdefault(slot.number, Shipment(slot))
            for failure in make_shipment(run, batch, shipment, batch_limit(load)):
                callbacks.final_failure(self, run, failure)
            ready.append(slot)

    def _left_to_serve(self, run: Run, slot: Slot) -> int:
        """Calls until this worker is replaced by a fresh one, which happens here when it is idle."""
        limit = run.policy.recycle_after
        if limit is None:
            return sys.maxsize
        left = limit - slot.served - slot.outstanding.calls
        if left <= 0 and not slot.outstanding.calls:
            callbacks.recycle(self, run, slot)
        return left

    # -- the end of a run -----------------------------------------------------------------------------------------

    def _close(self, run: Run) -> None:
        run.is_closing = True
        if run.journal is None or run.closing_entries is None:
            self._finish(run)
            return
        writing = self.writing(run)
        writing.closes = True
        self.write(run, run.closing_entries(run))
        self._flush(run)

    def _finish(self, run: Run) -> None:
        self.context.cancel_timer(f"grace-{run.key}")
        self.table.dismiss(run)
        run.end()
