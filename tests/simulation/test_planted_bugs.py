"""A simulation is worth what it finds: each of these bugs is planted into the real actors, and must be caught soon."""

from __future__ import annotations

from typing import Any

import pytest

from cuebook.actors.journal import JournalActor, Unanswered
from cuebook.actors.messages import Appended, StateRead, WorkerLost
from cuebook.actors.outstanding import Outstanding
from cuebook.actors.run import Run
from cuebook.actors.supervisor import Supervisor
from cuebook.actors.verdicts import Verdict
from cuebook.actors.worker import WorkerActor
from cuebook.persistence.memory import MemoryStore
from cuebook.runtime.lifecycle import Lifecycle
from cuebook.testing.simulation import SimulationFailed, simulate

Patch = pytest.MonkeyPatch


def caught_within(seeds: int) -> str:
    """What the first failing simulation says."""
    for seed in range(1, seeds + 1):
        try:
            simulate(seed)
        except SimulationFailed as failure:
            return "\n".join(failure.violations)
    pytest.fail(f"not caught within {seeds} seeds")


def test_an_acknowledgement_before_the_commit_is_caught(monkeypatch: Patch) -> None:
    begin = JournalActor._begin_commit

    def hasty(self: JournalActor, left: Unanswered) -> None:
        begin(self, left)
        for delivery in left.waiting:
            self._answer(delivery, Appended(delivery.message.ticket, self.file.last_seq + 1))

    monkeypatch.setattr(JournalActor, "_begin_commit", hasty)

    assert "before it" in caught_within(5)


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

    assert "was delivered before" in caught_within(5)


def test_a_message_lost_on_restart_is_caught(monkeypatch: Patch) -> None:
    restart = Lifecycle._restart

    def forgetful(self: Lifecycle) -> None:
        self.mailbox.take()
        restart(self)

    monkeypatch.setattr(Lifecycle, "_restart", forgetful)

    caught_within(60)


def test_what_a_failed_journal_had_in_hand_being_lost_is_caught(monkeypatch: Patch) -> None:
    init = JournalActor.__init__
    monkeypatch.setattr(JournalActor, "__init__", lambda self, file, _unanswered: init(self, file))

    caught_within(60)


def test_a_double_dispatch_is_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(Run, "lost_calls", lambda self: self.source.undone())

    assert "at the same time" in caught_within(40) or "runs again" in caught_within(40)


def test_a_call_given_back_although_it_runs_is_caught(monkeypatch: Patch) -> None:
    take = Run.take

    def generous(self: Run, limit: int) -> Any:
        batch = take(self, limit)
        if batch is not None and len(batch.indexes) and batch.indexes[0] % 7 == 3 and batch.attempts is None:
            self.put_back([batch.indexes[0]])
        return batch

    monkeypatch.setattr(Run, "take", generous)

    caught_within(5)


def test_a_dropped_loss_of_a_worker_is_caught(monkeypatch: Patch) -> None:
    lose = WorkerActor._lose

    def silent(self: WorkerActor, loss: Any) -> None:
        supervisor, self._supervisor = self._supervisor, _nobody
        lose(self, loss)
        self._supervisor = supervisor

    monkeypatch.setattr(WorkerActor, "_lose", silent)

    assert "stuck" in caught_within(10)


def test_a_recovery_that_does_not_ask_the_journal_is_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(JournalActor, "_records", lambda self, question: [])

    assert "after its outcome was on disk" in caught_within(40)


def test_a_failed_write_taken_for_done_is_caught(monkeypatch: Patch) -> None:
    def hopeful(self: Supervisor, message: Any) -> Any:
        return self._appended(Appended(message.ticket, 0))

    monkeypatch.setattr(Supervisor, "_append_failed", hopeful)

    assert "before it" in caught_within(60)


def test_a_store_that_forgets_what_it_had_synced_is_caught(monkeypatch: Patch) -> None:
    image = MemoryStore.crash_image

    def leaky(self: MemoryStore) -> MemoryStore:
        store = image(self)
        del store._rows[-1:]
        return store

    monkeypatch.setattr(MemoryStore, "crash_image", leaky)

    caught_within(60)


def test_an_answer_for_a_host_that_is_gone_is_caught(monkeypatch: Patch) -> None:
    """Each host counts its questions from 1: the answer to a dead one must not reach the next."""
    handle = Supervisor._handle

    def confused(self: Supervisor, message: Any) -> Any:
        if isinstance(message, StateRead):
            slot = self.table.slots[message.worker]
            message = StateRead(message.worker, slot.host, message.ticket, message.state)
        return handle(self, message)

    monkeypatch.setattr(Supervisor, "_handle", confused)

    caught_within(3000)


def test_a_death_that_counts_as_a_retry_is_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(
        "cuebook.actors.callbacks.after_failure",
        lambda attempt, retries, stops: Verdict.RETRY if attempt < retries and not stops else Verdict.FAIL,
    )

    assert "without reason" in caught_within(20)


def test_outstanding_calls_forgotten_with_their_worker_are_caught(monkeypatch: Patch) -> None:
    clear = Outstanding.clear
    monkeypatch.setattr(Outstanding, "clear", lambda self: clear(self)[:1])

    caught_within(20)


class _Nobody:
    def tell_nowait(self, message: Any, urgent: bool = False) -> None:
        assert isinstance(message, WorkerLost)


def _nobody() -> Any:
    return _Nobody()
