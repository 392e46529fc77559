"""Stops: asked for, in time or not, with what is queued and with children."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import anyio
import pytest

from cuebook.errors import ActorFailed, ActorStopped
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.policy.restarts import Backoff, Restart
from cuebook.runtime.refs.status import ActorState
from cuebook.runtime.system import ActorSystem
from tests.runtime.cells.lives import Ends
from tests.support.cast import Add, Boom, Counter, Get, Pause
from tests.support.virtually import virtually

pytestmark = pytest.mark.quick


# Stops


@virtually
async def test_a_stop_handles_what_is_queued_answers_everyone_and_then_ends() -> None:
    diary: list[Any] = []
    ends = Ends()
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Counter(diary), name="counter", on_terminated=ends)
        ref.tell_nowait(Add(1))
        ask = asyncio.ensure_future(ref.ask(Pause(1.0)))
        await asyncio.sleep(0)
        ref.tell_nowait(Add(2))
        stopping = asyncio.ensure_future(ref.stop())
        await asyncio.sleep(0)
        with pytest.raises(ActorStopped, match="counter is stopping") as caught:
            ref.tell_nowait(Add(3))
        assert caught.value.undelivered == Add(3)
        assert await stopping is True
        assert ask.result() == "paused"
        assert diary == ["start", 1, "pausing", "paused", 2, "stop"]
        assert ends.seen == [("counter", None)]
        assert await ref.stop() is True
        with pytest.raises(ActorStopped, match="has stopped"):
            await ref.ask(Get())


@virtually
async def test_a_stop_right_after_spawn_and_tell_loses_nothing() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Counter(diary), name="counter")
        ref.tell_nowait(Add(1))
        assert await ref.stop() is True
    assert diary == ["start", 1, "stop"]


@virtually
async def test_an_actor_stopped_before_it_began_is_never_made() -> None:
    made: list[int] = []

    def factory() -> Actor:
        made.append(1)
        return Counter()

    async with ActorSystem() as system:
        assert await system.spawn(factory, name="counter").stop() is True
    assert made == []


@virtually
async def test_a_stop_without_drain_answers_what_is_queued() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter")
        first, second = (asyncio.ensure_future(ref.ask(Pause(1.0))) for _ in range(2))
        await asyncio.sleep(0.5)
        assert await ref.stop(drain=False) is False
        assert first.result() == "paused"
        with pytest.raises(ActorStopped) as caught:
            second.result()
        assert caught.value.undelivered == Pause(1.0)


@virtually
async def test_the_deadline_of_a_stop_cancels_the_handler_and_answers_everyone() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Counter(diary), name="counter")
        asks = [asyncio.ensure_future(ref.ask(Pause(60.0))) for _ in range(3)]
        await asyncio.sleep(1)
        assert await ref.stop(timeout=2.0) is False
        assert asyncio.get_running_loop().time() == pytest.approx(3.0)
        for outcome in await asyncio.gather(*asks, return_exceptions=True):
            assert isinstance(outcome, ActorStopped)
    assert [type(entry) for entry in diary] == [str, str, ActorStopped]


@virtually
async def test_an_actor_that_obeys_no_cancellation_ends_without_its_handler() -> None:
    class Deaf(Counter):
        async def pause(self, seconds: float) -> str:
            with anyio.CancelScope(shield=True):
                await asyncio.sleep(seconds)
            return "paused"

    loop = asyncio.get_running_loop()
    async with ActorSystem() as system:
        ref = system.spawn(Deaf, name="deaf")
        ask = asyncio.ensure_future(ref.ask(Pause(60.0), timeout=None))
        await asyncio.sleep(0.5)
        assert await ref.stop(timeout=1.0) is False
        assert loop.time() == pytest.approx(2.5)
        with pytest.raises(ActorStopped):
            await ask
    assert loop.time() == pytest.approx(2.5)


@virtually
async def test_a_stop_gets_in_between_two_attempts_to_start() -> None:
    class Failing(Counter):
        async def on_start(self) -> None:
            raise OSError("never")

    async with ActorSystem() as system:
        ref = system.spawn(Failing, name="failing", backoff=Backoff(first_s=100.0, max_s=100.0))
        ask = asyncio.ensure_future(ref.ask(Get(), timeout=None))
        await asyncio.sleep(1)
        assert ref.statistics().state is ActorState.RESTARTING
        assert await ref.stop() is False
        with pytest.raises(ActorStopped):
            await ask
        assert asyncio.get_running_loop().time() == pytest.approx(1.0)


@virtually
async def test_an_actor_may_stop_itself_through_its_ref() -> None:
    class Self(Counter):
        async def pause(self, seconds: float) -> str:
            assert await self.context.self_ref.stop() is False
            return "said so"

    async with ActorSystem() as system:
        ref = system.spawn(Self, name="self")
        assert await ref.ask(Pause(0.0)) == "said so"
        assert await ref.stop() is True


@virtually
async def test_what_an_actor_tells_itself_while_it_drains_is_dropped() -> None:
    class Ticking(Counter):
        def receive(self, message: Any) -> Any:
            self.context.self_ref.tell_nowait(Add(1))
            self.context.after(0.0, Add(1), key="tick")
            return super().receive(message)

    async with ActorSystem() as system:
        ref = system.spawn(Ticking, name="ticking")
        ref.tell_nowait(Add(1))
        for _ in range(3):
            await asyncio.sleep(0)
        assert await ref.stop() is True
        assert ref.statistics().restarts == 0


@virtually
async def test_a_cancelled_stopper_leaves_the_stop_and_its_deadline() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter")
        ref.tell_nowait(Pause(60.0))
        stopping = asyncio.ensure_future(ref.stop(timeout=3.0))
        await asyncio.sleep(1)
        stopping.cancel()
        assert await ref.stop(timeout=60.0) is False
        assert asyncio.get_running_loop().time() == pytest.approx(3.0)


# Children


class Parent(Actor):
    """Has two children; what they and it go through is in one diary."""

    def __init__(self, diary: list[str]) -> None:
        self.diary = diary

    async def on_start(self) -> None:
        self.diary.append("parent start")
        self.children = [self.context.spawn(lambda n=n: Child(self.diary, n), name=f"child {n}") for n in (1, 2)]

    async def on_stop(self) -> None:
        self.diary.append("parent stop")

    async def on_failure(self, error: BaseException) -> None:
        self.diary.append("parent failure")

    def receive(self, message: Any) -> Any:
        if isinstance(message, Boom):
            raise RuntimeError(message.text)
        return self.children[0].ask(message)


class Child(Counter):
    def __init__(self, diary: list[str], number: int) -> None:
        super().__init__()
        self.names = diary
        self.number = number

    async def on_start(self) -> None:
        self.names.append(f"child {self.number} start")

    async def on_stop(self) -> None:
        self.names.append(f"child {self.number} stop")


STARTED = ["parent start", "child 1 start", "child 2 start"]


@virtually
async def test_children_stop_before_their_parent_in_reverse_order() -> None:
    diary: list[str] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Parent(diary), name="parent")
        assert await ref.ask(Get()) == 0
    assert diary == [*STARTED, "child 2 stop", "child 1 stop", "parent stop"]


@virtually
async def test_children_die_with_the_incarnation_and_the_next_has_its_own() -> None:
    diary: list[str] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Parent(diary), name="parent")
        await ref.ask(Add(5))
        old = system.actor("child 1")
        ref.tell_nowait(Boom())
        assert await ref.ask(Get()) == 0
        assert not old.is_alive
        assert system.actor("child 1") is not old
        assert str(system.tree()).split() == str(system.tree()).split()
        assert [child.name for child in system.tree().children[0].children] == ["child 1", "child 2"]
    middle = ["child 2 stop", "child 1 stop", "parent failure"]
    assert diary == [*STARTED, *middle, *STARTED, "child 2 stop", "child 1 stop", "parent stop"]


@virtually
async def test_a_child_that_is_exhausted_leaves_its_parent_alone() -> None:
    diary: list[str] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Parent(diary), name="parent")
        await ref.ask(Get())
        for _ in range(4):
            system.actor("child 1").kill()
            await asyncio.sleep(0.5)
        assert [child.name for child in system.tree().children[0].children] == ["child 2"]
        assert ref.is_alive


@virtually
async def test_the_deadline_of_a_parent_holds_for_its_children() -> None:
    diary: list[str] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Parent(diary), name="parent")
        await ref.ask(Get())
        system.actor("child 1").tell_nowait(Pause(1000.0))
        await asyncio.sleep(1)
        await ref.stop(timeout=2.0)
        assert asyncio.get_running_loop().time() == pytest.approx(3.0, abs=0.1)
        assert system.statistics() == {}


@virtually
async def test_a_parent_that_ends_starts_no_child() -> None:
    refused: list[Exception] = []

    class Late(Counter):
        async def on_stop(self) -> None:
            try:
                self.context.spawn(Counter, name="late")
            except ActorStopped as error:
                refused.append(error)

    async with ActorSystem() as system:
        await system.spawn(Late, name="parent").stop()
        ref = system.spawn(Late, name="other")
        ref.tell_nowait(Add(1))
        await ref.stop()
    assert len(refused) == 1


@virtually
async def test_a_child_without_a_name_is_given_one_of_its_own() -> None:
    class Parent(Actor):
        async def on_start(self) -> None:
            self.kids = [self.context.spawn(kind) for kind in (Counter, partial(Counter, None), lambda: Counter())]

        def receive(self, message: Any) -> Any:
            return [kid.name for kid in self.kids]

    async with ActorSystem() as system:
        first, second = system.spawn(Parent, name="first"), system.spawn(Parent, name="second")
        names = [*await first.ask(Get()), *await second.ask(Get())]
        assert len(set(names)) == 6
        assert [name.rstrip("0123456789") for name in names[:3]] == ["first/counter-", "first/counter-", "first/child-"]


@virtually
async def test_a_parent_that_dies_takes_a_thousand_children_with_it_and_all_who_asked_them_are_answered() -> None:
    class Crowded(Counter):
        async def on_start(self) -> None:
            self.kids = [self.context.spawn(Counter, name=f"kid {number}") for number in range(1000)]

    async with ActorSystem() as system:
        parent = system.spawn(Crowded, name="parent", restart=Restart.TEMPORARY)
        await parent.ask(Get())
        kids = [system.actor(f"kid {number}") for number in range(1000)]
        for kid in kids:
            kid.tell_nowait(Pause(3.0))
        asks = [asyncio.ensure_future(kid.ask(Get(), timeout=None)) for kid in kids]
        await asyncio.sleep(1)
        parent.kill()
        outcomes = await asyncio.gather(*asks, return_exceptions=True)
        await asyncio.sleep(10)
        assert all(outcome == 0 or isinstance(outcome, ActorStopped | ActorFailed) for outcome in outcomes)
        assert system.statistics() == {}


@virtually
async def test_a_failure_while_draining_is_one_as_at_any_other_time() -> None:
    ends, diary = Ends(), []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Counter(diary), name="counter", on_terminated=ends)
        asks = [asyncio.ensure_future(ref.ask(message)) for message in (Boom("bad"), Get())]
        await asyncio.sleep(0)
        ref.tell_nowait(Add(1))
        assert await ref.stop() is False, "one message was not handled"
        failed, answer = await asyncio.gather(*asks, return_exceptions=True)
        assert isinstance(failed, ActorFailed)
        assert answer == 0
        assert [type(entry) for entry in diary] == [str, RuntimeError, str, int, str]
        assert ends.seen[0][1] is None


@virtually
async def test_the_last_message_of_a_drain_that_fails_ends_it() -> None:
    ends = Ends()
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter", on_terminated=ends)
        ref.tell_nowait(Boom("last"))
        assert await ref.stop() is False
        assert str(ends.seen[0][1]) == "last"
        assert asyncio.get_running_loop().time() == 0.0
