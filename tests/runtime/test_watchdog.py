"""A handler that holds up the event loop is named with its stack, whoever else is at work; nobody else ever is."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from cuebook.runtime.actor import Actor
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


def test_busy_actors_that_let_others_in_are_never_named() -> None:
    """Many short handlers without a pause, and one that computes between awaits: the loop turns all the time."""

    class Restless(Actor):
        def receive(self, message: Any) -> None:
            self.context.self_ref.tell_nowait(message)

    class Computing(Actor):
        async def receive(self, message: Any) -> None:
            while True:
                sum(range(1000))
                await asyncio.sleep(0)

    async def scene() -> None:
        async with ActorSystem(blocking_s=1.0) as system:
            watchdog: Any = system._watchdog
            wait = watchdog._end.wait
            watchdog._end.wait = lambda _: wait(0.001)  # it looks often, from its next look on
            for kind in (Restless, Computing):
                system.spawn(kind, name=kind.__name__, shutdown_s=0.0).tell_nowait(Get())
            until = time.monotonic() + 2.0
            while time.monotonic() < until:
                await asyncio.sleep(0.01)
            assert system.blockages == []

    asyncio.run(scene())


def test_what_is_no_actor_is_not_named(alarm: Alarm) -> None:
    async def scene() -> None:
        async with ActorSystem(blocking_s=THRESHOLD_S) as system:
            system.spawn(Counter, name="innocent", shutdown_s=0.0).tell_nowait(Pause(1000))
            await asyncio.sleep(0.01)
            assert not alarm.rang.wait(THRESHOLD_S * 5)
            assert system.blockages == []

    asyncio.run(scene())


def test_a_handler_of_another_system_is_that_systems_business(alarm: Alarm) -> None:
    async def scene() -> None:
        async with ActorSystem("one", blocking_s=THRESHOLD_S) as one, ActorSystem("two", blocking_s=THRESHOLD_S) as two:
            one.spawn(Counter, name="guilty")
            await two.spawn(lambda: Blocking(alarm), name="guilty").ask(Get())
            assert one.blockages == []
            assert len(two.blockages) == 1

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
