"""Whose errors an asker sees where the actor lives in a process: as anywhere."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cuebook import (
    Actor,
    ActorFailed,
    ActorRef,
    ActorStopped,
    AskCycle,
    MailboxFull,
    Message,
    Rejected,
    Runtime,
    UnhandledMessage,
    message,
)
from cuebook.errors import MalformedMessage
from cuebook.processes.outcomes import unpack_error


@message
class Sell(Message[int]):
    seat: int


@message
class Pass(Message[Any]):
    kind: str


class SoldOut(Rejected):
    """A no with a class of its own."""


class Seats(Actor):
    def __init__(self) -> None:
        self.sold: set[int] = set()

    async def on_sell(self, message: Sell) -> int:
        if message.seat < 0:
            raise SoldOut("there are no such seats")
        if message.seat in self.sold:
            raise Rejected(f"seat {message.seat} is sold")
        self.sold.add(message.seat)
        return len(self.sold)

    def on_pass(self, message: Pass) -> Any:
        raise {"full": MailboxFull, "stopped": ActorStopped, "value": ValueError}[message.kind]("of another actor")


def test_an_actor_in_a_process_says_no_and_lets_errors_escape_as_anywhere() -> None:
    async def scene() -> None:
        async with Runtime() as runtime:
            seats = await runtime.spawn(Seats, name="seats", where="process")
            assert await seats.ask(Sell(1)) == 1
            for _ in range(4):
                with pytest.raises(Rejected, match="seat 1 is sold") as no:
                    await seats.ask(Sell(1))
                assert type(no.value) is Rejected
            with pytest.raises(Rejected, match="no such seats"):
                await seats.ask(Sell(-1))
            assert await seats.ask(Sell(2)) == 2
            assert seats.statistics().restarts == 0
            for kind, cause in {"full": MailboxFull, "stopped": ActorStopped, "value": ValueError}.items():
                with pytest.raises(ActorFailed, match="seats failed on this message") as failed:
                    await seats.ask(Pass(kind))
                assert type(failed.value.__cause__) is cause
            seats.kill()
            assert await seats.ask(Sell(1)) == 1

    asyncio.run(asyncio.wait_for(scene(), 60))


def test_what_killed_it_is_told_as_it_is() -> None:
    @message
    class Wait:
        pass

    class Waits(Actor):
        async def on_wait(self, message: Wait) -> None:
            await asyncio.sleep(60)

    async def scene() -> None:
        async with Runtime() as runtime:
            waits = await runtime.spawn(Waits, name="waits", where="process")
            ask = asyncio.ensure_future(waits.ask(Wait()))
            while not waits.statistics().processed and waits.statistics().state != "running":
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
            waits.kill()
            with pytest.raises(ActorFailed) as killed:
                await ask
            assert str(killed.value) == "waits was killed"

    asyncio.run(asyncio.wait_for(scene(), 60))


@message
class AskThem(Message[int]):
    to: ActorRef
    message: Any


@message
class Nobody(Message[int]):
    pass


class Passing(Actor):
    async def on_ask_them(self, message: AskThem) -> int:
        answer: int = await message.to.ask(message.message)
        return answer


@pytest.mark.parametrize("sent", [Sell(1), Sell(-1), Nobody()], ids=["no", "no_of_its_own_class", "no_handler"])
def test_what_a_further_actor_over_the_link_says_is_not_this_ones_own(sent: Any) -> None:
    async def scene() -> None:
        async with Runtime() as runtime:
            seats = await runtime.spawn(Seats, name="seats")
            await seats.ask(Sell(1))
            passing = await runtime.spawn(Passing, name="passing", where="process")
            with pytest.raises(ActorFailed, match="passing failed on this message") as failed:
                await passing.ask(AskThem(seats, sent))
            assert isinstance(failed.value.__cause__, Rejected | UnhandledMessage)

    asyncio.run(asyncio.wait_for(scene(), 60))


def test_a_circle_over_the_link_passes_through_those_in_it() -> None:
    async def scene() -> None:
        async with Runtime() as runtime:
            here = await runtime.spawn(Passing, name="here")
            there = await runtime.spawn(Passing, name="there", where="process")
            with pytest.raises(AskCycle) as circle:
                await there.ask(AskThem(here, AskThem(there, Nobody())))
            assert set(circle.value.actors) == {"here", "there"}

    asyncio.run(asyncio.wait_for(scene(), 60))


def test_what_says_whom_an_error_is_about_is_checked() -> None:
    for named in [[1], [], [None]]:
        with pytest.raises(MalformedMessage):
            unpack_error(["Rejected", "no", "", named, None])
    assert unpack_error(["Rejected", "no", "", None, None]).actor is None  # type: ignore[attr-defined]
