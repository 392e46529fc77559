"""A worker as the Supervisor keeps books on it: what it was given, what it owes, who it is by now. Sends nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cuebook.actors.dispatch import WorkerLoad
from cuebook.actors.runs.outstanding import Outstanding
from cuebook.engines.calls.protocol import Failure, Ready, Results, Returned, SetupFailed, StateSaved
from cuebook.runtime.refs.ref import ActorRef

__all__ = ["Slot"]


@dataclass(slots=True, eq=False)
class Slot:
    """A worker on a run's roster; survives the Supervisor and every host of the worker.

    Attributes:
        run: key of the run that it works for, 0: none.
        is_ready: whether it has the run's function.
        place: its number among the workers of its kind, which is what calls see of it: which device is its own.
        awaited: answers to Prepare that are still to come; only the last one counts.
        host: counts the worker's hosts; an answer to a question of an earlier one is dropped.
        life: the worker's incarnation that is to be spoken to.
        losses: hosts lost one after another without a single answer.
        served: calls answered since the host was started, of this run.
        is_asked: whether it was told to give calls back, and has not answered.
        is_slow: whether it gave calls back since it last answered one: it is at a long call.
        quiet_since: when it last answered or gave back a call, or was handed one as it had none; seconds of the loop.
        saving: of each checkpoint that is not on disk yet, its number and what the worker said, by ticket.
        outstanding: calls that it was handed and has not answered.
    """

    number: int
    ref: ActorRef
    place: int = 0
    run: int = 0
    is_ready: bool = False
    awaited: int = 0
    host: int = 0
    life: int = 1
    losses: int = 0
    served: int = 0
    is_asked: bool = False
    is_slow: bool = False
    quiet_since: float = 0.0
    saving: dict[int, tuple[int, StateSaved]] = field(default_factory=dict)
    outstanding: Outstanding = field(default_factory=Outstanding)

    @property
    def is_free(self) -> bool:
        """Whether it waits for a call."""
        return self.is_ready and not self.outstanding.calls

    def lease(self, run: int) -> None:
        """From now on it works for this run."""
        self.run = run
        self.losses = self.awaited = 0

    def expect_ready(self) -> None:
        """It was told to load a function, and will answer."""
        # Two orders may be on their way at once (a function is sent anew while the first is being loaded). Workers
        # answer in order, so the first answer is about a function that is not wanted any more: they are counted, and
        # only the last one makes the worker ready.
        self.awaited += 1

    def load(self, now: float) -> WorkerLoad:
        """The worker as the dispatcher sees it."""
        out = self.outstanding
        silent_s = now - self.quiet_since
        return WorkerLoad(out.calls, len(out), self.served > 0, self.is_slow, self.is_asked, silent_s)

    def hand(self, indexes: Sequence[int], now: float) -> None:
        """It is sent these calls in one message."""
        if not self.outstanding.calls:
            self.quiet_since = now
        self.outstanding.add(indexes)

    def settle(self, said: Any, now: float) -> bool:
        """Strike what a worker answers off what it owes; False where it owes nothing of the kind any more."""
        match said:
            case Results():
                return self._answered(said.count, self._had(said), now)
            case Failure():
                return self._answered(1, self.outstanding.answer([said.index]), now)
            case Returned():
                is_known = self.outstanding.answer(said.indexes)
                self.is_asked = False
                self.is_slow = self.outstanding.calls > 0
                self.quiet_since = now
                return is_known
            case Ready() | SetupFailed():
                is_asked, self.awaited = self.awaited > 0, max(0, self.awaited - 1)
                return is_asked and self.awaited == 0
        return True

    def _had(self, said: Results) -> bool:
        if said.count > self.outstanding.calls:
            return False
        if said.indexes is None:
            return self.outstanding.answer_run(said.start, said.count)
        return self.outstanding.answer(said.indexes)

    def _answered(self, count: int, is_known: bool, now: float) -> bool:
        if is_known:
            self.served += count
            self.losses = 0
            self.is_slow = False
            self.quiet_since = now
        return is_known

    def lose(self, index: int) -> list[int]:
        """Its host has ended while call `index` ran (-1: none did). Returns the calls that have no answer."""
        if index < 0:
            self.losses += 1
        return self.forget()

    def forget(self) -> list[int]:
        """Its host is gone or free: what it was handed and what it asked has no answer. Returns those calls."""
        self.is_ready = self.is_asked = self.is_slow = False
        self.host += 1
        self.awaited = self.served = 0
        self.saving.clear()
        return self.outstanding.clear()
