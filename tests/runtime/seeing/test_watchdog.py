"""A handler that holds up the event loop is named with its stack, whoever else is at work; nobody else ever is."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from cuebook.runtime.seeing.watchdog import Suspicion, suspect
from cuebook.runtime.system import ActorSystem
from tests.support.alarm import PATIENCE_S, Alarm, Blocking, listening
from tests.support.cast import Counter, Get, Pause

THRESHOLD_S = 0.02


@pytest.fixture
def alarm() -> Iterator[Alarm]:
    with listening() as heard:
        yield heard


@pytest.mark.parametrize("message", [Get(), Pause(1)], ids=["plain", "async"])
def test_a_handler_that_holds_up_the_loop_is_named_with_its_message_and_its_stack(alarm: Alarm, message: Any) -> None:
    async def scene() -> None:
        async with ActorSystem(blocking_s=THRESHOLD_S) as system:
            system.spawn(Counter, name="innocent")
            ref = system.spawn(lambda: Blocking(alarm), name="guilty")
            assert await ref.ask(message)
            while not system.blockages:
                await asyncio.sleep(0.01)
            (blockage,) = system.blockages
            assert (blockage.actor, blockage.message) == ("guilty", type(message).__qualname__)
            assert "in wait_here" in blockage.stack
            assert "cuebook/runtime/" not in blockage.stack
            assert blockage.seconds >= THRESHOLD_S

    asyncio.run(scene())


def test_a_hook_that_holds_up_the_loop_is_named(alarm: Alarm) -> None:
    class SlowToStart(Counter):
        async def on_start(self) -> None:
            alarm.rang.wait(PATIENCE_S)

    async def scene() -> None:
        async with ActorSystem(blocking_s=THRESHOLD_S) as system:
            await system.spawn(SlowToStart, name="slow").ask(Get())
            assert [(one.actor, one.message) for one in system.blockages] == [("slow", "")]
            assert "in on_start" in system.blockages[0].stack

    asyncio.run(scene())


def test_the_blocked_time_is_told_when_it_is_over(alarm: Alarm, caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> float:
        async with ActorSystem(blocking_s=THRESHOLD_S) as system:
            began = time.monotonic()
            await system.spawn(lambda: Blocking(alarm), name="guilty").ask(Get())
            took = time.monotonic() - began
            async with asyncio.timeout(PATIENCE_S):
                while not any("let go" in record.getMessage() for record in caplog.records):
                    await asyncio.sleep(0.01)
            assert system.blockages[0].seconds <= time.monotonic() - began
            return took

    caplog.set_level(logging.WARNING, "cuebook.runtime")
    assert asyncio.run(scene()) >= THRESHOLD_S
    assert [record.cuebook["actor"] for record in caplog.records] == ["guilty", "guilty"]  # type: ignore[attr-defined]


STEP, OTHER = object(), object()
SINCE = Suspicion(STEP, 5.0)


@pytest.mark.parametrize(
    ("before", "step", "has_turned", "after"),
    [
        (None, None, True, None),
        (None, STEP, True, Suspicion(STEP, 9.0)),
        (None, STEP, False, Suspicion(STEP, 9.0)),
        (SINCE, None, False, None),
        (SINCE, None, True, None),
        (SINCE, STEP, False, SINCE),
        (SINCE, STEP, True, Suspicion(STEP, 9.0)),
        (SINCE, OTHER, False, Suspicion(OTHER, 9.0)),
        (SINCE, OTHER, True, Suspicion(OTHER, 9.0)),
    ],
)
def test_only_the_same_step_of_a_loop_that_has_not_turned_goes_on_being_suspected(
    before: Any, step: Any, has_turned: bool, after: Any
) -> None:
    """A task keeps its frame over many turns, and a frame may be another's: either alone says nothing."""
    assert suspect(before, step, has_turned=has_turned, now=9.0) == after


def test_what_is_no_actor_is_not_named(alarm: Alarm) -> None:
    async def scene() -> None:
        async with ActorSystem(blocking_s=THRESHOLD_S) as system:
            system.spawn(Counter, name="innocent", shutdown_s=0.0).tell_nowait(Pause(1000))
            await asyncio.sleep(0.01)
            assert not alarm.rang.wait(THRESHOLD_S * 5)
            assert system.blockages == []

    asyncio.run(scene())


def test_a_handler_of_another_system_is_that_systems_business(alarm: Alarm) -> None:
    class Slow(Counter):
        async def on_start(self) -> None:
            assert not alarm.rang.wait(THRESHOLD_S * 10)

    async def scene() -> None:
        async with ActorSystem("one", blocking_s=THRESHOLD_S) as one, ActorSystem("two", blocking_s=None) as two:
            one.spawn(Counter, name="guilty")
            assert await two.spawn(Slow, name="guilty").ask(Get()) == 0
            assert one.blockages == two.blockages == []

    asyncio.run(scene())


def test_no_thread_is_left_behind_and_none_is_there_where_nobody_watches() -> None:
    def watchdogs() -> int:
        return sum(thread.name == "cuebook-watchdog" for thread in threading.enumerate())

    async def scene(blocking_s: float | None) -> int:
        async with ActorSystem(blocking_s=blocking_s) as system:
            await system.spawn(Counter, name="counter").ask(Get())
            return watchdogs()

    before = watchdogs()
    assert asyncio.run(scene(1.0)) == before + 1
    assert asyncio.run(scene(None)) == before
    assert watchdogs() == before
    with pytest.raises(ValueError, match="blocking_s is more than 0"):
        ActorSystem(blocking_s=0.0)
