"""Wires between processes that are none: in order and late, unless they are told to drop, repeat, swap or garble."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from cuebook.errors import ActorFailed, ActorStopped, AskTimeout, CodecError, MailboxFull, MessagingError
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.mailbox import MailboxSpec
from cuebook.runtime.system import ActorSystem
from cuebook.testing.link import linked
from cuebook.testing.pipe import TransportFaults
from cuebook.testing.probe import Probe
from cuebook.testing.virtual_time import VirtualClock
from cuebook.wire.message import message
from tests.support.cast import Add, Boom, Counter, Echo, Get, Pause
from tests.support.virtually import virtually


@message(by_reference=True)
class Shared:
    n: int


async def arrived(faults: TransportFaults, count: int = 5) -> list[int]:
    """What a probe gets of so many messages over a wire."""
    async with ActorSystem(clock=VirtualClock()) as system:
        probe = Probe(system)
        wire = linked(probe.ref, faults, chance=random.Random(3))
        for n in range(count):
            await wire.tell(Add(n))
        await asyncio.sleep(100)
        return [message.n for message in probe.waiting]


@virtually
async def test_without_faults_everything_arrives_in_order() -> None:
    assert await arrived(TransportFaults(), 50) == list(range(50))


@virtually
async def test_each_fault_befalls_the_messages_that_it_is_planned_for() -> None:
    faults = TransportFaults()
    faults.drop_next(2)
    assert await arrived(faults) == [2, 3, 4]
    faults = TransportFaults()
    faults.repeat_next()
    assert await arrived(faults) == [0, 0, 1, 2, 3, 4]
    faults = TransportFaults()
    faults.swap_next()
    faults.drop_next()
    faults.swap_next()
    assert await arrived(faults) == [3, 0, 2, 4]


@virtually
async def test_a_late_message_makes_those_after_it_late_too() -> None:
    async with ActorSystem(clock=VirtualClock()) as system:
        probe, faults = Probe(system), TransportFaults()
        wire = linked(probe.ref, faults)
        faults.delay_next(60)
        wire.tell_nowait(Add(1))
        wire.tell_nowait(Add(2))
        await probe.expect_none(within=59)
        await probe.expect(Add(1))
        await probe.expect(Add(2))


@virtually
async def test_garbage_is_refused_by_the_receiver_and_said_to_the_asker() -> None:
    async with ActorSystem(clock=VirtualClock()) as system:
        faults = TransportFaults()
        ref = system.spawn(Counter, name="counter")
        wire = linked(ref, faults)
        faults.garble_next(2)
        await wire.tell(Add(1))
        with pytest.raises(CodecError):
            await wire.ask(Get())
        assert await wire.ask(Get()) == 0
        assert ref.statistics().refused == 2
        slow = asyncio.ensure_future(wire.ask(Pause(1.0)))
        await asyncio.sleep(0.5)
        faults.garble_next()
        with pytest.raises(ActorStopped, match="garbage"):
            await slow


@virtually
async def test_answers_travel_too_and_a_lost_one_ends_the_ask_by_its_deadline() -> None:
    async with ActorSystem(clock=VirtualClock()) as system:
        faults = TransportFaults()
        ref = system.spawn(Counter, name="counter")
        wire = linked(ref, faults)
        slow = asyncio.ensure_future(wire.ask(Pause(1.0), timeout=10))
        await asyncio.sleep(0.5)
        faults.drop_next()  # nothing else is sent before the answer
        with pytest.raises(AskTimeout):
            await slow
        assert await wire.ask(Echo([1, 2])) == [1, 2]
        with pytest.raises(ActorFailed, match="boom"):
            await wire.ask(Boom())


@virtually
async def test_who_sent_it_is_known_at_the_other_end() -> None:
    async with ActorSystem(clock=VirtualClock()) as system:
        here, there = Probe(system), Probe(system)
        here.send(linked(there.ref), Add(1))
        await there.expect(Add(1))
        assert there.last_sender is here.ref


@virtually
async def test_what_goes_by_reference_cannot_leave_its_process() -> None:
    async with ActorSystem(clock=VirtualClock()) as system:
        wire = linked(system.spawn(Counter, name="counter"))
        with pytest.raises(TypeError, match="Shared has no tag, so it goes by reference only"):
            await wire.tell(Shared(1))


@virtually
async def test_the_end_of_the_other_side_reaches_whoever_asks() -> None:
    class Slow(Actor):
        async def receive(self, message: Any) -> None:
            await asyncio.sleep(100)

    async with ActorSystem(clock=VirtualClock()) as system:
        ref = system.spawn(Slow, name="slow", mailbox=MailboxSpec(capacity=1))
        wire = linked(ref)
        first = asyncio.ensure_future(wire.ask(Get()))
        await asyncio.sleep(1)
        await wire.tell(Get())
        with pytest.raises(MailboxFull):
            await wire.ask(Get())
        await wire.stop(1, drain=False)
        with pytest.raises(MessagingError):
            await first
        with pytest.raises(ActorStopped):
            await wire.ask(Get())
        assert not wire.is_alive


@virtually
async def test_a_wired_ref_is_watched_like_any() -> None:
    async with ActorSystem(clock=VirtualClock()) as system:
        probe = Probe(system)
        wire = linked(system.spawn(Counter, name="counter"))
        probe.watch(wire)
        await wire.stop()
        await probe.expect_terminated(wire)


def test_a_plan_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="1 or more messages"):
        TransportFaults().drop_next(0)
    with pytest.raises(ValueError, match="0 or more seconds"):
        TransportFaults().delay_next(-1)
