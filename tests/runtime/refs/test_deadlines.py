"""One timer serves all deadlines: late by a tick at most, never early, and none while nothing is pending."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cuebook.runtime.refs.deadlines import EXPIRED, TICK_S, Deadlines
from cuebook.testing.virtual_time import VirtualClock, run_virtual
from tests.support.virtually import virtually


class CountingClock(VirtualClock):
    """Counts its timers."""

    __slots__ = ("timers",)

    def __init__(self) -> None:
        self.timers = 0

    def call_later(self, delay_s: float, callback: Any, *args: Any) -> Any:
        self.timers += 1
        return super().call_later(delay_s, callback, *args)


@settings(max_examples=50)
@given(st.lists(st.floats(0.0, 5.0), min_size=1, max_size=40))
def test_each_expires_at_its_time(timeouts: list[float]) -> None:
    async def scene() -> None:
        loop = asyncio.get_running_loop()
        clock = CountingClock()
        deadlines = Deadlines(clock, clock.monotonic)
        expired: dict[int, float] = {}

        async def watch(place: int, timeout_s: float) -> None:
            future = loop.create_future()
            deadlines.add(future, timeout_s)
            assert await future is EXPIRED
            expired[place] = loop.time()

        await asyncio.gather(*(watch(place, timeout_s) for place, timeout_s in enumerate(timeouts)))
        for place, timeout_s in enumerate(timeouts):
            assert timeout_s - 1e-5 <= expired[place] <= timeout_s + TICK_S + 1e-5
        assert len(deadlines) == 0
        assert clock.timers <= 2 * len(timeouts)

    run_virtual(scene())


@virtually
async def test_a_thousand_of_one_time_cost_one_timer() -> None:
    clock = CountingClock()
    deadlines = Deadlines(clock, clock.monotonic)
    loop = asyncio.get_running_loop()
    futures = [loop.create_future() for _ in range(1000)]
    for future in futures:
        deadlines.add(future, 30.0)
    assert clock.timers == 1
    for future in futures:
        deadlines.discard(future, 30.0)
    assert len(deadlines) == 0
    await asyncio.sleep(1000)
    assert clock.timers == 1


@virtually
async def test_an_earlier_deadline_moves_the_timer_forward() -> None:
    deadlines = Deadlines(VirtualClock(), VirtualClock().monotonic)
    loop = asyncio.get_running_loop()
    late, early = loop.create_future(), loop.create_future()
    deadlines.add(late, 10.0)
    deadlines.add(early, 1.0)
    await early
    assert loop.time() < 1.1
    assert not late.done()
    await late
    assert 10.0 <= loop.time() < 10.1


@virtually
async def test_what_is_done_is_left_alone() -> None:
    deadlines = Deadlines(VirtualClock(), VirtualClock().monotonic)
    future = asyncio.get_running_loop().create_future()
    deadlines.add(future, 1.0)
    future.set_result("reply")
    await asyncio.sleep(5)
    assert future.result() == "reply"


@virtually
async def test_closed_deadlines_expire_nothing() -> None:
    deadlines = Deadlines(VirtualClock(), VirtualClock().monotonic)
    future = asyncio.get_running_loop().create_future()
    deadlines.add(future, 1.0)
    deadlines.close()
    await asyncio.sleep(5)
    assert not future.done()
