"""Whatever happens to actors in whatever order: every ask ends, every incarnation ends once, nothing is left over."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import anyio
import pytest

from cuebook.errors import ActorStopped, MailboxFull, MessagingError
from cuebook.runtime.cells.actor import Actor, Delivery
from cuebook.runtime.cells.mailbox import MailboxSpec
from cuebook.runtime.policy.restarts import Backoff, Restart, RestartIntensity
from cuebook.runtime.system import ActorSystem
from tests.support.cast import Add, Boom, Echo, Get, Pause
from tests.support.virtually import virtually


class Life(Actor):
    """Writes down its start and its end, and that it never does two things at once."""

    def __init__(self, chance: random.Random, book: list[list[str]]) -> None:
        self.chance = chance
        self.entry: list[str] = []
        self.is_busy = False
        book.append(self.entry)

    async def on_start(self) -> None:
        await self.maybe_wait()
        if self.chance.random() < 0.1:
            raise OSError("no start")
        if self.chance.random() < 0.3:
            for n in range(2):
                book: list[list[str]] = []
                name = f"{self.context.self_ref.name}.{n}"
                self.context.spawn(lambda book=book: Life(self.chance, book), name=name, shutdown_s=0.5)

    async def on_stop(self) -> None:
        self.entry.append("stop")
        await self.maybe_wait()

    async def on_failure(self, error: BaseException) -> None:
        self.entry.append("failure")
        await self.maybe_wait()

    async def maybe_wait(self) -> None:
        if self.chance.random() < 0.3:
            await asyncio.sleep(self.chance.random())

    def receive(self, message: Any) -> Any:
        assert not self.is_busy, "two messages at once"
        assert not self.entry, "a message after the end"
        match message:
            case Boom():
                raise RuntimeError(message.text)
            case Pause():
                return self.pause(message.seconds)
            case Echo("defer"):
                self.context.defer()
            case Echo("timer"):
                self.context.after(self.chance.random(), Add(1), key="tick")
            case Echo("quit"):
                self.context.stop_self()
            case Echo("odd"):
                return {1, 2}
        return message

    async def pause(self, seconds: float) -> float:
        self.is_busy = True
        try:
            await asyncio.sleep(seconds)
        finally:
            self.is_busy = False
        return seconds


class ManyLife(Life):
    async def receive_many(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            result = self.receive(delivery.message) if delivery.message != Echo("defer") else None
            delivery.reply(await result if asyncio.iscoroutine(result) else result)


MESSAGES = [Add(1), Get(), Boom(), Pause(0.3), Pause(3.0), *(Echo(word) for word in ("defer", "timer", "quit", "odd"))]
FOUND_BUGS = [78, 113, 213, 1162]
"""Seeds that once failed: hooks run twice or not at all where an end was cut off by another."""
WEIGHTS = [20, 20, 2, 4, 1, 3, 3, 1, 1]


async def _act(
    system: ActorSystem, chance: random.Random, book: list[list[str]], asks: list[asyncio.Task[Any]]
) -> None:
    name = f"actor {chance.randrange(3)}"
    try:
        ref = system.actor(name)
    except KeyError:
        ref = system.spawn(
            lambda kind=chance.choice([Life, Life, ManyLife]): kind(chance, book),
            name=name,
            mailbox=MailboxSpec(
                capacity=chance.choice([1, 5, 1000]), overflow=chance.choice(["raise", "drop_new", "drop_old"])
            ),
            restart=chance.choice(list(Restart)),
            intensity=RestartIntensity(chance.randrange(5), 5.0),
            backoff=Backoff(first_s=chance.choice([0.0, 0.5])),
            shutdown_s=chance.choice([0.0, 1.0, 10.0]),
        )
    (message,) = chance.choices(MESSAGES, WEIGHTS)
    try:
        match chance.randrange(20):
            case 0:
                ref.kill()
            case 1:
                asks.append(asyncio.ensure_future(ref.stop(chance.random(), drain=chance.random() < 0.7)))
            case 2:
                await asyncio.sleep(chance.random() * 2)
            case 3 | 4 | 5 | 6 | 7:
                ref.tell_nowait(message, urgent=chance.random() < 0.1)
            case 8:
                if asks:
                    chance.choice(asks).cancel()
            case _:
                timeout = chance.choice([0.1, 5.0, None]) if message != Echo("defer") else 5.0
                asks.append(asyncio.ensure_future(ref.ask(message, timeout)))
    except (MailboxFull, ActorStopped):
        pass


def _live(seed: int) -> None:
    @virtually
    async def scene() -> None:
        chance = random.Random(seed)
        book: list[list[str]] = []
        asks: list[asyncio.Task[Any]] = []
        with anyio.move_on_after(chance.choice([5.0, 1e6])):
            async with ActorSystem(draw=chance.random) as system:
                for _ in range(150):
                    await _act(system, chance, book, asks)
                    if chance.random() < 0.3:
                        await asyncio.sleep(0)
        for outcome in await asyncio.gather(*asks, return_exceptions=True):
            if isinstance(outcome, BaseException):
                assert isinstance(outcome, MessagingError | asyncio.CancelledError), repr(outcome)
        assert system.statistics() == {}
        assert len(system.deadlines) == 0
        assert [entry for entry in book if len(entry) != 1] == []
        assert len(asyncio.all_tasks()) == 1

    scene()


@pytest.mark.parametrize("seed", [*range(60), *FOUND_BUGS])
def test_every_ask_and_every_incarnation_ends_once(seed: int) -> None:
    _live(seed)


@pytest.mark.slow
def test_every_ask_and_every_incarnation_ends_once_over_many_seeds() -> None:
    for seed in range(60, 1500):
        try:
            _live(seed)
        except BaseException:
            print(f"seed {seed}")
            raise
