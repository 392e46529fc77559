"""Timers arrive as messages, once, unless cancelled, replaced, or outlived by their incarnation."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from cuebook.errors import ActorFailed
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.mailbox import MailboxSpec
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.system import ActorSystem
from tests.support.cast import Add, Boom, Echo, Get
from tests.support.virtually import virtually

pytestmark = pytest.mark.quick


class Timed(Actor):
    """Carries out instructions [verb, ...] and writes down what arrives when."""

    def __init__(self, diary: list[Any]) -> None:
        self.diary = diary

    def receive(self, message: Any) -> Any:
        match message:
            case Echo(["after", delay_s, n, key]):
                return str(self.context.after(delay_s, Add(n), key))
            case Echo(["every", period_s, n, key]):
                self.context.every(period_s, Add(n), key)
            case Echo(["busy", seconds]):
                return asyncio.sleep(seconds)
            case Echo(["cancel", key]):
                return self.context.cancel_timer(key)
            case Echo(["anonymous", delay_s, n]):
                key = self.context.after(delay_s, Add(n))
                self.context.after(delay_s, Add(n + 1))
                return self.context.cancel_timer(key)
            case Add(n):
                self.diary.append((self.context.clock.monotonic(), n))
            case Boom(text):
                raise RuntimeError(text)
        return None


def spawn(system: ActorSystem, diary: list[Any], **options: Any) -> ActorRef:
    return system.spawn(lambda: Timed(diary), name="timed", **options)


@virtually
async def test_a_timer_arrives_after_its_delay() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        ref = spawn(system, diary)
        assert await ref.ask(Echo(["after", 2.0, 1, "a"])) == "a"
        await ref.ask(Echo(["after", 1.0, 2, "b"]))
        await asyncio.sleep(5)
    assert diary == [(1.0, 2), (2.0, 1)]


@virtually
async def test_a_timer_of_the_same_key_replaces_the_earlier_one() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        ref = spawn(system, diary)
        await ref.ask(Echo(["after", 1.0, 1, "a"]))
        await ref.ask(Echo(["after", 2.0, 2, "a"]))
        await asyncio.sleep(5)
    assert diary == [(2.0, 2)]


@virtually
async def test_a_cancelled_timer_never_arrives() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        ref = spawn(system, diary)
        await ref.ask(Echo(["after", 1.0, 1, "a"]))
        assert await ref.ask(Echo(["cancel", "a"])) is True
        assert await ref.ask(Echo(["cancel", "a"])) is False
        await asyncio.sleep(5)
    assert diary == []


@pytest.mark.parametrize("message", [Echo(["cancel", "a"]), Echo(["after", 5.0, 2, "a"])], ids=["cancel", "replace"])
def test_a_timer_that_waits_in_the_mailbox_is_still_cancelled(message: Echo) -> None:
    @virtually
    async def scene() -> None:
        diary: list[Any] = []
        async with ActorSystem() as system:
            ref = spawn(system, diary)
            await ref.ask(Echo(["after", 0.0, 1, "a"]))
            ref.tell_nowait(message)
            await asyncio.sleep(0)  # the timer fires into the mailbox behind it, or is cancelled before
            await asyncio.sleep(3)
            assert diary == []

    scene()


@virtually
async def test_a_fired_timer_is_dropped_when_it_is_cancelled_before_it_is_received() -> None:
    diary: list[Any] = []

    class Slow(Timed):
        async def receive(self, message: Any) -> Any:  # type: ignore[override]
            if isinstance(message, Get):
                self.context.after(1.0, Add(1), "a")
                await asyncio.sleep(2)
                return self.context.cancel_timer("a")
            return super().receive(message)

    async with ActorSystem() as system:
        ref = system.spawn(lambda: Slow(diary), name="slow")
        assert await ref.ask(Get()) is True
        await asyncio.sleep(2)
    assert diary == []


@virtually
async def test_timers_without_a_key_are_told_apart() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        ref = spawn(system, diary)
        assert await ref.ask(Echo(["anonymous", 1.0, 5])) is True
        await asyncio.sleep(3)
    assert diary == [(1.0, 6)]


@virtually
async def test_timers_die_with_their_incarnation_also_when_they_wait_in_the_mailbox() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        ref = spawn(system, diary)
        await ref.ask(Echo(["after", 3.0, 1, "later"]))
        await ref.ask(Echo(["after", 0.0, 2, "now"]))
        ref.tell_nowait(Boom())
        await asyncio.sleep(0)
        await asyncio.sleep(10)
        assert ref.statistics().restarts == 1
    assert [n for _, n in diary] in ([], [2])
    assert 1 not in [n for _, n in diary]


@virtually
async def test_a_timer_gets_into_a_full_mailbox() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        ref = spawn(system, diary, mailbox=MailboxSpec(capacity=1))
        await ref.ask(Echo(["after", 0.0, 1, "a"]))
        ref.tell_nowait(Add(2))
        await asyncio.sleep(1)
    assert sorted(n for _, n in diary) == [1, 2]


@virtually
async def test_a_message_that_cannot_travel_fails_where_the_timer_is_set() -> None:
    class Odd(Actor):
        def receive(self, message: Any) -> Any:
            try:
                self.context.after(1.0, Echo(threading.Lock()))
            except TypeError as error:
                return str(error)
            return None

    async with ActorSystem() as system:
        assert "Echo.value cannot travel" in await system.spawn(Odd, name="odd").ask(Get())


@virtually
async def test_no_timer_is_left_when_an_actor_has_stopped() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        ref = spawn(system, diary)
        await ref.ask(Echo(["after", 1000.0, 1, "a"]))
        await ref.stop()
        await asyncio.sleep(2000)
    assert diary == []


@virtually
async def test_a_timer_that_is_due_while_the_actor_drains_is_not_received() -> None:
    diary: list[Any] = []

    class Slow(Timed):
        async def receive(self, message: Any) -> Any:  # type: ignore[override]
            if isinstance(message, Get):
                await asyncio.sleep(2)
            return super().receive(message)

    async with ActorSystem() as system:
        ref = system.spawn(lambda: Slow(diary), name="slow")
        await ref.ask(Echo(["after", 1.0, 1, "a"]))
        ref.tell_nowait(Get())
        assert await ref.stop() is True
    assert diary == []


@virtually
async def test_a_repeating_timer_arrives_a_period_after_it_was_received_until_it_is_cancelled() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        ref = spawn(system, diary)
        await ref.ask(Echo(["every", 1.0, 7, "tick"]))
        await asyncio.sleep(2.5)
        await ref.ask(Echo(["busy", 10.0]))  # from 2.5 to 12.5: the third is received then, once
        await asyncio.sleep(1.5)
        assert await ref.ask(Echo(["cancel", "tick"]))
        await asyncio.sleep(5)
    assert diary == [(1.0, 7), (2.0, 7), (12.5, 7), (13.5, 7)]


@virtually
async def test_a_repeating_timer_ends_with_its_incarnation_and_with_one_of_its_key() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        ref = spawn(system, diary)
        await ref.ask(Echo(["every", 1.0, 1, "tick"]))
        await ref.ask(Echo(["after", 0.5, 2, "tick"]))
        await asyncio.sleep(3)
        await ref.ask(Echo(["every", 1.0, 3, None]))
        ref.tell_nowait(Boom())
        await asyncio.sleep(3)
    assert diary == [(0.5, 2)]


@virtually
async def test_a_period_is_more_than_nothing() -> None:
    async with ActorSystem() as system:
        ref = spawn(system, [])
        with pytest.raises(ActorFailed, match="more than 0 seconds, not 0"):
            await ref.ask(Echo(["every", 0, 1, None]))


@virtually
async def test_a_repeating_timer_does_not_keep_an_actor_from_draining() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        ref = spawn(system, diary)
        await ref.tell_batch([Echo(["every", 0.1, 1, "tick"]), Echo(["busy", 1.0])])
        assert await ref.drain(5.0)
        assert asyncio.get_running_loop().time() < 2
