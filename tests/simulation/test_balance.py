"""Nobody waits behind a slow call while another worker idles: the real cast in virtual time, against the ideal schedule.

Times are exact here: a bound that holds once holds always.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from collections.abc import Sequence
from typing import Any, TypeVar

import pytest

from cuebook.actors.runs.roster import WorkerKind
from cuebook.actors.runs.run import Run, RunPlan, RunPolicy
from cuebook.actors.runs.sources import FedSource, ListSource
from cuebook.engines.calls.protocol import Setup
from cuebook.engines.port import LocalWork
from cuebook.testing.memory_runtime import MemoryApplication
from cuebook.testing.memory_store import MemoryStore
from cuebook.testing.simulation.host import SimEngine, SimHost
from cuebook.testing.simulation.plan import CallPlan, Fate, Scenario
from cuebook.testing.simulation.witness import Witness
from cuebook.testing.virtual_time import run_virtual
from cuebook.wire.codec import pack
from tests.support.crew import Shelf

_T = TypeVar("_T")
START_S = 0.0075
"""Until a worker is there and has loaded the function, in this world."""
ROUND_TRIP_S = 0.001
OF_THE_IDEAL = 1.03
PATIENCE_S = 100.0
BATCHES = [None, 1, 3, 16, 64]


class Steady(random.Random):
    """Draws the same each time: pipes of 0.05 ms, starts and loads of 5 and 2.5 ms, nothing odd."""

    def random(self) -> float:
        return 0.5

    def choice(self, seq: Sequence[_T]) -> _T:  # type: ignore[override]
        return seq[0]


class Schedule(Witness):
    """When each attempt began and ended, and where."""

    def __init__(self, plans: Sequence[CallPlan]) -> None:
        super().__init__(Scenario(), plans)
        self.began: dict[int, float] = {}
        self.ended: dict[int, float] = {}

    def begins(self, index: int, attempt: int, where: str) -> None:
        super().begins(index, attempt, where)
        self.began[index] = self.clock()

    def ends(self, index: int, fate: Fate, where: str) -> None:
        super().ends(index, fate, where)
        self.ended[index] = self.clock()


async def schedule(
    plans: Sequence[CallPlan], workers: int, *, is_stream: bool = False, **policy: Any
) -> tuple[Schedule, float]:
    """Run these calls; when each ran, and how long it took in all, without the start of the workers."""
    loop = asyncio.get_running_loop()
    seen, all_done = Schedule(plans), asyncio.Event()
    seen.clock = loop.time
    hosts: list[SimHost] = []

    def make() -> SimHost:
        hosts.append(SimHost(f"host {len(hosts)}", Steady(), seen, lambda _: None))
        return hosts[-1]

    calls = [[index] for index in range(len(plans))]
    source: ListSource | FedSource = FedSource() if is_stream else ListSource(calls)
    if isinstance(source, FedSource):
        for call in calls:
            source.feed(call)
    async with MemoryApplication(MemoryStore()) as app:
        file, journal = await app.journal("balance.cue")
        seen.begin_life(1)
        run = Run(
            RunPlan(
                file.next_run(),
                RunPolicy(raises=False, **policy),
                source,
                Shelf(),
                LocalWork(abs, None, source.argument),
                setup=lambda worker: Setup(1, b"", b"", {"worker": worker}),
                encoder_for=lambda _: pack,
                journal=journal,
                listeners=[lambda event: all_done.set() if event.progress.done == len(plans) else None],
            )
        )
        app.begin(run, WorkerKind(SimEngine(make), 1), workers)
        async with asyncio.timeout(PATIENCE_S):
            await all_done.wait()
            took = loop.time()
            if isinstance(source, FedSource):
                source.end()
                app.changed(run.key)
            await run.ended
    assert not seen.violations
    return seen, took - START_S


def bound(plans: Sequence[CallPlan], workers: int, batch: int | None) -> float:
    """What is near enough to the ideal.

    A batch that was asked for is begun in its order, so that its last call may begin later than in the ideal schedule:
    others have something to do meanwhile, and only then take it over.
    """
    late_s = max(plan.seconds + plan.encode_s for plan in plans) if batch is not None and batch > 1 else 0.0
    return ideal(plans, workers) * OF_THE_IDEAL + 10 * ROUND_TRIP_S + late_s


def ideal(plans: Sequence[CallPlan], workers: int) -> float:
    """How long it takes where each worker takes the next call the moment it is free, and nothing costs anything."""
    free = [0.0] * workers
    for plan in plans:
        heapq.heapreplace(free, free[0] + (plan.seconds + plan.encode_s) * len(plan.fates))
    return max(free)


def lasting(*seconds: float) -> list[CallPlan]:
    return [CallPlan(index, each, (Fate.RETURN,), 0) for index, each in enumerate(seconds)]


def drawn(kind: str) -> list[CallPlan]:
    """Calls of many durations."""
    chance = random.Random(kind)
    match kind:
        case "even":
            return lasting(*[0.010] * 200)
        case "short":
            return lasting(*[0.0002] * 1500)
        case "mixed":
            return lasting(*[chance.choice([0.0002, 0.002, 0.02, 0.1]) for _ in range(200)])
        case "wild":
            return lasting(*[0.001 * 2.0 ** chance.uniform(-4, 8) for _ in range(300)])
        case "short, then long":
            return lasting(*[0.0002] * 500, *[0.05] * 40)
        case "long, then short":
            return lasting(*[0.05] * 40, *[0.0002] * 500)
        case "here and there a long one":
            return lasting(*[0.1 if index % 37 == 5 else 0.0005 for index in range(300)])
    raise AssertionError(kind)


KINDS = ["even", "short", "mixed", "wild", "short, then long", "long, then short", "here and there a long one"]


@pytest.mark.parametrize("workers", [2, 3, 5])
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("kind", KINDS)
def test_calls_of_any_durations_take_no_longer_than_the_ideal(kind: str, batch: int | None, workers: int) -> None:
    plans = drawn(kind)
    _, took = run_virtual(schedule(plans, workers, batch=batch))
    assert took <= bound(plans, workers, batch)


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("place", [0, 1, 3, 20, 38])
def test_nothing_waits_behind_a_slow_call(place: int, batch: int | None, is_stream: bool) -> None:
    plans = lasting(*[6.0 if index == place else 0.0001 for index in range(40)])
    seen, took = run_virtual(schedule(plans, 2, batch=batch, is_stream=is_stream))
    others = [ended for index, ended in seen.ended.items() if index != place]
    assert max(others) <= seen.began[place] + 30 * ROUND_TRIP_S
    assert took <= 6.0 + 30 * ROUND_TRIP_S


@pytest.mark.parametrize("batch", BATCHES)
def test_slow_first_calls_hold_up_nobody(batch: int | None) -> None:
    """Each worker loads or compiles something first, one much longer than the other."""
    plans = lasting(2.0, 0.5, *[0.001] * 300)
    seen, took = run_virtual(schedule(plans, 2, batch=batch))
    assert took <= bound(plans, 2, batch)
    assert max(ended for index, ended in seen.ended.items() if index) <= 1.0


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("slow", [[0], [1], [3], [0, 1], [10, 11, 12]])
def test_slow_results_hold_up_nobody(slow: list[int], batch: int | None) -> None:
    """The call is quick; that its result becomes bytes takes half a second."""
    plans = [CallPlan(index, 0.001, (Fate.RETURN,), 0, encode_s=0.5 * (index in slow)) for index in range(100)]
    _, took = run_virtual(schedule(plans, 2, batch=batch))
    assert took <= bound(plans, 2, batch)


@pytest.mark.parametrize("batch", BATCHES)
def test_results_that_are_all_slow_travel_alone(batch: int | None) -> None:
    """How long a call takes is how long its worker is busy with it."""
    plans = [CallPlan(index, 0.0001, (Fate.RETURN,), 0, encode_s=0.05) for index in range(60)]
    _, took = run_virtual(schedule(plans, 2, batch=batch))
    assert took <= bound(plans, 2, batch)


@pytest.mark.parametrize("batch", BATCHES)
def test_retries_of_a_slow_call_hold_up_nobody(batch: int | None) -> None:
    plans = lasting(*[0.001] * 100)
    plans[3] = CallPlan(3, 1.0, (Fate.RAISE, Fate.RAISE, Fate.RETURN), 0)
    seen, took = run_virtual(schedule(plans, 2, batch=batch, retries=2))
    assert took <= 3.0 + 10 * ROUND_TRIP_S
    assert max(ended for index, ended in seen.ended.items() if index != 3) <= 0.25


@pytest.mark.parametrize("batch", BATCHES)
def test_a_slow_call_that_is_over_its_time_holds_up_nobody(batch: int | None) -> None:
    plans = lasting(*[0.001] * 100)
    plans[3] = CallPlan(3, 0.001, (Fate.HANG, Fate.RETURN), 0)
    seen, took = run_virtual(schedule(plans, 2, batch=batch, retries=1, timeout=2.0))
    assert took <= 2.0 + 50 * ROUND_TRIP_S
    assert max(ended for index, ended in seen.ended.items() if index != 3) <= 0.25


@pytest.mark.parametrize("batch", BATCHES)
def test_a_worker_that_dies_at_a_slow_call_holds_up_nobody(batch: int | None) -> None:
    plans = lasting(*[0.001] * 100)
    plans[3] = CallPlan(3, 1.0, (Fate.DIE, Fate.RETURN), 0)
    seen, took = run_virtual(schedule(plans, 2, batch=batch))
    assert took <= 2.0 + 50 * ROUND_TRIP_S
    assert max(ended for index, ended in seen.ended.items() if index != 3) <= 0.25
