"""Watches and links: who hears of an actor's end, and who fails with whom."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cuebook.errors import ActorStopped
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.signals import Down, Restarted
from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.system import ActorSystem
from tests.runtime.cells.failing import QUICK
from tests.support.cast import Add, Boom, Counter, Get, Pause
from tests.support.virtually import virtually

pytestmark = pytest.mark.quick


# Watches


class Watcher(Actor):
    def __init__(self, target: ActorRef, seen: list[Any], *, restarts: bool = False) -> None:
        self.target = target
        self.seen = seen
        self.restarts = restarts

    async def on_start(self) -> None:
        self.context.watch(self.target, restarts=self.restarts)

    def receive(self, message: Any) -> Any:
        match message:
            case Get():
                return self.context.unwatch(self.target)
            case Boom():
                raise RuntimeError("watcher")
        self.seen.append(message)
        return None


@pytest.mark.parametrize("way", ["stop", "stop_self", "failure", "kill"])
def test_a_watcher_hears_of_the_end_once_with_its_reason(way: str) -> None:
    class Leaver(Counter):
        def receive(self, message: Any) -> Any:
            if isinstance(message, Pause):
                self.context.stop_self()
                return None
            return super().receive(message)

    @virtually
    async def scene() -> None:
        seen: list[Any] = []
        async with ActorSystem() as system:
            target = system.spawn(Leaver, name="target", restart="temporary" if way != "stop_self" else "transient")
            system.spawn(lambda: Watcher(target, seen), name="watcher")
            await asyncio.sleep(0.1)
            match way:
                case "stop":
                    await target.stop()
                case "stop_self":
                    target.tell_nowait(Pause(0))
                case "failure":
                    target.tell_nowait(Boom("dead"))
                case "kill":
                    target.kill()
            await asyncio.sleep(0.1)
            assert len(seen) == 1
            expected = {"stop": Exit.SHUTDOWN, "stop_self": Exit.NORMAL}.get(way, Exit.FAILURE)
            assert (type(seen[0]), seen[0].ref, seen[0].reason) == (Down, target, expected)
            assert (seen[0].error is None) == (expected is not Exit.FAILURE)
            late: list[Any] = []
            system.spawn(lambda: Watcher(target, late), name="latecomer")
            await asyncio.sleep(0.1)
            assert [(down.ref, down.reason) for down in late] == [(target, expected)], "at once, where it has ended"

    scene()


@virtually
async def test_restarts_are_told_to_those_who_want_to_know() -> None:
    some: list[Any] = []
    everything: list[Any] = []
    async with ActorSystem() as system:
        target = system.spawn(Counter, name="target", backoff=QUICK)
        system.spawn(lambda: Watcher(target, some), name="some")
        system.spawn(lambda: Watcher(target, everything, restarts=True), name="everything")
        await asyncio.sleep(0.1)
        target.tell_nowait(Boom("one"))
        target.tell_nowait(Boom("two"))
        await asyncio.sleep(0.1)
        assert some == []
        assert [(one.count, str(one.cause)) for one in everything] == [(1, "one"), (2, "two")]
        assert all(type(one) is Restarted and one.ref is target for one in everything)


@virtually
async def test_a_signal_comes_before_messages_and_never_after_unwatch() -> None:
    seen: list[Any] = []
    async with ActorSystem() as system:
        target = system.spawn(Counter, name="target")
        watcher = system.spawn(lambda: Watcher(target, seen), name="watcher")
        await asyncio.sleep(0.1)
        watcher.tell_nowait(Add(1))
        await target.stop()
        await asyncio.sleep(0.1)
        target2 = system.spawn(Counter, name="target2")
        watcher2 = system.spawn(lambda: Watcher(target2, seen), name="watcher2")
        await asyncio.sleep(0.1)
        assert await watcher2.ask(Get()) is True
        assert await watcher2.ask(Get()) is False
        await target2.stop()
        await asyncio.sleep(0.1)
    assert [type(one) for one in seen] == [Add, Down]


@virtually
async def test_watches_end_with_the_incarnation_that_made_them() -> None:
    class Once(Watcher):
        starts = 0

        async def on_start(self) -> None:
            Once.starts += 1
            if Once.starts == 1:
                await super().on_start()

    seen: list[Any] = []
    async with ActorSystem() as system:
        target = system.spawn(Counter, name="target")
        watcher = system.spawn(lambda: Once(target, seen), name="watcher", backoff=QUICK)
        await asyncio.sleep(0.1)
        watcher.tell_nowait(Boom())
        await asyncio.sleep(0.1)
        await target.stop()
        await asyncio.sleep(0.1)
        assert seen == []
        assert not target._target.bonds().watched_by


# Links


class Linked(Counter):
    def __init__(self, to: str | None, diary: list[Any]) -> None:
        super().__init__(diary)
        self.to = to

    async def on_start(self) -> None:
        await super().on_start()
        if self.to is not None:
            self.context.link(self.context.system.actor(self.to))


@pytest.mark.parametrize("who", ["a", "b", "c"])
def test_linked_actors_fail_together(who: str) -> None:
    @virtually
    async def scene() -> None:
        diaries: dict[str, list[Any]] = {"a": [], "b": [], "c": []}
        async with ActorSystem() as system:
            for name, to in (("a", None), ("b", "a"), ("c", "b")):
                system.spawn(
                    lambda to=to, name=name: Linked(to, diaries[name]), name=name, restart="temporary", backoff=QUICK
                )
                await asyncio.sleep(0.1)
            system.actor(who).tell_nowait(Boom("linked"))
            await asyncio.sleep(0.1)
            assert system.statistics() == {}
        assert all("linked" in str(diary[1]) for diary in diaries.values())

    scene()


@virtually
async def test_an_orderly_end_does_not_fail_who_is_linked() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        a = system.spawn(Counter, name="a")
        b = system.spawn(lambda: Linked("a", diary), name="b")
        await b.ask(Get())
        await a.stop()
        assert await b.ask(Get()) == 0
        assert diary == ["start"]


@virtually
async def test_a_link_to_who_has_stopped_is_refused() -> None:
    class Tries(Actor):
        def receive(self, message: Any) -> Any:
            try:
                self.context.link(gone)
            except ActorStopped as error:
                return str(error)

    async with ActorSystem() as system:
        gone = system.spawn(Counter, name="gone")
        await gone.stop()
        text = await system.spawn(Tries, name="tries").ask(Get())
        assert text == "gone has stopped, so tries cannot be linked to it"
