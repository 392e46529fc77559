"""Actors that would wait for each other for ever are told at once; those that would not are left alone."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from cuebook.errors import AskCycle, AskTimeout, MessagingError
from cuebook.runtime.cells.actor import Actor, Delivery
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.system import ActorSystem
from tests.support.cast import Add, Counter, Echo, Get, Pause
from tests.support.virtually import virtually


class Relay(Actor):
    """Asks the next of a chain of names; the last one answers."""

    async def receive(self, message: Any) -> Any:
        match message:
            case Echo([name, *rest]):
                return await self.context.system.actor(name).ask(Echo(rest), timeout=100.0)
            case Pause(seconds):
                await asyncio.sleep(seconds)
            case Get():
                return "got"
        return "end"


async def cycle_of(ask: Any) -> AskCycle:
    """The AskCycle at the bottom of an ask's failure."""
    with pytest.raises(MessagingError) as caught:
        await ask
    error: BaseException | None = caught.value
    while error is not None and not isinstance(error, AskCycle):
        error = error.__cause__
    assert error is not None
    return error


def relays(system: ActorSystem, names: str) -> list[ActorRef]:
    return [system.spawn(Relay, name=name) for name in names]


@pytest.mark.parametrize("path", ["a", "ba", "bca", "bcdea", "bb", "bcb"])
def test_a_cycle_of_asks_ends_at_once_and_names_who_waits(path: str) -> None:
    @virtually
    async def scene() -> None:
        async with ActorSystem() as system:
            first, *_ = relays(system, "abcde")
            error = await cycle_of(first.ask(Echo(list(path)), timeout=None))
            asker, asked = ("a" + path)[-2:]
            assert str(error).startswith(f"{asker} would wait for {asked}")
            assert str(error).endswith("none could go on, so Echo was not sent")
            assert asyncio.get_running_loop().time() < 0.1

    scene()


@virtually
async def test_a_chain_of_asks_without_a_cycle_is_answered() -> None:
    async with ActorSystem() as system:
        first, *_ = relays(system, "abcde")
        assert await first.ask(Echo(list("bcde"))) == "end"
        assert await first.ask(Echo(list("edcb"))) == "end"


@virtually
async def test_two_actors_that_ask_each_other_at_the_same_time_are_a_cycle() -> None:
    class Later(Relay):
        async def receive(self, message: Any) -> Any:
            await asyncio.sleep(1.0)
            return await super().receive(message)

    async with ActorSystem() as system:
        a, b = (system.spawn(Later, name=name) for name in "ab")
        outcomes = await asyncio.gather(
            a.ask(Echo(["b"]), timeout=None), b.ask(Echo(["a"]), timeout=None), return_exceptions=True
        )
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["AskCycle", "str"]


@virtually
async def test_asks_that_a_handler_gathers_are_seen() -> None:
    class Gathers(Relay):
        async def receive(self, message: Any) -> Any:
            match message:
                case Echo(str(names)):
                    refs = [self.context.system.actor(name) for name in names]
                    return await asyncio.gather(*(ref.ask(Echo(["gathers"]), timeout=None) for ref in refs))
            return "gathered"

    async with ActorSystem() as system:
        relays(system, "ab")
        await cycle_of(system.spawn(Gathers, name="gathers").ask(Echo("ab"), timeout=None))


@virtually
async def test_hooks_are_waited_for_as_handlers_are() -> None:
    class Eager(Relay):
        async def on_start(self) -> None:
            await self.context.system.actor("a").ask(Echo(["eager"]), timeout=None)

    async with ActorSystem() as system:
        relays(system, "a")
        await cycle_of(system.spawn(Eager, name="eager", restart="temporary").ask(Get(), timeout=None))


@virtually
async def test_a_plain_handler_that_gives_back_an_ask_is_seen() -> None:
    class Plain(Actor):
        def receive(self, message: Any) -> Any:
            return self.context.self_ref.ask(Get(), timeout=None)

    async with ActorSystem() as system:
        await cycle_of(system.spawn(Plain, name="plain").ask(Get(), timeout=None))


@virtually
async def test_a_group_handler_that_asks_itself_is_told() -> None:
    class Many(Actor):
        async def receive_many(self, deliveries: list[Delivery]) -> None:
            await self.context.self_ref.ask(Get(), timeout=None)

    async with ActorSystem() as system:
        await cycle_of(system.spawn(Many, name="many").ask(Get(), timeout=None))


@virtually
async def test_a_task_that_outlives_its_handler_may_ask_back() -> None:
    answers: list[Any] = []

    class Starts(Actor):
        async def receive(self, message: Any) -> Any:
            match message:
                case Get():
                    return "free"
            self.task = asyncio.ensure_future(self.later())
            return None

        async def later(self) -> None:
            await asyncio.sleep(1.0)
            answers.append(await self.context.self_ref.ask(Get()))
            answers.append(await self.context.system.actor("a").ask(Echo(["starts"])))

    async with ActorSystem() as system:
        relays(system, "a")
        ref = system.spawn(Starts, name="starts")
        await ref.tell(Add(1))
        await asyncio.sleep(2.0)
    assert answers == ["free", None]


@virtually
async def test_an_answer_that_is_deferred_is_no_cycle() -> None:
    class Defers(Relay):
        held: list[Delivery] = []

        async def receive(self, message: Any) -> Any:
            match message:
                case Get():
                    self.held.append(self.context.defer())
                    self.task = asyncio.ensure_future(self.answer_later())
                    return None
                case Add():
                    return await self.context.system.actor("asks").ask(Echo([]))
            return None

        async def answer_later(self) -> None:
            await asyncio.sleep(5.0)
            self.held.pop().reply("at last")

    class Asks(Relay):
        async def receive(self, message: Any) -> Any:
            match message:
                case Add():
                    return await self.context.system.actor("defers").ask(Get())
            return "end"

    async with ActorSystem() as system:
        defers, asks = system.spawn(Defers, name="defers"), system.spawn(Asks, name="asks")
        first = asyncio.ensure_future(asks.ask(Add(1)))
        await asyncio.sleep(1.0)
        assert await defers.ask(Add(1)) == "end"  # waits until the deferred answer has set `asks` free
        assert await first == "at last"


@virtually
async def test_a_child_asks_in_its_own_name() -> None:
    class Child(Actor):
        def receive(self, message: Any) -> Any:
            return self.context.system.actor("a").ask(Get())

    class Parent(Actor):
        async def receive(self, message: Any) -> Any:
            return await self.context.spawn(Child, name="child").ask(Get())

    async with ActorSystem() as system:
        relays(system, "a")
        assert await system.spawn(Parent, name="parent").ask(Get()) == "got"


@virtually
async def test_a_task_of_a_child_does_not_ask_in_its_parent_s_name() -> None:
    answers: list[Any] = []

    class Child(Actor):
        def receive(self, message: Any) -> Any:
            self.task = asyncio.ensure_future(self.later())

        async def later(self) -> None:
            answers.append(await self.context.system.actor("parent").ask(Get()))

    class Parent(Actor):
        async def receive(self, message: Any) -> Any:
            match message:
                case Get():
                    return "got"
            self.context.spawn(Child, name="child").tell_nowait(Get())
            await asyncio.sleep(1.0)
            return None

    async with ActorSystem() as system:
        await system.spawn(Parent, name="parent").tell(Add(1))
        await asyncio.sleep(2.0)
    assert answers == ["got"]


@virtually
async def test_the_way_is_free_again_after_a_cycle_and_after_a_timeout() -> None:
    class Patient(Relay):
        async def receive(self, message: Any) -> Any:
            match message:
                case Add():
                    try:
                        await self.context.system.actor("b").ask(Pause(10.0), timeout=1.0)
                    except AskTimeout:
                        return await self.context.system.actor("b").ask(Get())
            return await super().receive(message)

    async with ActorSystem() as system:
        a, b = system.spawn(Patient, name="a"), system.spawn(Relay, name="b")
        assert await a.ask(Add(1)) == "got"
        await cycle_of(a.ask(Echo(["b", "a"])))
        assert await a.ask(Echo(["b"])) == "end"
        assert await b.ask(Echo(["a"])) == "end"
        assert a._target.activation is None or not a._target.activation.waits_for


@virtually
async def test_the_timeout_names_target_message_age_depth_and_state() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter")
        ref.tell_nowait(Pause(9.0))
        await asyncio.sleep(1.0)
        for n in range(3):
            ref.tell_nowait(Add(n))
        with pytest.raises(AskTimeout) as caught:
            await ref.ask(Get(), timeout=2.0)
    text = str(caught.value)
    assert text.startswith("counter did not answer Get within 2 s (running depth=4/1024 ")
    assert "asked 2" in text and "s ago)" in text


@virtually
async def test_a_late_reply_is_counted_and_logged_as_late(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "cuebook")
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter")
        with pytest.raises(AskTimeout):
            await ref.ask(Pause(3.0), timeout=1.0)
        await ref.ask(Get())
        assert ref.statistics().late_replies == 1
    assert [record.message for record in caplog.records] == ["late reply actor='counter' message='Pause'"]
