"""Who waits for room gets in or is told; what is put aside comes back; messages by reference are the same object."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from cuebook.errors import ActorStopped, AskCycle, AskTimeout, MailboxFull
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.mailbox import MailboxSpec
from cuebook.runtime.policy.restarts import Backoff
from cuebook.runtime.system import ActorSystem
from cuebook.wire.message import message
from tests.support.cast import Add, Boom, Counter, Echo, Get, Pause
from tests.support.virtually import virtually

WAITS = MailboxSpec(capacity=1, overflow="wait")


class Sender(Actor):
    """Sends on to `target`, and says how that ended."""

    def __init__(self, timeout: float | None = None, target: str = "slow") -> None:
        self.timeout = timeout
        self.target = target

    async def receive(self, message: Any) -> Any:
        ref = self.context.system.actor(self.target)
        try:
            if isinstance(message, Get):
                return await ref.ask(Get(), timeout=self.timeout)
            await ref.tell(message, timeout=self.timeout)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return "sent"


async def busy(system: ActorSystem, spec: MailboxSpec, seconds: float = 10.0) -> Any:
    """An actor at work for so long, its mailbox full."""
    ref = system.spawn(Counter, name="slow", mailbox=spec)
    ref.tell_nowait(Pause(seconds))
    await asyncio.sleep(0.1)
    for n in range(spec.capacity):
        ref.tell_nowait(Add(n))
    return ref


@pytest.mark.parametrize(
    ("overflow", "timeout", "outcome"),
    [
        ("wait", 20.0, "sent"),
        ("wait", 5.0, "MailboxFull: no room in the mailbox of slow within 5 s"),
        ("wait", None, "sent"),
        ("raise", None, "sent"),
        ("raise", 20.0, "sent"),
        ("raise", 5.0, "MailboxFull: no room in the mailbox of slow within 5 s"),
        ("drop_new", 20.0, "sent"),
        ("drop_old", 20.0, "sent"),
    ],
)
def test_a_handler_waits_for_room_as_anyone(overflow: str, timeout: float | None, outcome: str) -> None:
    @virtually
    async def scene() -> None:
        async with ActorSystem() as system:
            ref = await busy(system, MailboxSpec(capacity=1, overflow=overflow))
            sender = system.spawn(lambda: Sender(timeout), name="sender")
            assert (await sender.ask(Add(7), timeout=60.0)).startswith(outcome)
            await asyncio.sleep(15.0)
            total = await ref.ask(Get())
            assert total == (7 if outcome == "sent" and overflow != "drop_new" else 0)

    scene()


@virtually
async def test_an_ask_of_an_actor_waits_for_room_within_its_deadline() -> None:
    async with ActorSystem() as system:
        await busy(system, WAITS)
        patient = system.spawn(lambda: Sender(20.0), name="patient")
        hasty = system.spawn(lambda: Sender(5.0), name="hasty")
        answers = await asyncio.gather(patient.ask(Get(), timeout=60.0), hasty.ask(Get(), timeout=60.0))
        assert answers[0] == 0
        assert answers[1].startswith("AskTimeout: slow did not answer Get within 5 s")


@virtually
async def test_from_outside_tell_waits_no_longer_than_its_timeout() -> None:
    async with ActorSystem() as system:
        ref = await busy(system, MailboxSpec(capacity=1))
        with pytest.raises(MailboxFull, match=r"no room in the mailbox of slow within 2 s"):
            await ref.tell(Add(1), timeout=2.0)
        await ref.tell(Add(1), timeout=20.0)


@virtually
async def test_actors_that_would_wait_for_each_others_room_are_told() -> None:
    errors: list[str] = []

    class Talker(Sender):
        async def receive(self, message: Any) -> Any:
            if isinstance(message, Boom):
                await asyncio.sleep(1.0)
                errors.append(await super().receive(Add(1)))

    async with ActorSystem() as system:
        a = system.spawn(lambda: Talker(5.0, "b"), name="a", mailbox=WAITS)
        b = system.spawn(lambda: Talker(5.0, "a"), name="b", mailbox=WAITS)
        for ref in (a, b):
            ref.tell_nowait(Boom())
        await asyncio.sleep(0.5)
        for ref in (a, b):
            ref.tell_nowait(Add(0))
        await asyncio.sleep(3.0)
        assert re.fullmatch(
            "MailboxFull: the mailbox of ([ab]) is full, and ([ab]) would wait for \\1, which waits for \\2: .*",
            errors[0],
        ), errors
        await asyncio.sleep(5.0)
    assert errors[1:] == ["sent"]


@virtually
async def test_an_actor_never_waits_for_its_own_room() -> None:
    class Selfish(Sender):
        async def receive(self, message: Any) -> Any:
            if isinstance(message, Boom):
                await asyncio.sleep(1.0)
                return await super().receive(Add(1))
            return None

    async with ActorSystem() as system:
        ref = system.spawn(lambda: Selfish(5.0, "itself"), name="itself", mailbox=WAITS)
        ask = asyncio.ensure_future(ref.ask(Boom()))
        await asyncio.sleep(0.5)
        ref.tell_nowait(Add(0))
        assert (await ask).startswith("MailboxFull: the mailbox of itself is full, and itself would wait for itself")
        assert asyncio.get_running_loop().time() < 1.1


@virtually
async def test_the_age_of_the_oldest_message_is_seen() -> None:
    async with ActorSystem() as system:
        ref = await busy(system, MailboxSpec(capacity=5))
        assert ref.statistics().oldest_s < 0.2
        await asyncio.sleep(4.0)
        assert 3.9 < ref.statistics().oldest_s < 4.2
        assert "oldest=4s" in repr(ref)
        await ref.ask(Get())
        assert ref.statistics().oldest_s == 0.0


@virtually
async def test_priorities_are_those_of_the_receiver() -> None:
    diary: list[Any] = []

    class Writes(Actor):
        async def receive(self, message: Any) -> Any:
            diary.append(message)
            await asyncio.sleep(1.0)

    async with ActorSystem() as system:
        ref = system.spawn(Writes, name="writes", mailbox=MailboxSpec(priorities={Add: 1, Boom: -1}))
        ref.tell_nowait(Get())
        await asyncio.sleep(0.5)
        for sent in (Boom(), Echo(1), Add(1), Echo(2), Add(2)):
            ref.tell_nowait(sent)
    assert diary == [Get(), Add(1), Add(2), Echo(1), Echo(2), Boom()]


# The stash


class Door(Actor):
    """Puts visitors aside until it is open."""

    def __init__(self, diary: list[Any] | None = None) -> None:
        self.is_open = False
        self.diary = [] if diary is None else diary

    def receive(self, message: Any) -> Any:
        match message:
            case Get():
                self.is_open = True
                return self.context.unstash()
            case Boom():
                raise RuntimeError("slammed")
            case _ if not self.is_open:
                return self.context.stash()
        self.diary.append(message)
        return message.n


@virtually
async def test_what_is_put_aside_is_answered_when_it_comes_back_and_first() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Door(diary), name="door")
        asks = [asyncio.ensure_future(ref.ask(Add(n))) for n in range(3)]
        await asyncio.sleep(1.0)
        assert ref.statistics().stashed == 3
        opening = asyncio.ensure_future(ref.ask(Get()))
        later = asyncio.ensure_future(ref.ask(Add(3)))
        assert await opening == 3
        assert await asyncio.gather(*asks, later) == [0, 1, 2, 3]
    assert diary == [Add(n) for n in range(4)]


@virtually
async def test_a_full_stash_refuses_its_asker_and_the_actor_goes_on() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Door, name="door", mailbox=MailboxSpec(stash_capacity=1))
        first = asyncio.ensure_future(ref.ask(Add(1)))
        await asyncio.sleep(0.1)
        with pytest.raises(MailboxFull, match="the stash of door is full: 1 messages"):
            await ref.ask(Add(2))
        assert await ref.ask(Get()) == 1
        assert await first == 1
        assert ref.statistics().restarts == 0


@virtually
async def test_the_stash_survives_a_restart_at_the_head_of_the_mailbox() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Door(diary), name="door", backoff=Backoff(first_s=1.0, jitter=0.0))
        ref.tell_nowait(Add(1))
        ref.tell_nowait(Add(2))
        ref.tell_nowait(Boom())
        await asyncio.sleep(0.5)
        assert ref.statistics().stashed == 0
        ref.tell_nowait(Add(3))
        assert await ref.ask(Get()) == 3
        await asyncio.sleep(0.1)
    assert diary == [Add(1), Add(2), Add(3)]


@virtually
async def test_whoever_is_still_put_aside_at_the_end_is_answered() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Door, name="door")
        ask = asyncio.ensure_future(ref.ask(Add(1), timeout=None))
        await asyncio.sleep(0.1)
        assert not await ref.stop(), "something was left behind"
        with pytest.raises(ActorStopped) as caught:
            await ask
        assert caught.value.undelivered == Add(1)


@virtually
async def test_a_timer_s_message_may_be_put_aside_too() -> None:
    class Timed(Door):
        async def on_start(self) -> None:
            self.context.after(1.0, Add(9))

    diary: list[Any] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Timed(diary), name="timed")
        await asyncio.sleep(2.0)
        assert await ref.ask(Get()) == 1
    assert diary == [Add(9)]


@virtually
async def test_nothing_is_stashed_without_a_message_in_hand() -> None:
    class Twice(Actor):
        def receive(self, message: Any) -> Any:
            self.context.stash()
            try:
                self.context.stash()
            except RuntimeError as error:
                seen.append(str(error))

    seen: list[str] = []
    async with ActorSystem() as system:
        system.spawn(Twice, name="twice").tell_nowait(Add(1))
        await asyncio.sleep(0.1)
    assert seen == ["twice has no message in hand to stash"]


# By reference


@message(tag=60_101, by_reference=True)
class Shared:
    number: int
    text: str = ""
    parts: tuple = ()
    maybe: bytes | None = None


@virtually
async def test_a_message_by_reference_arrives_as_the_very_object() -> None:
    got: list[Any] = []

    class Keeps(Actor):
        def receive(self, message: Any) -> Any:
            got.append(message)
            return message.number

    sent = Shared(1)
    async with ActorSystem() as system:
        ref = system.spawn(Keeps, name="keeps", mailbox=MailboxSpec(priorities={Shared: 2}))
        assert await ref.ask(sent) == 1
        ref.tell_nowait(sent)
        await ref.tell(sent)
        assert ref.statistics().depth_bytes == 2 * 64
    assert all(one is sent for one in got)
    assert len(got) == 3


@pytest.mark.parametrize("kind", [list, dict, Any, object, list | None, "tuple | list"])
def test_a_message_that_can_be_changed_does_not_go_by_reference(kind: Any) -> None:
    class Loose:
        __annotations__ = {"held": kind}

    with pytest.raises(TypeError, match=r"Loose.held may be .*, so it cannot go by reference"):
        message(tag=60_102, by_reference=True)(Loose)


@virtually
async def test_an_ask_that_waits_for_room_in_vain_times_out_as_an_ask() -> None:
    async with ActorSystem() as system:
        ref = await busy(system, WAITS)
        with pytest.raises(AskTimeout):
            await ref.ask(Get(), timeout=2.0)


@virtually
async def test_what_is_unstashed_beside_a_handler_is_received_at_once() -> None:
    class Late(Actor):
        is_ready = False

        def receive(self, message: Any) -> Any:
            if not self.is_ready:
                self.is_ready = True
                self.context.stash()
                asyncio.get_running_loop().call_later(5, self.context.unstash)
            return "received"

    async with ActorSystem() as system:
        assert await system.spawn(Late, name="late").ask(Get(), timeout=10) == "received"


@virtually
async def test_a_pipeline_of_actors_loses_nothing_and_kills_nobody() -> None:
    """The producer is faster than what is behind it: it waits in its handler."""
    got: list[int] = []

    class Slow(Actor):
        async def receive(self, message: Any) -> None:
            await asyncio.sleep(0.01)
            got.append(message.n)

    class Middle(Actor):
        async def receive(self, message: Any) -> None:
            await self.context.system.actor("slow").tell(message)

    class Producer(Actor):
        async def receive(self, message: Any) -> None:
            middle = self.context.system.actor("middle")
            for n in range(200):
                await middle.tell(Add(n))
            await middle.tell_batch([Add(n) for n in range(200, 300)])

    async with ActorSystem() as system:
        refs = [
            system.spawn(kind, name=kind.__name__.lower(), mailbox=MailboxSpec(capacity=4), shutdown_s=30.0)
            for kind in (Slow, Middle, Producer)
        ]
        await refs[-1].ask(Get(), timeout=60.0)
        assert [ref.statistics().restarts for ref in refs] == [0, 0, 0]
        assert max(ref.statistics().high_water for ref in refs) <= 5
    assert got == list(range(300))


@virtually
async def test_who_waits_for_room_is_in_the_graph_of_asks() -> None:
    """`a` waits for room at `b`, and `b`, which is to make that room, asks `a`."""
    outcomes: list[str] = []

    class Asks(Actor):
        async def receive(self, message: Any) -> Any:
            if isinstance(message, Get):
                await asyncio.sleep(1.0)
                try:
                    await self.context.system.actor("a").ask(Add(1))
                except AskCycle as error:
                    outcomes.append(str(error))

    async with ActorSystem() as system:
        a = system.spawn(lambda: Sender(None, "b"), name="a")
        b = system.spawn(Asks, name="b", mailbox=MailboxSpec(capacity=1))
        b.tell_nowait(Get())
        await asyncio.sleep(0.1)
        b.tell_nowait(Add(1))
        assert await a.ask(Add(2)) == "sent"
    assert outcomes == ["b would wait for a, which waits for b: none could go on, so Add was not sent"]
