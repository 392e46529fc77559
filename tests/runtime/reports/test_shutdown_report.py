"""What the end of a system says it drained, dropped and killed is what became of it."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import pytest

from cuebook.errors import ActorStopped
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.reports.shutdown import ShutdownReport
from cuebook.runtime.system import ActorSystem
from tests.support.cast import Add, Counter, Get, Pause
from tests.support.virtually import virtually


@virtually
async def test_what_waits_at_the_end_of_the_block_is_drained_and_counted() -> None:
    async with ActorSystem() as system:
        busy = system.spawn(Counter, name="busy")
        system.spawn(Counter, name="idle")
        busy.tell_nowait(Pause(2.0))
        await asyncio.sleep(1)
        for n in range(3):
            busy.tell_nowait(Add(n))
        assert system.report is None
    report = system.report
    assert report is not None
    assert (report.actors, report.drained, report.dropped, report.killed) == (2, {"busy": 3}, {}, {})
    assert report.seconds == pytest.approx(1.0)
    assert report.is_clean
    assert str(report) == "2 actors ended in 1 s, 3 messages drained (busy: 3)"


@virtually
async def test_what_is_left_by_an_actor_that_overruns_its_time_is_dropped_and_it_is_killed() -> None:
    async with ActorSystem() as system:
        stuck = system.spawn(Counter, name="stuck", shutdown_s=2.0)
        for message in (Pause(1000), Add(1), Add(2)):
            stuck.tell_nowait(message)
        await asyncio.sleep(1)
        report = await system.stop()
    assert (report.drained, report.dropped) == ({}, {"stuck": 2})
    assert report.killed == {"stuck": "did not stop within its time"}
    assert not report.is_clean
    assert str(report).endswith("2 messages dropped (stuck: 2), 1 killed (stuck: did not stop within its time)")
    assert system.report == report


@virtually
async def test_an_actor_that_obeys_nothing_is_named() -> None:
    class Deaf(Actor):
        async def receive(self, message: Any) -> None:
            with anyio.CancelScope(shield=True):
                await asyncio.sleep(20)

    async with ActorSystem() as system:
        system.spawn(Deaf, name="deaf", shutdown_s=1.0).tell_nowait(Get())
        await asyncio.sleep(1)
        report = await system.stop()
        assert report.killed == {"deaf": "obeyed no cancellation, and was left behind"}
        assert report.seconds == pytest.approx(2.0)


@virtually
async def test_a_block_that_fails_drops_what_waits() -> None:
    with pytest.raises(ZeroDivisionError):
        async with ActorSystem() as system:
            ref = system.spawn(Counter, name="counter")
            await ref.ask(Get())
            ref.tell_nowait(Add(1))
            raise ZeroDivisionError
    assert system.report is not None
    assert system.report.dropped == {"counter": 1}


@virtually
async def test_a_cancelled_block_names_those_it_cut_off() -> None:
    with anyio.move_on_after(1.0):
        async with ActorSystem() as system:
            busy = system.spawn(Counter, name="busy")
            system.spawn(Counter, name="idle")
            busy.tell_nowait(Pause(50))
            busy.tell_nowait(Add(1))
            await asyncio.sleep(100)
    assert system.report is not None
    assert system.report.killed == {"busy": "was cancelled"}
    assert system.report.dropped == {"busy": 1}
    assert system.report.actors == 2


@virtually
async def test_children_and_what_arrives_while_all_stop_count_too() -> None:
    class Last(Counter):
        async def on_stop(self) -> None:
            self.context.system.actor("first").tell_nowait(Add(1))

    class Parent(Actor):
        async def on_start(self) -> None:
            self.child = self.context.spawn(Last, name="child")

        def receive(self, message: Any) -> None:
            self.child.tell_nowait(message)

    async with ActorSystem() as system:
        system.spawn(Counter, name="first")
        parent = system.spawn(Parent, name="parent")
        await asyncio.sleep(1)
        parent.tell_nowait(Add(5))
    assert system.report is not None
    assert system.report.drained == {"first": 1, "parent": 1, "child": 1}
    assert system.report.actors == 3


@virtually
async def test_an_actor_that_stopped_before_is_no_part_of_it() -> None:
    async with ActorSystem() as system:
        early = system.spawn(Counter, name="early", shutdown_s=0.0)
        early.tell_nowait(Pause(100))
        await asyncio.sleep(1)
        early.tell_nowait(Add(1))
        await early.stop(0.5)
    assert system.report is not None
    assert (system.report.actors, system.report.is_clean) == (0, True)


@virtually
async def test_a_sender_that_comes_too_late_is_told_itself() -> None:
    async with ActorSystem() as system:
        busy = system.spawn(Counter, name="busy")
        busy.tell_nowait(Pause(2.0))
        await asyncio.sleep(1)
        stopping = asyncio.ensure_future(system.stop())
        await asyncio.sleep(0.5)
        with pytest.raises(ActorStopped):
            busy.tell_nowait(Add(1))
        assert (await stopping).dropped == {}


def test_a_report_of_many_names_a_few() -> None:
    dropped = {f"actor-{n}": n for n in range(1, 1001)}
    text = str(ShutdownReport(1000, {}, dropped, {}, 0.25))
    assert text == (
        "1,000 actors ended in 0.25 s, 500,500 messages dropped "
        "(actor-1: 1; actor-2: 2; actor-3: 3; actor-4: 4; actor-5: 5; ...)"
    )


class Starter(Actor):
    """Starts a task for each message, and ends it or not."""

    def __init__(self, *, tidy: bool) -> None:
        self.tidy = tidy
        self.tasks: list[asyncio.Task[None]] = []

    async def receive(self, message: Any) -> None:
        self.tasks.append(asyncio.create_task(goes_on()))

    async def on_stop(self) -> None:
        for task in self.tasks if self.tidy else ():
            task.cancel()


async def goes_on() -> None:
    await asyncio.sleep(1000)


@virtually
async def test_tasks_that_handlers_started_and_nobody_ended_are_named() -> None:
    mine = asyncio.create_task(goes_on())
    made: list[Starter] = []

    def starter(*, tidy: bool) -> Starter:
        made.append(Starter(tidy=tidy))
        return made[-1]

    async with ActorSystem() as system:
        untidy = system.spawn(lambda: starter(tidy=False), name="untidy")
        tidy = system.spawn(lambda: starter(tidy=True), name="tidy")
        for ref in (untidy, untidy, tidy):
            await ref.ask(Get())
    report = system.report
    assert report is not None
    assert set(report.outliving) == {"untidy"}
    first, second = report.outliving["untidy"]
    assert first == second
    assert first.startswith("goes_on at ")
    assert not report.is_clean
    assert "2 still running (untidy: goes_on at " in str(report)
    left = [task for each in made for task in each.tasks if not task.cancelling()]
    assert not any(task.done() for task in left), "they are named, and left alone"
    for task in (mine, *left):
        task.cancel()
