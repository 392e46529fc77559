"""A simulation is worth what it finds: each of these bugs is planted into the real actors, and must be caught soon.

Each test names what catches it first. A bug that only breaks on its own mistake (a patched name that is gone) is refused.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from cuebook.actors import orders, supervisor, takeover
from cuebook.actors.checkpoints import Checkpoints
from cuebook.actors.commits import answered
from cuebook.actors.journal import JournalActor, Unanswered
from cuebook.actors.messages import Appended, StateRead, WorkerLost
from cuebook.actors.outbox import Outbox
from cuebook.actors.runs.outstanding import Outstanding
from cuebook.actors.runs.run import Run
from cuebook.actors.runs.slot import Slot
from cuebook.actors.supervisor import Supervisor
from cuebook.actors.verdicts import CallVerdict
from cuebook.actors.worker import WorkerActor
from cuebook.errors import CallFailed
from cuebook.runtime.cells.restarting import Restarting
from cuebook.testing.memory_store import MemoryStore
from cuebook.testing.simulation.runner import Scenario, SimulationFailed, simulate

Patch = pytest.MonkeyPatch


SEEDS = 500
CHECKPOINTS = Scenario(
    calls=30,
    workers=3,
    retries=2,
    timeout=None,
    kills=4,
    failures=0,
    deaths=8,
    crashes=0,
    misfortune=0.5,
    checkpoints=1.0,
)
"""Calls that ask for their states and keep new ones all the time, and workers that die of it."""


class _Failures(logging.Handler):
    """What actors failed with, of the kind that only a mistake in the planted bug itself brings about."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.mistakes: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, AttributeError | TypeError | NameError):
            self.mistakes.append(error)


@contextmanager
def _overheard() -> Iterator[_Failures]:
    heard, log = _Failures(), logging.getLogger("cuebook")
    log.addHandler(heard)
    try:
        yield heard
    finally:
        log.removeHandler(heard)


def caught(by: str, scenario: Scenario | None = None) -> None:
    """The first failing simulation begins with a violation that matches `by`, and no actor failed on a mistake.

    Most of these bugs need a handful of seeds, the shyest a hundred.
    """
    with _overheard() as heard:
        for seed in range(SEEDS):
            try:
                simulate(seed, scenario)
            except Exception as failure:
                assert not heard.mistakes, f"the planted bug is broken itself: {heard.mistakes[0]!r}"
                if not isinstance(failure, SimulationFailed):
                    raise
                assert re.search(by, failure.violations[0]), f"caught by something else: {failure.violations[0]}"
                return
    pytest.fail(f"not caught within {SEEDS} seeds")


STUCK = "^stuck"
TWICE = "runs again after its outcome was on disk|at the same time|has two outcomes on disk"


def test_a_planted_bug_that_is_broken_itself_is_no_catch(monkeypatch: Patch) -> None:
    def broken(self: Run, kept: Any) -> None:
        self.no_such_name(kept)  # type: ignore[attr-defined]

    monkeypatch.setattr(Run, "deliver", broken)

    with pytest.raises(AssertionError, match="broken itself: AttributeError"):
        caught(".")


def test_a_bug_that_something_else_catches_is_no_catch(monkeypatch: Patch) -> None:
    monkeypatch.setattr(Run, "lost_calls", lambda self: self.source.undone())

    with pytest.raises(AssertionError, match="caught by something else: call"):
        caught(STUCK)


def test_an_acknowledgement_before_the_commit_is_caught(monkeypatch: Patch) -> None:
    begin = JournalActor._begin_commit

    def hasty(self: JournalActor, left: Unanswered) -> None:
        begin(self, left)
        for delivery in left.commit.waiting:
            answered(delivery, Appended(delivery.message.ticket, self.file.last_seq + 1))

    monkeypatch.setattr(JournalActor, "_begin_commit", hasty)

    caught("was delivered before its result was on disk")


def test_a_delivery_before_the_commit_is_caught(monkeypatch: Patch) -> None:
    send = Outbox.send

    def hasty(self: Outbox, run: Run) -> Any:
        outcomes = self.of(run).outcomes
        for outcome in outcomes:
            run.deliver(outcome) if not isinstance(outcome, Exception) else run.deliver_failure(outcome)
        outcomes.clear()
        return send(self, run)

    monkeypatch.setattr(Outbox, "send", hasty)

    caught("was delivered before its result was on disk")


def test_a_message_lost_on_restart_is_caught(monkeypatch: Patch) -> None:
    restart = Restarting._restart

    def forgetful(self: Restarting) -> None:
        self._cell.mailbox.take()
        restart(self)

    monkeypatch.setattr(Restarting, "_restart", forgetful)

    caught(STUCK)


def test_what_a_failed_journal_had_in_hand_being_lost_is_caught(monkeypatch: Patch) -> None:
    init = JournalActor.__init__
    monkeypatch.setattr(JournalActor, "__init__", lambda self, file, _unanswered: init(self, file))

    caught(STUCK)


def test_a_double_dispatch_is_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(Run, "lost_calls", lambda self: self.source.undone())

    caught(TWICE)


def test_a_call_given_back_although_it_runs_is_caught(monkeypatch: Patch) -> None:
    take = Run.take

    given_back: set[tuple[int, int]] = set()

    def generous(self: Run, limit: int) -> Any:
        batch = take(self, limit)
        if batch is not None and len(batch.indexes) and batch.indexes[0] % 7 == 3 and batch.attempts is None:
            call = (id(self), batch.indexes[0])
            if call not in given_back:  # else it would be handed out for ever, in one and the same moment
                given_back.add(call)
                self.put_back([batch.indexes[0]])
        return batch

    monkeypatch.setattr(Run, "take", generous)

    caught(TWICE)


def test_a_dropped_loss_of_a_worker_is_caught(monkeypatch: Patch) -> None:
    lose = WorkerActor._lose

    def silent(self: WorkerActor, loss: Any) -> None:
        supervisor, self._supervisor = self._supervisor, _nobody
        lose(self, loss)
        self._supervisor = supervisor

    monkeypatch.setattr(WorkerActor, "_lose", silent)

    caught(STUCK)


def test_a_recovery_that_does_not_ask_the_journal_is_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(JournalActor, "_records", lambda self, question: [])

    caught("runs again after its outcome was on disk")


def test_a_failed_write_taken_for_done_is_caught(monkeypatch: Patch) -> None:
    def hopeful(self: Supervisor, message: Any) -> Any:
        return self._appended(Appended(message.ticket, 0))

    monkeypatch.setattr(Supervisor, "_append_failed", hopeful)

    caught("before it was on disk|before its result was on disk")


def test_a_store_that_forgets_what_it_had_synced_is_caught(monkeypatch: Patch) -> None:
    image = MemoryStore.crash_image

    def leaky(self: MemoryStore) -> MemoryStore:
        store = image(self)
        del store._rows[-1:]
        return store

    monkeypatch.setattr(MemoryStore, "crash_image", leaky)

    caught("runs again after its outcome was on disk|and \\d+ had been kept")


def test_a_state_for_a_host_that_is_gone_is_caught(monkeypatch: Patch) -> None:
    """Each host counts its questions from 1: what a dead one has asked must not be answered to the next."""
    found = Checkpoints.found

    def confused(self: Checkpoints, slot: Slot, read: StateRead) -> None:
        found(self, slot, replace(read, host=slot.host))

    monkeypatch.setattr(Checkpoints, "found", confused)

    caught("was given the state of call|was answered with", CHECKPOINTS)


def test_an_acknowledgement_for_a_host_that_is_gone_is_caught(monkeypatch: Patch) -> None:
    committed = Checkpoints.committed

    def confused(self: Checkpoints, outgoing: Any, seq: int) -> None:
        outgoing.acks = [replace(ack, host=ack.slot.host) for ack in outgoing.acks]
        for ack in outgoing.acks:
            ack.slot.saving.setdefault(ack.ticket, (ack.number, None))
        committed(self, outgoing, seq)

    monkeypatch.setattr(Checkpoints, "committed", confused)

    caught("before it was on disk", CHECKPOINTS)


def test_a_checkpoint_that_no_one_acknowledges_after_a_restart_is_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(Checkpoints, "take_over", lambda self, run, slot, kept: None)

    caught(STUCK, CHECKPOINTS)


def test_a_death_that_counts_as_a_retry_is_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(
        "cuebook.actors.outcomes.after_failure",
        lambda attempt, retries, stops: CallVerdict.RETRY if attempt < retries and not stops else CallVerdict.FAIL,
    )

    caught("was given up without reason")


def test_outstanding_calls_forgotten_with_their_worker_are_caught(monkeypatch: Patch) -> None:
    clear = Outstanding.clear
    monkeypatch.setattr(Outstanding, "clear", lambda self: clear(self)[:1])

    caught("the run ended without calls")


def test_calls_counted_before_their_sink_has_them_are_caught(monkeypatch: Patch) -> None:
    deliver = Run.deliver

    def early(self: Run, kept: Any) -> None:
        self.done += len(kept.indexes)
        deliver(self, kept)
        self.done -= len(kept.indexes)

    monkeypatch.setattr(Run, "deliver", early)

    caught("done and .* delivered")


def test_a_failure_that_loses_its_class_in_recovery_is_caught(monkeypatch: Patch) -> None:
    failure = takeover._failure

    def plain(run: Run, head: Any, body: Any, seq: int) -> CallFailed:
        error = failure(run, head, body, seq)
        return CallFailed(error.index, error.arguments, error_type=error.error_type, attempts=error.attempts)

    monkeypatch.setattr(takeover, "_failure", plain)

    caught("was given up without reason", Scenario(kills=5, misfortune=0.8, raises=False, retries=0))


def test_a_call_that_no_timer_watches_is_caught(monkeypatch: Patch) -> None:
    """It was still on its way when its Worker looked for something to watch."""
    monkeypatch.setattr(WorkerActor, "_was_idle", property(lambda self: True, lambda self, value: None), raising=False)

    caught(STUCK, Scenario(calls=30, workers=1, timeout=0.3, kills=0, crashes=0, misfortune=0.5))


def test_calls_of_a_failed_dispatch_that_nobody_gets_are_caught(monkeypatch: Patch) -> None:
    fill = supervisor.fill

    def strand(run: Run, shipments: Any, now: float) -> Any:
        try:
            yield from fill(run, shipments, now)
        except BaseException:
            shipments.clear()
            raise

    monkeypatch.setattr(supervisor, "fill", strand)

    caught(STUCK, Scenario(failures=8, kills=0, misfortune=0.0))


def test_a_time_out_charged_as_a_death_is_caught(monkeypatch: Patch) -> None:
    on_failure = WorkerActor.on_failure

    async def forgetful(self: WorkerActor, error: BaseException) -> None:
        self._is_timed_out = False
        await on_failure(self, error)

    monkeypatch.setattr(WorkerActor, "on_failure", forgetful)

    scenario = Scenario(calls=8, timeout=0.2, retries=3, kills=24, deaths=0, misfortune=1.0, crashes=0)
    caught("was given up without reason: WorkerDied", scenario)


def test_a_prepare_that_is_counted_and_was_never_sent_is_caught(monkeypatch: Patch) -> None:
    prepare = orders.prepare

    def early(run: Run, slot: Slot) -> None:
        slot.awaited += 1
        prepare(run, slot)
        slot.awaited -= 1

    monkeypatch.setattr(orders, "prepare", early)

    caught(STUCK)


class _Nobody:
    def tell_nowait(self, message: Any, urgent: bool = False) -> None:
        assert isinstance(message, WorkerLost)


def _nobody() -> Any:
    return _Nobody()
