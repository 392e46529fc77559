"""Sees everything in a simulation, writes it down, and says what must not have happened. Causes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cuebook.actors.runs.sink import CommittedResults
from cuebook.errors import CallFailed, CallTimedOut, WorkerDied
from cuebook.persistence.records.record import Kind
from cuebook.persistence.records.row import Row
from cuebook.persistence.records.run_heads import Completed, Failed, StateKept
from cuebook.persistence.values import ValueDecoder
from cuebook.testing.simulation.diary import Diary
from cuebook.testing.simulation.plan import DEATHS_MAX, CallPlan, Fate, Scenario, expected_end
from cuebook.wire.codec import unpack

__all__ = ["Witness"]


class Witness(Diary):
    """The diary of a simulated run.

    Args:
        scenario, plans: what was planned.

    Attributes:
        completed: the calls that have a result on disk, with the run that made it.
    """

    def __init__(self, scenario: Scenario, plans: Sequence[CallPlan]) -> None:
        super().__init__()
        self.scenario = scenario
        self.plans = plans
        self.completed: dict[int, int] = {}
        self._decode = ValueDecoder().decode_many
        self._states_on_disk: Counter[int] = Counter()
        self._states_told: Counter[int] = Counter()
        self.begin_life(0)

    def begin_life(self, run: int) -> None:
        """A new process, with a run of this number."""
        self.run = run
        self.is_blind = False
        self.failed: set[int] = set()
        self.delivered: set[int] = set()
        self.failures_delivered: dict[int, CallFailed] = {}
        self.cut_short: set[int] = set()
        self.running: dict[int, str] = {}
        self.attempts: Counter[tuple[int, Fate]] = Counter()
        self.idle_losses = 0

    # -- calls ----------------------------------------------------------------------------------------------------

    def begins(self, index: int, attempt: int, where: str) -> None:
        """An attempt of a call begins in a host."""
        self.note(f"{where} begins call {index}, attempt {attempt}")
        if index in self.running:
            self.blame(f"call {index} runs in {where} and in {self.running[index]} at the same time")
        if index in self.completed or index in self.failed:
            self.blame(f"call {index} runs again after its outcome was on disk")
        self.running[index] = where

    def ends(self, index: int, fate: Fate, where: str) -> None:
        """The attempt is over."""
        self.note(f"{where}: call {index} {fate.value}")
        self.attempts[index, fate] += 1
        self.running.pop(index, None)

    # -- the disk -------------------------------------------------------------------------------------------------

    def kept(self, rows: Sequence[Row], states: Sequence[tuple[int, bytes]]) -> None:
        """These rows are on disk from now on."""
        if self.is_blind:
            return
        bodies = dict(states)
        for seq, kind, run, _, _, head, body, _ in rows:
            if kind == Kind.COMPLETED:
                indexes = Completed.decode(head).places
                self.note(f"on disk: results of {list(indexes)} of run {run}")
                self._kept_results(run, indexes, body or b"")
            elif kind == Kind.FAILED:
                index = Failed.decode(head).index
                self.note(f"on disk: failure of {index} of run {run}")
                if index in self.completed or index in self.failed:
                    self.blame(f"call {index} has two outcomes on disk")
                self.failed.add(index)
            elif kind == Kind.STATE:
                index = StateKept.decode(head).index
                self.note(f"on disk: state of call {index}")
                self._states_on_disk[index] = max(self._states_on_disk[index], unpack(bodies[seq])[1])
            elif kind == Kind.RUN_CLOSED:
                self.note(f"on disk: run {run} is closed")

    def _kept_results(self, run: int, indexes: Sequence[int], body: bytes) -> None:
        for index, value in zip(indexes, self._decode(body, len(indexes)), strict=True):
            if index in self.completed or index in self.failed:
                self.blame(f"call {index} has two outcomes on disk")
            if value != self.plans[index].value or type(value) is not type(self.plans[index].value):
                self.blame(f"call {index} has the wrong result on disk: {value!r}")
            self.completed[index] = run

    def told_of_state(self, index: int, number: int, error: str | None) -> None:
        """A call hears that its checkpoint is kept, or is not."""
        self.note(f"call {index} hears of its state {number}: {error or 'kept'}")
        if error is None:
            if self._states_on_disk[index] < number:
                self.blame(f"state {number} of call {index} was acknowledged before it was on disk")
            self._states_told[index] = number
        elif not self.scenario.disk_faults:
            self.blame(f"state {number} of call {index} was not kept: {error}")

    def found_state(self, index: int, number: int) -> None:
        """A call finds the state that an earlier attempt of it has kept (0: none)."""
        self.note(f"call {index} finds its state {number}")
        if number < self._states_told[index]:
            self.blame(f"call {index} finds its state {number}, and {self._states_told[index]} had been kept")

    # -- what the caller gets -------------------------------------------------------------------------------------

    def deliver(self, results: CommittedResults) -> None:
        """Results reach the caller."""
        self.note(f"delivered: {list(results.indexes)}")
        values = self._decode(results.body, len(results.indexes))
        for index, value in zip(results.indexes, values, strict=True):
            self._deliver_one(index)
            if value != self.plans[index].value:
                self.blame(f"call {index} was delivered with the wrong result {value!r}")
            if self.completed.get(index) != self.run:
                self.blame(f"call {index} was delivered before its result was on disk")

    def deliver_failure(self, error: CallFailed, *, was_stopping: bool) -> None:
        """A failure reaches the caller. `was_stopping`: the run was to stop, so that nothing was tried again."""
        self.note(f"delivered: {type(error).__name__} of call {error.index} after {error.attempts} attempts")
        self._deliver_one(error.index)
        self.failures_delivered[error.index] = error
        if error.index not in self.failed:
            self.blame(f"the failure of call {error.index} was delivered before it was on disk")
        if was_stopping:
            self.cut_short.add(error.index)
        else:
            self._judge(error)

    def _deliver_one(self, index: int) -> None:
        if index in self.delivered:
            self.blame(f"call {index} was delivered twice")
        self.delivered.add(index)

    def _judge(self, error: CallFailed) -> None:
        """A failure for good needs its reasons: attempts enough, or deaths enough."""
        index = error.index
        count = self.attempts
        failures = count[index, Fate.RAISE] + count[index, Fate.HANG]
        if isinstance(error, WorkerDied):
            is_just = count[index, Fate.DIE] >= DEATHS_MAX
        else:
            last = Fate.HANG if isinstance(error, CallTimedOut) else Fate.RAISE
            is_just = failures > self.scenario.retries and count[index, last] > 0
        if not is_just:
            self.blame(f"call {index} was given up without reason: {error!r} after {dict(count)}")

    # -- the end --------------------------------------------------------------------------------------------------

    def run_ended(self, error: BaseException | None, *, is_complete: bool) -> None:
        """The run is over: `is_complete` where every call had its outcome and nothing stopped it."""
        self.note(f"the run ended: {type(error).__name__}")
        if self.running and error is None:
            self.blame(f"the run ended while calls {sorted(self.running)} ran")
        if not is_complete:
            return
        missing = set(range(len(self.plans))) - set(self.completed) - self.failed
        if missing:
            self.blame(f"the run ended without calls {sorted(missing)}")
        own = {index for index, run in self.completed.items() if run == self.run} | self.failed
        if own != self.delivered:
            self.blame(f"on disk and not delivered: {sorted(own - self.delivered)}")

    def check_calm(self) -> None:
        """Where nothing else went wrong, each call ended as its fates say."""
        for index in self.delivered - self.cut_short:
            fate, attempts = expected_end(self.plans[index].fates, self.scenario.retries)
            error = self.failures_delivered.get(index)
            names = {
                Fate.RETURN: "NoneType",
                Fate.RAISE: "CallFailed",
                Fate.HANG: "CallTimedOut",
                Fate.DIE: "WorkerDied",
            }
            if type(error).__name__ != names[fate] or (error is not None and error.attempts != attempts):
                self.blame(f"call {index} ended with {error!r}, and {fate.value} in attempt {attempts}")
