"""The run table and the crew: what stands above the Supervisor and outlives each incarnation of it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cuebook.actors.messages import Release
from cuebook.actors.runs.run import Run
from cuebook.actors.runs.slot import Slot
from cuebook.engines.port import Engine, LocalWork
from cuebook.errors import MessagingError

__all__ = ["RunTable", "WorkerKind"]


@dataclass(frozen=True, slots=True)
class WorkerKind:
    """Workers of a kind take one another's place: the same engine, the same share of the machine."""

    engine: Engine
    cores: int


class RunTable:
    """Runs by key, and workers: leased to one run at a time, kept warm between runs where wanted.

    Args:
        hire: spawns a Worker actor of a kind and gives its slot, by the slot's number.

    Attributes:
        inbox: what the Supervisor has received and not worked on; `in_hand` is what it works on.
        incarnation: how many Supervisors have stood below this table.
    """

    def __init__(self, hire: Callable[[int, WorkerKind], Slot]) -> None:
        self.runs: dict[int, Run] = {}
        self.works: dict[int, LocalWork] = {}
        self.slots: dict[int, Slot] = {}
        self.incarnation = 0
        self.inbox: deque[Any] = deque()
        self.in_hand: Any = None
        self._kinds: dict[int, WorkerKind] = {}
        self._places: Counter[WorkerKind] = Counter()
        self._idle: dict[WorkerKind, list[Slot]] = {}
        self._hire = hire
        self.keeps_warm = False

    def __repr__(self) -> str:
        return f"<RunTable {len(self.runs)} runs, {len(self.slots)} workers>"

    def add(self, run: Run) -> None:
        """A run stands in the table."""
        self.runs[run.key] = run
        self.works[run.key] = run.work

    def lease(self, run: Run, kind: WorkerKind, count: int) -> None:
        """Give the run `count` workers of a kind, warm ones first, and of these the ones with the lowest places."""
        idle = self._idle.setdefault(kind, [])
        idle.sort(key=lambda slot: slot.place, reverse=True)
        for _ in range(count):
            slot = idle.pop() if idle else self._new(kind)
            slot.lease(run.key)
            run.slots.append(slot)

    def enlarge(self, run: Run, count: int) -> list[Slot]:
        """Give a run as many workers more as it lacks of `count`, of the kind that it has; those that are new to it."""
        before = len(run.slots)
        if run.slots and count > before:
            self.lease(run, self._kinds[run.slots[0].number], count - before)
        return run.slots[before:]

    def _new(self, kind: WorkerKind) -> Slot:
        number = len(self._kinds)
        slot = self._hire(number, kind)
        slot.place = self._places[kind]
        self._places[kind] += 1
        self._kinds[number] = kind
        self.slots[number] = slot
        return slot

    def dismiss(self, run: Run) -> None:
        """The run is over: its workers are free again, or quit where none are kept warm. Does nothing a second time."""
        if self.runs.pop(run.key, None) is None:
            return
        self.works.pop(run.key, None)
        for slot in run.slots:
            slot.run = 0
            slot.forget()
            if not self.keeps_warm:
                self.retire(slot)
            self._idle.setdefault(self._kinds[slot.number], []).append(slot)

    def retire(self, slot: Slot) -> None:
        """Let a worker's host quit; the next Prepare starts a fresh one."""
        try:
            slot.ref.tell_nowait(Release())
        except MessagingError:
            return
