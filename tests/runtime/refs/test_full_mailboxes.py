"""Room in mailboxes: who waits for it, how long, and what is dropped."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cuebook.errors import ActorStopped, AskTimeout, MailboxFull
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.mailbox import MailboxSpec
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.system import ActorSystem
from tests.support.cast import Add, Counter, Echo, Get, Pause
from tests.support.virtually import virtually

pytestmark = pytest.mark.quick


@virtually
async def test_a_full_mailbox_raises_at_once_for_tell_nowait() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter", mailbox=MailboxSpec(capacity=3))
        for n in range(3):
            ref.tell_nowait(Add(n))
        with pytest.raises(MailboxFull, match="mailbox of counter is full: 3 of 3 messages"):
            ref.tell_nowait(Add(3))
        assert await ref.ask(Get()) == 3


@virtually
async def test_tell_and_ask_from_outside_wait_for_room_in_order() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Counter(diary), name="counter", mailbox=MailboxSpec(capacity=2))
        await asyncio.gather(*(ref.tell(Add(n)) for n in range(50)), ref.ask(Get()))
        assert ref.statistics().high_water == 2
    assert diary == ["start", *range(50), "stop"]


@virtually
async def test_waiting_for_room_ends_with_the_deadline_of_the_ask() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter", mailbox=MailboxSpec(capacity=1))
        first = asyncio.ensure_future(ref.ask(Pause(60.0), timeout=None))
        await asyncio.sleep(1)
        ref.tell_nowait(Add(1))
        with pytest.raises(AskTimeout):
            await ref.ask(Get(), timeout=1.0)
        await first
        assert await ref.ask(Get()) == 1


@virtually
async def test_the_wait_for_room_counts_towards_the_deadline_of_the_ask() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter", mailbox=MailboxSpec(capacity=1))
        ref.tell_nowait(Pause(2.0))
        await asyncio.sleep(0.5)
        ref.tell_nowait(Pause(2.0))
        with pytest.raises(AskTimeout):
            await ref.ask(Get(), timeout=3.0)
        assert asyncio.get_running_loop().time() == pytest.approx(3.5, abs=0.03)


@virtually
async def test_whoever_waits_for_room_does_not_wait_for_the_handler_that_made_it() -> None:
    loop = asyncio.get_running_loop()
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter", mailbox=MailboxSpec(capacity=1))
        await asyncio.gather(*(ref.tell(Pause(1.0)) for _ in range(3)))
        assert loop.time() == pytest.approx(1.0)


@virtually
async def test_waiting_for_room_ends_with_the_actor() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter", mailbox=MailboxSpec(capacity=1))
        ref.tell_nowait(Pause(60.0))
        await asyncio.sleep(1)
        ref.tell_nowait(Add(1))
        waiting = [asyncio.ensure_future(ref.tell(Add(2))), asyncio.ensure_future(ref.ask(Get()))]
        await asyncio.sleep(1)
        await ref.stop(timeout=1.0)
        for outcome in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(outcome, ActorStopped)


@virtually
async def test_urgent_messages_come_first_and_beyond_the_bounds() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Counter(diary), name="counter", mailbox=MailboxSpec(capacity=2))
        ref.tell_nowait(Add(1))
        ref.tell_nowait(Add(2))
        ref.tell_nowait(Add(3), urgent=True)
        ref.tell_nowait(Add(4), urgent=True)
    assert diary == ["start", 3, 4, 1, 2, "stop"]


@virtually
async def test_bytes_are_bounded_but_a_lone_large_message_gets_in() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter", mailbox=MailboxSpec(bytes_max=100))
        ref.tell_nowait(Echo(b"x" * 500))
        with pytest.raises(MailboxFull, match="bytes"):
            ref.tell_nowait(Get())
        assert await ref.ask(Echo(b"x" * 500)) == b"x" * 500


@virtually
async def test_drop_new_drops_tells_and_refuses_asks() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter", mailbox=MailboxSpec(capacity=2, overflow="drop_new"))
        for _ in range(5):
            ref.tell_nowait(Add(1))
        with pytest.raises(MailboxFull):
            await ref.ask(Get())
        await asyncio.sleep(1)
        assert await ref.ask(Get()) == 2
        assert ref.statistics().dropped == 4


@virtually
async def test_drop_old_keeps_the_newest_and_answers_who_is_dropped() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Counter(diary), name="counter", mailbox=MailboxSpec(capacity=2, overflow="drop_old"))
        asked = asyncio.ensure_future(ref.ask(Get()))
        await asyncio.sleep(0)
        for n in range(5):
            ref.tell_nowait(Add(n))
        with pytest.raises(MailboxFull, match="dropped from the full mailbox"):
            await asked
        assert ref.statistics().dropped == 4
    assert diary == ["start", 3, 4, "stop"]


@virtually
async def test_between_actors_tell_waits_for_room_and_tell_nowait_raises() -> None:
    seen: list[Any] = []

    class Sender(Actor):
        def __init__(self, target: ActorRef) -> None:
            self.target = target

        async def receive(self, message: Any) -> None:
            for _ in range(2):
                self.target.tell_nowait(Add(1))
            try:
                self.target.tell_nowait(Add(1))
            except MailboxFull as error:
                seen.append(error)
            await self.target.tell(Add(1))
            seen.append(asyncio.get_running_loop().time())

    async with ActorSystem() as system:
        target = system.spawn(Counter, name="counter", mailbox=MailboxSpec(capacity=2))
        target.tell_nowait(Pause(5.0))
        await asyncio.sleep(1)
        await system.spawn(lambda: Sender(target), name="sender").ask(Get())
        assert [type(each) for each in seen] == [MailboxFull, float]
        assert seen[1] == 5.0
