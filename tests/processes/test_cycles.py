"""Circles of asks that go through processes are refused at once, and what only looks like one goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from cuebook import Actor, ActorRef, AskCycle, AskTimeout, Runtime, message

pytestmark = pytest.mark.quick


@message(tag=7400)
class Call:
    """Have the first of these actors call the rest, in its handler; the last one answers "there"."""

    others: list[ActorRef]
    timeout: float = 20.0


@message(tag=7401)
class Defer:
    """Answer when `Go` comes."""


@message(tag=7402)
class Go:
    """Answer what was deferred, beside the handlers: the next one may wait."""


@message(tag=7403)
class Busy:
    """Let the ask of another actor run into its time, then ask that one."""

    other: ActorRef


class Caller(Actor):
    def __init__(self) -> None:
        self.held: list[Any] = []

    async def on_call(self, m: Call) -> str:
        if not m.others:
            return "there"
        first, *others = m.others
        try:
            return str(await first.ask(Call(others, m.timeout), m.timeout))
        except AskCycle as circle:
            return f"circle: {circle}"
        except AskTimeout:
            return "too late"

    def on_defer(self, m: Defer) -> None:
        self.held.append(self.context.defer())

    def on_go(self, m: Go) -> None:
        for each in self.held:
            asyncio.get_running_loop().call_later(0.1, each.reply, "deferred")

    async def on_busy(self, m: Busy) -> list[str]:
        await asyncio.sleep(0.3)
        return [await m.other.ask(Call([], 5.0), 5.0)]


@message(tag=7404)
class Hire:
    """Answered with the ref of a child of this name, in the actor's process."""

    name: str


class Mother(Caller):
    def on_hire(self, m: Hire) -> ActorRef[Caller]:
        return self.context.spawn(Caller, name=m.name)


class Deferring(Actor):
    async def on_go(self, m: Go) -> str:
        return str(await self.there.ask(Defer(), 20.0))

    def __init__(self, there: ActorRef) -> None:
        self.there = there

    def on_call(self, m: Call) -> str:
        return "there"


def run(test: Callable[[Runtime], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(30), Runtime() as runtime:
            await test(runtime)

    asyncio.run(main())


async def cast(runtime: Runtime) -> dict[str, ActorRef[Caller]]:
    """Two that live here, two in a process, one in another one."""
    shared = runtime.process("shared")
    places: dict[str, Any] = {"here": None, "too": None, "a": shared, "b": shared, "c": "process"}
    return {name: await runtime.spawn(Caller, name=name, where=where) for name, where in places.items()}


async def family(runtime: Runtime) -> dict[str, ActorRef[Any]]:
    """One that lives here, and in a process a mother with two children, whom this side has not started."""
    mother = await runtime.spawn(Mother, name="m", where="process")
    children = {name: await mother.ask(Hire(name)) for name in ("x", "y")}
    return {"here": await runtime.spawn(Caller, name="here"), "m": mother, **children}


CIRCLES = ["here a", "a here", "a c", "c a", "here a c", "a here c", "a b here", "here a b", "a c here too", "c too b"]
CLOSED_WITHIN = ["a", "a b", "a here b", "b too a", "a c b", "b here too a"]
"""By an ask from one actor of the shared process to another one there."""
ROADS = ["here a c too", "a b", "c b a here", "too here a"]


def test_circles_are_refused_at_once_and_roads_are_not() -> None:
    async def test(runtime: Runtime) -> None:
        refs = await cast(runtime)
        for road in ROADS:
            first, *others = [refs[name] for name in road.split()]
            assert await first.ask(Call(others)) == "there", road
        for circle in CIRCLES:
            first, *others = [refs[name] for name in circle.split()]
            async with asyncio.timeout(5):
                answer = await first.ask(Call([*others, first]))
            assert answer.startswith("circle: "), (circle, answer)
            assert await first.ask(Call(others)) == "there", circle

    run(test)


async def check(refs: dict[str, ActorRef[Any]], circles: list[str], roads: list[str]) -> None:
    for circle in circles:
        first, *others = [refs[name] for name in circle.split()]
        async with asyncio.timeout(10):
            answer = await first.ask(Call([*others, first]))
        assert answer.startswith("circle: ") and answer.endswith(" was not sent"), (circle, answer)
        assert await first.ask(Call(others)) == "there", circle
    for road in roads:
        first, *others = [refs[name] for name in road.split()]
        assert await first.ask(Call(others)) == "there", road


def test_a_circle_that_is_closed_within_a_process_is_refused_before_anything_is_sent() -> None:
    async def test(runtime: Runtime) -> None:
        refs = await cast(runtime)
        await check(refs, CLOSED_WITHIN, ROADS)
        answer = await refs["a"].ask(Call([refs["here"], refs["b"], refs["a"]]))
        assert answer.startswith("circle: b would wait for a, which waits for here, which waits for b: none could")

    run(test)


def test_circles_of_actors_that_live_in_a_process_alone_are_refused() -> None:
    async def test(runtime: Runtime) -> None:
        refs = await family(runtime)
        circles = [
            "x here",
            "here x",
            "x here y",
            "here x y",
            "here m x",
            "m here x",
            "x m here",
            "x y here",
            "y x m here",
        ]
        await check(refs, circles, ["here x y m", "x here", "m x here", "y here m"])

    run(test)


def test_an_answer_that_a_child_in_a_process_gives_later_closes_no_circle() -> None:
    async def test(runtime: Runtime) -> None:
        child = (await family(runtime))["x"]
        asker = await runtime.spawn(Deferring, child, name="asker")
        answer = asyncio.ensure_future(asker.ask(Go()))
        while not asker.statistics().in_hand:
            await asyncio.sleep(0.001)
        await child.ask(Call([]))  # it has deferred by now
        child.tell_nowait(Go())
        assert await child.ask(Call([asker], 10.0)) == "there"
        assert await answer == "deferred"

    run(test)


def test_a_deferred_answer_closes_no_circle() -> None:
    async def test(runtime: Runtime) -> None:
        there = await runtime.spawn(Caller, name="there", where="process")
        asker = await runtime.spawn(Deferring, there, name="asker")
        answer = asyncio.ensure_future(asker.ask(Go()))
        while not asker.statistics().in_hand:
            await asyncio.sleep(0.001)
        await there.ask(Call([]))  # it has deferred by now
        there.tell_nowait(Go())
        assert await there.ask(Call([asker], 10.0)) == "there"  # waits for one that waits for the deferred answer
        assert await answer == "deferred"

    run(test)


def test_an_ask_whose_time_is_up_closes_no_circle() -> None:
    async def test(runtime: Runtime) -> None:
        here = await runtime.spawn(Caller, name="here")
        there = await runtime.spawn(Caller, name="there", where="process")
        await there.ask(Call([]))  # it is there
        busy = asyncio.ensure_future(here.ask(Busy(there)))
        while not here.statistics().in_hand:
            await asyncio.sleep(0.001)
        assert await there.ask(Call([here], 0.1)) == "too late"
        assert await busy == ["there"]

    run(test)
