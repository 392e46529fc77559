"""What is queued when an actor stops is handled, bad messages among it or not, within its time and its intensity."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cuebook.errors import ActorFailed, ActorStopped
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.groups.strategy import ChildSpec, SupervisorSpec
from cuebook.runtime.policy.restarts import Backoff, RestartIntensity
from cuebook.runtime.system import ActorSystem
from tests.support.cast import Add, Boom, Counter, Get, Pause
from tests.support.virtually import virtually

PLENTY = RestartIntensity(restarts_max=1000, within_s=1.0)


class Worker(Actor):
    """Notes what it gets, and fails on a Boom: the first `fails` times that it comes."""

    def __init__(self, handled: list[Any], tried: list[Any] | None = None, fails: int = 1000) -> None:
        self.handled = handled
        self.tried = [] if tried is None else tried
        self.fails = fails

    async def receive(self, message: Any) -> Any:
        await asyncio.sleep(0.001)
        if isinstance(message, Boom):
            self.tried.append(message)
            if len(self.tried) <= self.fails:
                raise ValueError("a bad message")
        self.handled.append(message)
        return "handled"


def queue_up(ref: Any, bad: set[int], count: int = 100) -> None:
    for number in range(count):
        ref.tell_nowait(Boom(str(number)) if number in bad else Add(number))


@pytest.mark.parametrize("how", ["drain", "stop", "block", "system"])
@pytest.mark.parametrize("bad", [{1}, {0, 50, 99}, set(range(0, 100, 4))])
def test_bad_messages_among_those_that_wait_cost_no_other(how: str, bad: set[int]) -> None:
    handled: list[Any] = []

    @virtually
    async def scene() -> None:
        async with ActorSystem() as system:
            ref = system.spawn(
                lambda: Worker(handled), name="worker", intensity=PLENTY, backoff=Backoff(0.001, 0.01), shutdown_s=60
            )
            queue_up(ref, bad)
            if how == "drain":
                assert await ref.drain(60) is False
            elif how == "stop":
                assert await ref.stop(60) is False
            elif how == "system":
                await system.stop()
        assert handled == [Add(number) for number in range(100) if number not in bad]
        assert system.report is not None
        assert system.report.dropped == {}

    scene()


@virtually
async def test_a_supervised_child_drains_through_a_failure_while_its_supervisor_ends() -> None:
    handled: list[Any] = []
    async with ActorSystem() as system:
        top = system.supervise(SupervisorSpec([ChildSpec("worker", lambda: Worker(handled))]), name="top")
        await top.children()
        queue_up(top.child("worker"), {1, 2})
    assert len(handled) == 98


@virtually
async def test_more_failures_than_the_intensity_allows_end_it_and_the_rest_is_told_why() -> None:
    handled: list[Any] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Worker(handled), name="worker", intensity=RestartIntensity(2, 60.0))
        asks = [asyncio.ensure_future(ref.ask(Boom() if n < 5 else Add(n))) for n in range(7)]
        await asyncio.sleep(0)
        assert await ref.drain(60) is False
        outcomes = await asyncio.gather(*asks, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [ActorFailed] * 3 + [ActorStopped] * 4
        assert "more than 2 restarts" in str(outcomes[-1])
        assert system.report is None


@virtually
async def test_attempts_count_while_it_drains() -> None:
    handled: list[Any] = []
    tried: list[Any] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Worker(handled, tried, fails=2), name="worker", attempts=3)
        asks = [asyncio.ensure_future(ref.ask(message)) for message in (Boom(), Add(1))]
        await asyncio.sleep(0)
        await ref.drain(60)
        assert await asyncio.gather(*asks) == ["handled", "handled"]
        assert len(tried) == 3


@virtually
async def test_a_stop_that_comes_between_two_incarnations_lets_the_next_one_drain() -> None:
    handled: list[Any] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Worker(handled), name="worker", backoff=Backoff(first_s=1.0, jitter=0.0))
        queue_up(ref, {0}, 10)
        await asyncio.sleep(0.5)
        assert handled == []
        await ref.drain(5)
        assert len(handled) == 9
        assert asyncio.get_running_loop().time() == pytest.approx(1.01, abs=0.005)


@virtually
async def test_the_deadline_holds_whatever_fails() -> None:
    handled: list[Any] = []
    async with ActorSystem() as system:
        backoff = Backoff(first_s=1.0, max_s=1.0, jitter=0.0)
        ref = system.spawn(lambda: Worker(handled), name="worker", intensity=PLENTY, backoff=backoff)
        queue_up(ref, {0, 1, 2, 3, 4, 5, 6}, 10)
        assert await ref.drain(3.5) is False
        assert asyncio.get_running_loop().time() <= 3.6
    assert system.dead_letters.counts["stopped"] >= 3


@virtually
async def test_one_that_is_told_not_to_drain_ends_with_its_failure() -> None:
    handled: list[Any] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Worker(handled), name="worker")
        queue_up(ref, {0}, 10)
        await ref.stop(5, drain=False)
        assert handled == []


@virtually
async def test_a_kill_while_it_drains_is_a_failure_as_any() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Counter(diary), name="counter")
        asks = [asyncio.ensure_future(ref.ask(message)) for message in (Pause(100), Get())]
        await asyncio.sleep(0.1)
        stopping = asyncio.ensure_future(ref.stop(10))
        await asyncio.sleep(0.1)
        ref.kill()
        assert await stopping is False
        killed, answer = await asyncio.gather(*asks, return_exceptions=True)
        assert (str(killed), answer) == ("counter was killed", 0)
