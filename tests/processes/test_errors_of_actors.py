"""Whose errors an asker sees where the actor lives in a process: as anywhere."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cuebook import Actor, ActorFailed, ActorStopped, MailboxFull, Message, Rejected, Runtime, message


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
