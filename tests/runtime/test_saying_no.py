"""How an actor says no, and whose errors an asker sees: those about the actor that it asked, and no others as they are."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cuebook.errors import (
    ActorFailed,
    ActorStopped,
    AskTimeout,
    MailboxFull,
    MessagingError,
    Rejected,
    UnhandledMessage,
)
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.mailbox import MailboxSpec
from cuebook.runtime.groups.strategy import ChildSpec, SupervisorSpec
from cuebook.runtime.policy.directives import Directive
from cuebook.runtime.policy.restarts import Restart
from cuebook.runtime.system import ActorSystem
from cuebook.testing.behaviour import ActorKit
from tests.support.cast import Add, Boom, Counter, Echo, Get, Pause
from tests.support.virtually import virtually

NO = Rejected("never")
"""One object for many refusals."""


class SoldOut(Rejected):
    def __init__(self, seat: int) -> None:
        super().__init__(f"seat {seat} is sold")
        self.seat = seat


class Seats(Actor):
    """Sells each seat once; what is sold is its state."""

    def __init__(self) -> None:
        self.sold: set[int] = set()

    def receive(self, message: Any) -> Any:
        match message:
            case Add(seat):
                return self.sell(seat)
            case Pause(seat):
                return self.sell_slowly(int(seat))
            case Echo(seat):
                return self.sell_at_once(seat)
            case Boom():
                delivery = self.context.defer()
                delivery.fail(Rejected("later: no"))
                return None
            case Get():
                return sorted(self.sold)
        return None

    def sell(self, seat: int) -> int:
        if seat in self.sold:
            raise SoldOut(seat)
        self.sold.add(seat)
        return seat

    async def sell_slowly(self, seat: int) -> int:
        await asyncio.sleep(0.1)
        return self.sell(seat)

    async def sell_at_once(self, seat: int) -> int:
        if seat in self.sold:
            raise NO
        return self.sell(seat)


@virtually
async def test_an_actor_that_says_no_goes_on_with_the_state_that_it_had() -> None:
    async with ActorSystem() as system:
        seats = system.spawn(Seats, name="seats", directives={Exception: Directive.STOP})
        assert await seats.ask(Add(1)) == 1
        for _ in range(5):  # more often than any intensity allows restarts
            with pytest.raises(SoldOut, match="seat 1 is sold") as said:
                await seats.ask(Add(1))
            assert (said.value.seat, said.value.actor) == (1, "seats")
            with pytest.raises(SoldOut):
                await seats.ask(Pause(1))
            with pytest.raises(Rejected, match="never"):
                await seats.ask(Echo(1))
            with pytest.raises(Rejected, match="later: no"):
                await seats.ask(Boom())
            seats.tell_nowait(Add(1))
        two, one, three = await seats.batch([Add(2), Add(1), Add(3)], errors="collect")
        assert (two, type(one), three) == (2, SoldOut, 3)
        assert await seats.ask(Get()) == [1, 2, 3]
        assert (seats.statistics().restarts, seats.statistics().failures) == (0, 0)
        assert sum(system.dead_letters.counts.values()) == 0


@virtually
async def test_a_no_of_a_supervised_child_is_no_failure_of_it() -> None:
    async with ActorSystem() as system:
        top = system.supervise(SupervisorSpec([ChildSpec("seats", Seats)]), name="top")
        await top.children()
        seats = top.child("seats")
        await seats.ask(Add(1))
        for _ in range(4):
            with pytest.raises(Rejected):
                await seats.ask(Add(1))
        assert await seats.ask(Get()) == [1]


@virtually
async def test_whoever_receives_many_says_no_to_each_or_to_all() -> None:
    class Many(Actor):
        def receive_many(self, deliveries: list[Any]) -> None:
            for delivery in deliveries:
                if delivery.message == Get():
                    raise Rejected("all of them")
                delivery.fail(Rejected("this one")) if delivery.message == Add(0) else delivery.reply("yes")

    async with ActorSystem() as system:
        ref = system.spawn(Many, name="many")
        first, second = await ref.batch([Add(0), Add(1)], errors="collect")
        assert (str(first), second) == ("this one", "yes")
        outcomes = await ref.batch([Get(), Add(1)], errors="collect")
        assert [(type(one), str(one)) for one in outcomes] == [(Rejected, "all of them")] * 2
        assert ref.statistics().restarts == 0


@virtually
async def test_a_no_from_its_start_is_a_failure_to_start() -> None:
    class NeverStarts(Actor):
        async def on_start(self) -> None:
            raise Rejected("not today")

    async with ActorSystem() as system:
        ref = system.spawn(NeverStarts, name="never", restart=Restart.TEMPORARY)
        with pytest.raises(ActorStopped, match="not today"):
            await ref.ask(Get())


class Middle(Actor):
    """Has to do with another actor, and lets all escape that comes of it."""

    def __init__(self, further: Any) -> None:
        self.further = further
        self.seen = 0

    def receive(self, message: Any) -> Any:
        match message:
            case Add():
                self.seen += 1
                self.further.tell_nowait(Get())
            case Echo(seconds):
                self.seen += 1
                return self.ask(seconds)
            case Boom():
                delivery = self.context.defer()
                try:
                    self.further.tell_nowait(Get())
                except MessagingError as error:
                    delivery.fail(error)
            case Get():
                return self.seen
        return None

    async def ask(self, seconds: float) -> Any:
        return await self.further.ask(Pause(seconds), timeout=1.0)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        *((message, kind) for message in (Add(1), Boom()) for kind in (MailboxFull, ActorStopped)),
        (Echo(0.1), ActorStopped),
        (Echo(0.1), AskTimeout),
    ],
)
def test_an_error_of_a_further_actor_is_the_cause_of_a_failure(message: Any, kind: type[MessagingError]) -> None:
    """Else the asker would take it for one of the actor that it asked: not delivered, so send it again."""

    @virtually
    async def scene() -> None:
        async with ActorSystem() as system:
            further = system.spawn(Counter, name="further", mailbox=MailboxSpec(capacity=1), shutdown_s=0.1)
            middle = system.spawn(lambda: Middle(further), name="middle")
            if kind is ActorStopped:
                await further.stop()
            else:
                further.tell_nowait(Pause(100))
                await asyncio.sleep(0.1)
            if kind is MailboxFull:
                further.tell_nowait(Get())
            with pytest.raises(ActorFailed, match="middle failed on this message") as raised:
                await middle.ask(message)
            assert type(raised.value.__cause__) is kind

    scene()


@virtually
async def test_over_several_actors_each_is_named_and_the_last_cause_is_the_error() -> None:
    async with ActorSystem() as system:
        last = system.spawn(Counter, name="last")
        await last.stop()

        class Asks(Actor):
            def __init__(self, other: Any) -> None:
                self.other = other

            async def receive(self, message: Any) -> Any:
                return await self.other.ask(message)

        two = system.spawn(lambda: Asks(last), name="two")
        one = system.spawn(lambda: Asks(two), name="one")
        with pytest.raises(ActorFailed, match="one failed on this message") as raised:
            await one.ask(Get())
        inner = raised.value.__cause__
        assert isinstance(inner, ActorFailed)
        assert "two failed on this message" in str(inner)
        assert isinstance(inner.__cause__, ActorStopped)


@virtually
async def test_a_no_of_a_further_actor_is_no_no_of_this_one_and_costs_no_state() -> None:
    async with ActorSystem() as system:
        seats = system.spawn(Seats, name="seats")
        await seats.ask(Add(1))

        class Shop(Actor):
            def __init__(self) -> None:
                self.orders = 0

            async def receive(self, message: Any) -> Any:
                self.orders += 1
                return [self.orders, await seats.ask(message)]

        shop = system.spawn(Shop, name="shop")
        for message in (Add(1), Echo(1), Add(1)):
            with pytest.raises(ActorFailed, match="shop failed on this message") as raised:
                await shop.ask(message)
            assert isinstance(raised.value.__cause__, Rejected)
            assert raised.value.__cause__.actor == "seats"
        assert await shop.ask(Add(2)) == [4, 2]
        assert shop.statistics().restarts == 0


@virtually
async def test_what_the_runtime_says_of_the_target_is_passed_on_as_it_is() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter", mailbox=MailboxSpec(capacity=1))
        ask = asyncio.ensure_future(ref.ask(Pause(50), timeout=None))
        await asyncio.sleep(0.1)
        ref.tell_nowait(Get())
        with pytest.raises(MailboxFull):
            ref.tell_nowait(Get())
        with pytest.raises(AskTimeout):
            await ref.ask(Get(), timeout=0.1)
        ref.kill()
        with pytest.raises(ActorFailed) as killed:
            await ask
        assert (str(killed.value), killed.value.__cause__) == ("counter was killed", None)
        ask = asyncio.ensure_future(ref.ask(Pause(50), timeout=None))
        await asyncio.sleep(0.1)
        await ref.stop(0.1)
        with pytest.raises(ActorStopped, match="did not within its time"):
            await ask
        with pytest.raises(ActorStopped):
            ref.tell_nowait(Get())
        with pytest.raises(UnhandledMessage):
            await system.spawn(Actor, name="deaf").ask(Get())


def test_on_a_bench_a_no_is_raised_and_the_actor_goes_on() -> None:
    kit = ActorKit(Seats)
    kit.run(Add(1))
    with pytest.raises(SoldOut):
        kit.run(Add(1))
    assert kit.run(Get()).reply == [1]
