"""The crew: a worker is leased to one run at a time, whatever befalls the runs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from cuebook.actors.runs.roster import RunTable, WorkerKind
from cuebook.actors.runs.run import Run
from cuebook.actors.runs.slot import Slot
from cuebook.engines.registry import ENGINES

KIND = WorkerKind(ENGINES["thread"], 1)


def stand_in(key: int) -> Run:
    """As much of a run as the table sees."""
    return cast("Run", SimpleNamespace(key=key, work=None, slots=[]))


def hired(number: int, _: WorkerKind) -> Slot:
    nobody: Any = SimpleNamespace(tell_nowait=lambda message: None)
    return Slot(number, nobody)


def test_a_run_that_is_dismissed_twice_gives_its_workers_back_once() -> None:
    table = RunTable(hired)
    table.keeps_warm = True
    first, second, third = map(stand_in, (1, 2, 3))
    table.add(first)
    table.lease(first, KIND, 2)
    table.dismiss(first)
    table.add(second)
    table.lease(second, KIND, 2)
    table.dismiss(first)
    table.add(third)
    table.lease(third, KIND, 2)
    slots = [*second.slots, *third.slots]
    assert len({slot.number for slot in slots}) == 4
    assert [slot.run for slot in slots] == [2, 2, 3, 3]


def test_the_workers_of_a_run_are_numbered_from_zero_in_each_kind_and_a_worker_keeps_its_number() -> None:
    table = RunTable(hired)
    table.keeps_warm = True
    other = WorkerKind(ENGINES["thread"], 2)
    places = []
    for key, kind, count in [(1, KIND, 3), (2, other, 2), (3, KIND, 2), (4, KIND, 3), (5, KIND, 2)]:
        run = stand_in(key)
        table.add(run)
        table.lease(run, kind, count)
        places.append([(slot.number, slot.place) for slot in run.slots])
        if key != 4:  # the fourth goes on while the fifth begins
            table.dismiss(run)
    assert places == [
        [(0, 0), (1, 1), (2, 2)],
        [(3, 0), (4, 1)],
        [(0, 0), (1, 1)],
        [(0, 0), (1, 1), (2, 2)],
        [(5, 3), (6, 4)],
    ]
