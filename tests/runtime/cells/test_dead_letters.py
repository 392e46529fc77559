"""Dead letters: what went nowhere, and why."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import pytest

from cuebook.errors import ActorFailed, ActorStopped, MailboxFull, UnhandledMessage
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.mailbox import MailboxSpec
from cuebook.runtime.reports.deadletters import DeadLetter, DeadReason
from cuebook.runtime.reports.readers import BEHIND_MAX
from cuebook.runtime.system import ActorSystem
from tests.runtime.cells.failing import QUICK
from tests.runtime.cells.letters import letters_of
from tests.support.cast import Add, Boom, Counter, Echo, Get, Pause
from tests.support.virtually import virtually

pytestmark = pytest.mark.quick


# Dead letters


@virtually
async def test_every_way_to_nowhere_is_a_dead_letter() -> None:
    class Picky(Actor):
        def receive(self, message: Any) -> Any:
            match message:
                case Pause(seconds):
                    return asyncio.sleep(seconds)
                case Boom():
                    raise RuntimeError("x")
                case Echo():
                    return self.context.stash()
            self.unhandled(message)
            return None

    async with ActorSystem() as system:
        letters, reading = await letters_of(system)
        spec = MailboxSpec(capacity=1, overflow="drop_old", stash_capacity=0)
        ref = system.spawn(Picky, name="picky", mailbox=spec, backoff=QUICK)
        with pytest.raises(UnhandledMessage, match=r"picky \(.*Picky\) has no handler for Get"):
            await ref.ask(Get())
        assert ref.statistics().restarts == 0
        for sent in (Echo(1), Boom(), Pause(1.0)):
            await asyncio.sleep(0.1)
            ref.tell_nowait(sent)
        await asyncio.sleep(0.1)
        ref.tell_nowait(Add(1))
        ref.tell_nowait(Add(2))
        ref.forward_nowait(b"\xc1 garbage")
        await asyncio.sleep(2.0)
        ref.tell_nowait(Pause(9.0))
        await asyncio.sleep(0.1)
        ref.tell_nowait(Add(3))
        await ref.stop(1.0)
        with pytest.raises(ActorStopped):
            ref.tell_nowait(Add(4))
        counts = dict(system.dead_letters.counts)
    await reading
    assert [(letter.message, letter.reason.value) for letter in letters] == [
        (Get(), "unhandled"),
        (Echo(1), "dropped"),
        (Boom("boom"), "poison"),
        (Add(1), "dropped"),
        (Add(2), "dropped"),
        (b"\xc1 garbage", "refused"),
        (Pause(9.0), "poison"),
        (Add(3), "stopped"),
        (Add(4), "stopped"),
    ]
    assert sum(counts.values()) == len(letters)
    assert {letter.target for letter in letters} == {"picky"}


@virtually
async def test_what_was_in_hand_when_the_system_was_cancelled_is_a_dead_letter() -> None:
    system = ActorSystem()
    letters: list[DeadLetter] = []

    async def read() -> None:
        async for letter in system.dead_letters.stream():
            letters.append(letter)

    reading = asyncio.ensure_future(read())
    with anyio.move_on_after(1):
        async with system:
            system.spawn(Counter, name="counter").tell_nowait(Pause(100.0))
            await asyncio.sleep(50)
    await reading
    assert [(letter.message, letter.reason.value) for letter in letters] == [(Pause(100.0), "stopped")]


@virtually
async def test_what_an_actor_tells_itself_too_late_is_a_dead_letter_and_no_error() -> None:
    class Tells(Actor):
        async def on_stop(self) -> None:
            self.context.self_ref.tell_nowait(Add(1))

    async with ActorSystem() as system:
        letters, reading = await letters_of(system)
        ref = system.spawn(Tells, name="tells")
        await asyncio.sleep(1)
        assert await ref.stop()
    await reading
    assert [(letter.message, letter.sender, letter.reason.value) for letter in letters] == [
        (Add(1), "tells", "stopped")
    ]


@virtually
async def test_an_unhandled_message_of_another_actor_is_no_unhandled_message_here() -> None:
    class Asks(Actor):
        async def receive(self, message: Any) -> Any:
            return await other.ask(message)

    async with ActorSystem() as system:
        other = system.spawn(Actor, name="other")
        ref = system.spawn(Asks, name="asks", backoff=QUICK)
        with pytest.raises(ActorFailed, match="asks failed .* other .* has no handler") as failed:
            await ref.ask(Get())
        assert isinstance(failed.value.__cause__, UnhandledMessage)
        await asyncio.sleep(0.1)
        assert ref.statistics().restarts == 1
        assert other.statistics().restarts == 0


@virtually
async def test_a_reader_that_does_not_keep_up_loses_the_oldest_and_costs_no_memory() -> None:
    async with ActorSystem() as system:
        stream = system.dead_letters.stream()
        first = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        gone = system.spawn(Counter, name="gone")
        await gone.stop()
        for n in range(BEHIND_MAX + 10):
            with pytest.raises(ActorStopped):
                gone.tell_nowait(Add(n))
        got = [(await first).message.n, (await anext(stream)).message.n]
        assert got == [10, 11]
        await stream.aclose()
        assert system.dead_letters.counts[DeadReason.STOPPED] == BEHIND_MAX + 10


@virtually
async def test_a_flood_of_dead_letters_is_logged_sparingly(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "cuebook")
    async with ActorSystem() as system:
        gone = system.spawn(Counter, name="gone")
        await gone.stop()
        for n in range(100):
            with pytest.raises(ActorStopped):
                gone.tell_nowait(Add(n))
    counts = [record.cuebook["count"] for record in caplog.records]
    assert counts == [1, 2, 4, 8, 16, 32, 64]


@virtually
async def test_a_dropped_ask_is_told_and_a_dead_letter() -> None:
    async with ActorSystem() as system:
        letters, reading = await letters_of(system)
        ref = system.spawn(Counter, name="c", mailbox=MailboxSpec(capacity=1, overflow="drop_new"))
        ref.tell_nowait(Pause(1.0))
        await asyncio.sleep(0.1)
        ref.tell_nowait(Add(1))
        with pytest.raises(MailboxFull):
            await ref.ask(Get())
    await reading
    assert [(letter.message, letter.reason) for letter in letters] == [(Get(), DeadReason.DROPPED)]
