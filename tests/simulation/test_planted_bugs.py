"""A simulation is worth what it finds: each of these bugs is planted into the real actors, and must be caught soon."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from cuebook.actors import recovery
from cuebook.actors.commits import answered
from cuebook.actors.journal import JournalActor, Unanswered
from cuebook.actors.messages import Appended, StateRead, WorkerLost
from cuebook.actors.outstanding import Outstanding
from cuebook.actors.run import Run
from cuebook.actors.supervisor import Supervisor
from cuebook.actors.verdicts import Verdict
from cuebook.actors.worker import WorkerActor
from cuebook.errors import CallFailed
from cuebook.runtime.cells.lifecycle import Lifecycle
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


def caught(scenario: Scenario | None = None) -> str:
    """What the first failing simulation says: most of these bugs need a handful of seeds, the shyest a hundred."""
    for seed in range(SEEDS):
        try:
            simulate(seed, scenario)
        except SimulationFailed as failure:
            return "\n".join(failure.violations)
    pytest.fail(f"not caught within {SEEDS} seeds")


def test_an_acknowledgement_before_the_commit_is_caught(monkeypatch: Patch) -> None:
    begin = JournalActor._begin_commit

    def hasty(self: JournalActor, left: Unanswered) -> None:
        begin(self, left)
        for delivery in left.commit.waiting:
            answered(delivery, Appended(delivery.message.ticket, self.file.last_seq + 1))

    monkeypatch.setattr(JournalActor, "_begin_commit", hasty)

    assert "before it" in caught()


def test_a_delivery_before_the_commit_is_caught(monkeypatch: Patch) -> None:
    flush = Supervisor._flush

    def hasty(self: Supervisor, run: Run) -> None:
        writing = self._open.get(run.number)
        if writing is not None:
            for outcome in writing.outcomes:
                run.deliver(outcome) if not isinstance(outcome, Exception) else run.deliver_failure(outcome)
            writing.outcomes.clear()
        flush(self, run)

    monkeypatch.setattr(Supervisor, "_flush", hasty)

    assert "was delivered before" in caught()


def test_a_message_lost_on_restart_is_caught(monkeypatch: Patch) -> None:
    restart = Lifecycle._restart

    def forgetful(self: Lifecycle) -> None:
        self.mailbox.take()
        restart(self)

    monkeypatch.setattr(Lifecycle, "_restart", forgetful)

    caught()


def test_what_a_failed_journal_had_in_hand_being_lost_is_caught(monkeypatch: Patch) -> None:
    init = JournalActor.__init__
    monkeypatch.setattr(JournalActor, "__init__", lambda self, file, _unanswered: init(self, file))

    caught()


def test_a_double_dispatch_is_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(Run, "lost_calls", lambda self: self.source.undone())

    caught()


def test_a_call_given_back_although_it_runs_is_caught(monkeypatch: Patch) -> None:
    take = Run.take

    def generous(self: Run, limit: int) -> Any:
        batch = take(self, limit)
        if batch is not None and len(batch.indexes) and batch.indexes[0] % 7 == 3 and batch.attempts is None:
            self.put_back([batch.indexes[0]])
        return batch

    monkeypatch.setattr(Run, "take", generous)

    caught()


def test_a_dropped_loss_of_a_worker_is_caught(monkeypatch: Patch) -> None:
    lose = WorkerActor._lose

    def silent(self: WorkerActor, loss: Any) -> None:
        supervisor, self._supervisor = self._supervisor, _nobody
        lose(self, loss)
        self._supervisor = supervisor

    monkeypatch.setattr(WorkerActor, "_lose", silent)

    assert "stuck" in caught()


def test_a_recovery_that_does_not_ask_the_journal_is_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(JournalActor, "_records", lambda self, question: [])

    assert "after its outcome was on disk" in caught()


def test_a_failed_write_taken_for_done_is_caught(monkeypatch: Patch) -> None:
    def hopeful(self: Supervisor, message: Any) -> Any:
        return self._appended(Appended(message.ticket, 0))

    monkeypatch.setattr(Supervisor, "_append_failed", hopeful)

    assert "before it" in caught()


def test_a_store_that_forgets_what_it_had_synced_is_caught(monkeypatch: Patch) -> None:
    image = MemoryStore.crash_image

    def leaky(self: MemoryStore) -> MemoryStore:
        store = image(self)
        del store._rows[-1:]
        return store

    monkeypatch.setattr(MemoryStore, "crash_image", leaky)

    caught()


def test_a_state_for_a_host_that_is_gone_is_caught(monkeypatch: Patch) -> None:
    """Each host counts its questions from 1: what a dead one has asked must not be answered to the next."""
    handle = Supervisor._handle

    def confused(self: Supervisor, message: Any) -> Any:
        if isinstance(message, StateRead):
            slot = self.table.slots[message.worker]
            message = replace(message, host=slot.host)
        return handle(self, message)

    monkeypatch.setattr(Supervisor, "_handle", confused)

    assert re.search("was given the state of call|was answered with", caught(CHECKPOINTS))


def test_an_acknowledgement_for_a_host_that_is_gone_is_caught(monkeypatch: Patch) -> None:
    committed = Supervisor._committed

    def confused(self: Supervisor, writing: Any, seq: int) -> None:
        writing.acks = [replace(ack, host=ack.slot.host) for ack in writing.acks]
        for ack in writing.acks:
            ack.slot.saving.setdefault(ack.ticket, (ack.number, None))
        committed(self, writing, seq)

    monkeypatch.setattr(Supervisor, "_committed", confused)

    assert "before it was on disk" in caught(CHECKPOINTS)


def test_a_checkpoint_that_no_one_acknowledges_after_a_restart_is_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(Supervisor, "_take_over_states", lambda self, run, slot, kept: None)

    assert "stuck" in caught(CHECKPOINTS)


def test_a_death_that_counts_as_a_retry_is_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(
        "cuebook.actors.callbacks.after_failure",
        lambda attempt, retries, stops: Verdict.RETRY if attempt < retries and not stops else Verdict.FAIL,
    )

    assert "without reason" in caught()


def test_outstanding_calls_forgotten_with_their_worker_are_caught(monkeypatch: Patch) -> None:
    clear = Outstanding.clear
    monkeypatch.setattr(Outstanding, "clear", lambda self: clear(self)[:1])

    caught()


def test_calls_counted_before_their_sink_has_them_are_caught(monkeypatch: Patch) -> None:
    deliver = Run.deliver

    def early(self: Run, kept: Any) -> None:
        self.done += len(kept.indexes)
        deliver(self, kept)
        self.done -= len(kept.indexes)

    monkeypatch.setattr(Run, "deliver", early)

    assert "done and" in caught()


def test_a_failure_that_loses_its_class_in_recovery_is_caught(monkeypatch: Patch) -> None:
    failure = recovery._failure

    def plain(run: Run, head: Any, body: Any) -> CallFailed:
        error = failure(run, head, body)
        return CallFailed(error.index, error.arguments, error_type=error.error_type, attempts=error.attempts)

    monkeypatch.setattr(recovery, "_failure", plain)

    assert "without reason" in caught(Scenario(kills=5, misfortune=0.8, raises=False, retries=0))


def test_a_call_that_no_timer_watches_is_caught(monkeypatch: Patch) -> None:
    """It was still on its way when its Worker looked for something to watch."""
    monkeypatch.setattr(WorkerActor, "_was_idle", property(lambda self: True, lambda self, value: None), raising=False)

    assert "stuck" in caught(Scenario(calls=30, workers=1, timeout=0.3, kills=0, crashes=0, misfortune=0.5))


def test_calls_of_a_failed_dispatch_that_nobody_gets_are_caught(monkeypatch: Patch) -> None:
    fill = Supervisor._fill

    def strand(self: Supervisor, run: Run, shipments: Any) -> None:
        try:
            fill(self, run, shipments)
        except BaseException:
            shipments.clear()
            raise

    monkeypatch.setattr(Supervisor, "_fill", strand)

    assert "stuck" in caught(Scenario(failures=8, kills=0, misfortune=0.0))


def test_a_time_out_charged_as_a_death_is_caught(monkeypatch: Patch) -> None:
    on_failure = WorkerActor.on_failure

    async def forgetful(self: WorkerActor, error: BaseException) -> None:
        self._is_timed_out = False
        await on_failure(self, error)

    monkeypatch.setattr(WorkerActor, "on_failure", forgetful)

    caught(Scenario(calls=4, timeout=0.3, retries=2, kills=8, deaths=0, misfortune=1.0, crashes=0))


def test_a_prepare_that_is_counted_and_was_never_sent_is_caught(monkeypatch: Patch) -> None:
    prepare = Supervisor.prepare

    def early(self: Supervisor, run: Run, slot: Any) -> None:
        slot.awaited += 1
        prepare(self, run, slot)
        slot.awaited -= 1

    monkeypatch.setattr(Supervisor, "prepare", early)

    assert "stuck" in caught()


class _Nobody:
    def tell_nowait(self, message: Any, urgent: bool = False) -> None:
        assert isinstance(message, WorkerLost)


def _nobody() -> Any:
    return _Nobody()
