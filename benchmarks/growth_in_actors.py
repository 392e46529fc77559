"""What grows with what durable actors keep and owe: events, actors, reminders, deliveries, promises."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cuebook import Message, PersistentActor, Runtime, message, persist
from cuebook.durable.effects import Effect

IN_FLIGHT = 100


@message
class Add(Message[int]):
    """One event."""

    amount: int


@message
class Set(Message[int]):
    """A reminder, far away."""

    key: str


@message
class Send(Message[int]):
    """Deliveries, all in one commit."""

    to: str
    count: int


@message
class Total(Message[int]):
    """What it has come to."""


@dataclass(frozen=True)
class Added:
    """What is kept."""

    amount: int


class Counter(PersistentActor[int]):
    """Counts, reminds itself, and sends to others."""

    def initial_state(self) -> int:
        return 0

    def on_add(self, command: Add) -> Effect:
        return persist(Added(command.amount)).reply(lambda total: total)

    def on_set(self, command: Set) -> Effect:
        return Effect().remind(command.key, Add(1), after=1e6).reply(0)

    def on_send(self, command: Send) -> Effect:
        effect = Effect()
        for _ in range(command.count):
            effect = effect.deliver(type(self), command.to, Add(1))
        return effect.reply(command.count)

    def on_total(self, command: Total) -> int:
        return self.state

    def apply_added(self, total: int, event: Added) -> int:
        return total + event.amount


def _timed(path: Path, scene: Callable[[Runtime], Awaitable[Any]]) -> float:
    async def run() -> float:
        async with Runtime(path, progress_bar=False) as runtime:
            await runtime.entity(Counter, "first").ask(Total())
            began = time.perf_counter()
            await scene(runtime)
            return time.perf_counter() - began

    return asyncio.run(run())


async def _each(count: int, ask: Callable[[int], Awaitable[Any]]) -> None:
    for first in range(0, count, IN_FLIGHT):
        await asyncio.gather(*(ask(number) for number in range(first, min(count, first + IN_FLIGHT))))


def events_kept(where: Path, count: int) -> float:
    """Events of one actor."""
    return _timed(where / "x.cue", lambda runtime: _each(count, lambda _: runtime.entity(Counter, "one").ask(Add(1))))


def events_recovered(where: Path, count: int) -> float:
    """The same, read again."""
    events_kept(where, count)
    return _timed(where / "x.cue", lambda runtime: runtime.entity(Counter, "one").ask(Total()))


def actors_woken(where: Path, count: int) -> float:
    """Actors with an event each, in a journal of theirs."""
    return _timed(
        where / "x.cue", lambda runtime: _each(count, lambda each: runtime.entity(Counter, str(each)).ask(Add(1)))
    )


def reminders_set(where: Path, count: int) -> float:
    """Reminders of one actor, none of them due."""
    return _timed(
        where / "x.cue", lambda runtime: _each(count, lambda each: runtime.entity(Counter, "one").ask(Set(str(each))))
    )


def reminders_recovered(where: Path, count: int) -> float:
    """The same, read again."""
    reminders_set(where, count)
    return _timed(where / "x.cue", lambda runtime: runtime.entity(Counter, "one").ask(Total()))


def deliveries_made(where: Path, count: int) -> float:
    """Deliveries from one actor to ten, all owed at once."""

    async def deliver(runtime: Runtime) -> None:
        for number in range(10):
            await runtime.entity(Counter, "one").ask(Send(str(number), count // 10))
        for number in range(10):
            while await runtime.entity(Counter, str(number)).ask(Total()) < count // 10:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    return _timed(where / "x.cue", deliver)


def promises_set(where: Path, count: int) -> float:
    """Promises, each set and read."""

    async def keep(runtime: Runtime, number: int) -> None:
        promise = runtime.promise(str(number), int)
        await promise.set(number)
        assert await promise == number

    return _timed(where / "x.cue", lambda runtime: _each(count, lambda number: keep(runtime, number)))


MEASURES: dict[str, Callable[[Path, int], float]] = {
    "events of an actor, kept": events_kept,
    "events of an actor, recovered": events_recovered,
    "durable actors": actors_woken,
    "reminders of an actor, set": reminders_set,
    "reminders of an actor, recovered": reminders_recovered,
    "deliveries from one to ten": deliveries_made,
    "promises, set and read": promises_set,
}
"""By name: the seconds that so many took."""
