"""A probe takes every message, says what it expected in its place, and loses nothing that it did not look at."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cuebook.errors import ActorFailed
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.signals import Down
from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.system import ActorSystem
from cuebook.testing.memory_runtime import MemoryRuntime
from cuebook.testing.probe import Probe
from tests.support.cast import Add, Boom, Counter, Echo, Get
from tests.support.virtually import virtually


class Asker(Actor):
    """Asks the probe, and passes its answer on."""

    def __init__(self, probe: ActorRef) -> None:
        self.probe = probe

    async def receive(self, message: Any) -> Any:
        return await self.probe.ask(message)


@virtually
async def test_the_next_message_is_expected_by_type_or_by_value() -> None:
    async with ActorSystem() as system:
        probe = Probe(system)
        probe.ref.tell_nowait(Add(1))
        probe.ref.tell_nowait(Get())
        assert await probe.expect(Add) == Add(1)
        assert await probe.expect(Get()) == Get()
        assert probe.ref.name == "probe"
        assert Probe(system).ref.name == "probe-2"


@virtually
async def test_another_message_is_an_error_that_shows_what_came_and_keeps_it() -> None:
    async with ActorSystem() as system:
        probe = Probe(system, "ear")
        for message in (Add(1), Get(), Add(2)):
            probe.ref.tell_nowait(message)
        with pytest.raises(
            AssertionError, match=r"ear expected a Get, and received Add\(n=1\); after it wait Get\(\), Add\(n=2\)"
        ):
            await probe.expect(Get)
        assert probe.waiting == (Add(1), Get(), Add(2))


@virtually
async def test_it_waits_as_long_as_it_is_told_and_no_longer() -> None:
    async with ActorSystem() as system:
        probe = Probe(system)
        loop = asyncio.get_running_loop()
        loop.call_later(2, probe.ref.tell_nowait, Add(1))
        with pytest.raises(AssertionError, match=r"expected Add\(n=1\), and nothing came in time"):
            await probe.expect(Add(1), timeout=1)
        assert loop.time() == 1
        await probe.expect(Add(1), timeout=5)
        assert loop.time() == 2


@virtually
async def test_nothing_is_expected_for_a_while() -> None:
    async with ActorSystem() as system:
        probe = Probe(system)
        loop = asyncio.get_running_loop()
        await probe.expect_none(within=10)
        assert loop.time() == 10
        loop.call_later(5, probe.ref.tell_nowait, Add(1))
        await probe.expect_none(within=4)
        with pytest.raises(AssertionError, match=r"expected nothing, and received Add\(n=1\)"):
            await probe.expect_none(within=4)
        assert loop.time() == 15
        await probe.expect(Add(1))


@virtually
async def test_nothing_now_means_once_everything_waits() -> None:
    async with ActorSystem() as system:
        probe = Probe(system)
        await probe.expect_none(within=0)
        probe.ref.tell_nowait(Add(1))
        with pytest.raises(AssertionError):
            await probe.expect_none(within=0)


@virtually
async def test_fishing_throws_back_what_does_not_fit_and_says_so_where_nothing_does() -> None:
    async with ActorSystem() as system:
        probe = Probe(system)
        for n in range(5):
            probe.ref.tell_nowait(Add(n))
        assert await probe.fish(lambda message: message.n == 3) == Add(3)
        assert probe.waiting == (Add(4),)
        with pytest.raises(AssertionError, match=r"nothing came in time; before that came Add\(n=4\)"):
            await probe.fish(Get)
        assert probe.waiting == ()


@virtually
async def test_one_deadline_holds_for_all_that_is_fished() -> None:
    async with ActorSystem() as system:
        probe = Probe(system)
        loop = asyncio.get_running_loop()
        for n in range(1, 10):
            loop.call_later(n, probe.ref.tell_nowait, Add(n))
        with pytest.raises(AssertionError):
            await probe.fish(Get, timeout=3.5)
        assert loop.time() == 3.5


@virtually
async def test_the_end_of_an_actor_is_expected_whether_it_comes_or_has_come() -> None:
    async with ActorSystem() as system:
        probe = Probe(system)
        ref = system.spawn(Counter, name="counter")
        with pytest.raises(AssertionError, match="counter to have ended, and it has not: <ActorRef counter running"):
            await probe.expect_terminated(ref)
        probe.ref.tell_nowait(Add(1))
        await ref.stop()
        down = await probe.expect_terminated(ref)
        assert (down.ref, down.reason) == (ref, Exit.SHUTDOWN)
        assert await probe.expect_terminated(ref) == Down(ref, Exit.SHUTDOWN, None)
        assert await probe.expect(Add)  # stayed where it was


@virtually
async def test_an_ask_is_answered_by_the_test() -> None:
    async with ActorSystem() as system:
        probe = Probe(system)
        asker = system.spawn(lambda: Asker(probe.ref), name="asker")
        asked = asyncio.ensure_future(asker.ask(Get()))
        await probe.expect(Get)
        assert probe.last_sender is asker
        probe.reply([1, 2])
        assert await asked == [1, 2]

        asked = asyncio.ensure_future(asker.ask(Get()))
        await probe.expect(Get)
        probe.fail(ValueError("not today"))
        with pytest.raises(ActorFailed, match="not today"):
            await asked


@virtually
async def test_a_tell_is_answered_by_a_tell() -> None:
    async with ActorSystem() as system:
        first, second = Probe(system), Probe(system)
        first.send(second.ref, Add(1))
        await second.expect(Add(1))
        second.reply(Add(2))
        await first.expect(Add(2))
        assert first.last_sender is second.ref


@virtually
async def test_an_answer_that_nobody_waits_for_is_an_error_of_the_test() -> None:
    async with ActorSystem() as system:
        probe = Probe(system)
        with pytest.raises(AssertionError, match="no message to reply to"):
            probe.reply(1)
        probe.ref.tell_nowait(Add(1))
        await probe.expect(Add)
        for answer in (lambda: probe.reply(Add(2)), lambda: probe.fail(KeyError())):
            with pytest.raises(AssertionError, match=r"nobody waits for an answer to Add\(n=1\)"):
                answer()


@virtually
async def test_what_is_ignored_never_came() -> None:
    async with ActorSystem() as system:
        probe = Probe(system)
        probe.ignore(Get)
        probe.ignore(lambda message: message == Add(0))
        assert await probe.ref.ask(Get()) is None
        for n in range(2):
            probe.ref.tell_nowait(Add(n))
        await probe.expect(Add(1))
        probe.ignore(None)
        probe.ref.tell_nowait(Get())
        await probe.expect(Get)


@virtually
async def test_nobody_waits_for_a_probe_for_ever() -> None:
    async with ActorSystem() as system:
        probe = Probe(system)
        asked = asyncio.ensure_future(probe.ref.ask(Get(), timeout=None))
        await probe.expect(Get)
    with pytest.raises(Exception, match="ended before it answered"):
        await asked


@virtually
async def test_it_lives_where_it_is_put() -> None:
    class Parent(Actor):
        def receive(self, message: Any) -> None:
            probes.append(Probe(self.context, "inner"))
            assert probes[0].ref

    probes: list[Probe] = []
    async with MemoryRuntime(is_virtual=True) as runtime:
        probe = Probe(runtime, "in runtime")
        parent = await runtime.spawn(Parent, name="parent")
        await parent.ask(Get())
        assert probe.ref is runtime.actor("in runtime")
        assert runtime.actor("inner") is probes[0].ref
        await parent.stop()
        await probe.expect_terminated(probes[0].ref)


@virtually
async def test_a_value_that_is_a_type_of_a_field_is_no_type_of_a_message() -> None:
    async with ActorSystem() as system:
        probe = Probe(system)
        probe.ref.tell_nowait(Echo("x"))
        with pytest.raises(AssertionError, match=r"expected Echo\(value='y'\)"):
            await probe.expect(Echo("y"))
        probe.ref.tell_nowait(Boom())
        await probe.expect(Echo)
        await probe.expect(Boom)
