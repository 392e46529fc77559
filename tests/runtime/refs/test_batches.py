"""A batch is its messages one by one, cheaper: order, answers, failures, deadlines and room are as with single asks."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from cuebook.errors import ActorFailed, ActorStopped, AskCycle, AskTimeout, MailboxFull
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.mailbox import MailboxSpec
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.system import ActorSystem
from cuebook.wire.message import message
from tests.support.cast import Add, Boom, Counter, Echo, Get, Pause
from tests.support.virtually import virtually


@message(tag=60_401)
class Pass:
    on: ActorRef
    many: bool = True


class Relay(Actor):
    async def on_pass(self, message: Pass) -> Any:
        return await message.on.batch([Get(), Get()] if message.many else [])


@virtually
async def test_answers_come_in_the_order_of_the_messages() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter")
        assert await ref.batch([Add(1), Get(), Add(2), Get()]) == [None, 1, None, 3]
        assert await ref.batch([]) == []
        assert await ref.batch(Echo([n]) for n in range(600)) == [[n] for n in range(600)]


@virtually
async def test_the_first_failure_is_raised_once_all_have_ended() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Counter(diary), name="counter")
        with pytest.raises(ActorFailed, match="first"):
            await ref.batch([Add(1), Boom("first"), Add(2), Boom("second"), Add(3)])
        assert diary.count("start") == 3
        assert [entry for entry in diary if isinstance(entry, int)] == [1, 2, 3]


@virtually
async def test_collected_failures_take_the_places_of_their_answers() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter")
        answers = await ref.batch([Get(), Boom(), Get()], errors="collect")
        assert [type(answer) for answer in answers] == [int, ActorFailed, int]
        with pytest.raises(ValueError, match="raise"):
            await ref.batch([], errors="ignore")


@virtually
async def test_nothing_is_sent_where_one_message_cannot_be_encoded() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter")
        for send in (ref.batch, ref.tell_batch):
            with pytest.raises(TypeError, match=r"Echo\.value"):
                await send([Add(1), Echo(threading.Lock())])
        assert await ref.ask(Get()) == 0


@virtually
async def test_the_deadline_is_for_all_and_what_was_answered_in_time_is_kept() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter")
        answers = await ref.batch([Get(), Pause(5.0), Get()], timeout=1.0, errors="collect")
        assert answers[0] == 0
        assert [type(answer) for answer in answers[1:]] == [AskTimeout, AskTimeout]
        await asyncio.sleep(10)
        assert ref.statistics().late_replies == 2


@virtually
async def test_a_batch_that_is_cancelled_leaves_late_answers_and_nothing_else() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter")
        asking = asyncio.ensure_future(ref.batch([Pause(1.0), Get()]))
        await asyncio.sleep(0.5)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert await ref.ask(Get()) == 0
        assert ref.statistics().late_replies == 2


@virtually
async def test_from_outside_a_batch_waits_for_room() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter", mailbox=MailboxSpec(capacity=3))
        await ref.tell_batch(Add(1) for _ in range(50))
        assert (await ref.batch([Get()] * 50))[-1] == 50
        assert ref.statistics().high_water <= 4


@virtually
async def test_whoever_waits_in_vain_is_told_which_messages_had_no_room() -> None:
    class Sender(Actor):
        async def on_pass(self, message: Pass) -> Any:
            message.on.tell_nowait(Pause(50.0))
            await asyncio.sleep(0.1)
            answers = await message.on.batch([Get()] * 5, 1.0, errors="collect")
            with pytest.raises(MailboxFull, match=r"within 1 s \(after 0 of 4"):
                await message.on.tell_batch([Add(1)] * 4, 1.0)
            return [type(answer).__name__ for answer in answers]

    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter", mailbox=MailboxSpec(capacity=2))
        sender = system.spawn(Sender, name="sender")
        answers = await sender.ask(Pass(ref))
        assert answers == ["AskTimeout"] * 5
        ref.kill()


@virtually
async def test_a_batch_to_oneself_or_in_a_circle_is_refused() -> None:
    async with ActorSystem() as system:
        relay = system.spawn(Relay, name="relay")
        with pytest.raises(AskCycle):
            await relay.ask(Pass(relay))
        assert await relay.ask(Pass(relay, many=False)) == []

        class Back(Actor):
            async def receive(self, message: Any) -> Any:
                return await relay.ask(Get())

        with pytest.raises(AskCycle, match="relay"):
            await relay.ask(Pass(system.spawn(Back, name="back")))


@virtually
async def test_a_batch_to_an_actor_that_stops_is_answered_whole() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter")
        asking = asyncio.ensure_future(ref.batch([Pause(60.0), Get()], errors="collect"))
        await asyncio.sleep(1)
        await ref.stop(0.5)
        assert [type(answer) for answer in await asking] == [ActorStopped, ActorStopped]
        with pytest.raises(ActorStopped) as stopped:
            await ref.batch([Get()])
        assert stopped.value.undelivered == Get()


@virtually
async def test_drain_handles_what_is_queued_and_stops() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Counter(diary), name="counter")
        await ref.tell_batch([Pause(6.0), Add(1), Add(2)])
        assert await ref.drain(10.0)
        assert not ref.is_alive
        assert diary[-3:] == [1, 2, "stop"]
