"""A further actor's no, let through by a handler, is no answer to what was owed: that is tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cuebook import (
    Actor,
    ActorFailed,
    ActorRef,
    Effect,
    EventEnvelope,
    Message,
    PersistentActor,
    Rejected,
    Runtime,
    message,
    persist,
)
from tests.durable.scenes import played, until

pytestmark = pytest.mark.quick


@message(tag=60_601)
class Book(Message[None]):
    kind: str


@message(tag=60_602)
class Later(Message[None]):
    kind: str


@message(tag=60_603)
class Booked(Message[int]):
    pass


@message(tag=60_604)
class Odd(Message[None]):
    pass


@dataclass(frozen=True)
class Was:
    pass


class Office(Actor):
    """Closed for the first two who ask."""

    def __init__(self) -> None:
        self.asked = 0

    def on_book(self, message: Book) -> None:
        self.asked += 1
        if self.asked < 3 and message.kind == "no":
            raise Rejected("closed")

    def on_booked(self, message: Booked) -> int:
        return self.asked


office: list[ActorRef] = []
tried: list[str] = []


class Counting(PersistentActor[int]):
    def initial_state(self) -> int:
        return 0

    def apply_was(self, state: int, event: Was) -> int:
        return state + 1

    def on_booked(self, command: Booked) -> int:
        return self.state


class Guest(Counting):
    async def on_book(self, command: Book) -> Effect:
        tried.append(command.kind)
        if command.kind == "unhandled" and len(tried) < 3:
            await office[0].ask(Odd())
        await office[0].ask(command)
        return persist(Was())

    def on_later(self, command: Later) -> Effect:
        return Effect().remind("book", Book(command.kind), after=0.001)


class Agency(Counting):
    def on_book(self, command: Book) -> Effect:
        return persist(Was()).deliver(Guest, self.id, command)


class Books(Counting):
    follows = (Agency,)

    async def on_event(self, envelope: EventEnvelope) -> Effect:
        await office[0].ask(Book("no"))
        return persist(Was())


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    office.clear()
    tried.clear()


async def open_office(runtime: Runtime) -> None:
    office.append(await runtime.spawn(Office))


async def counts(ref: Any, count: int) -> None:
    async with asyncio.timeout(30):
        while await ref.ask(Booked()) != count:
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("kind", ["no", "unhandled"])
def test_a_delivery_is_sent_again(tmp_path: Path, kind: str) -> None:
    async def scene(runtime: Runtime) -> None:
        await open_office(runtime)
        await runtime.entity(Agency, "a").ask(Book(kind))
        await counts(runtime.entity(Guest, "a"), 1)
        assert tried == [kind] * 3

    played(tmp_path / "actors.cue", scene)


def test_a_reminder_comes_again(tmp_path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        await open_office(runtime)
        await runtime.entity(Guest, "a").ask(Later("no"))
        await until(lambda: len(tried) == 3)
        await counts(runtime.entity(Guest, "a"), 1)

    played(tmp_path / "actors.cue", scene)


def test_a_follower_is_given_the_event_again(tmp_path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        await open_office(runtime)
        await runtime.host(Guest)
        await runtime.entity(Agency, "a").ask(Book("yes"))
        await counts(await runtime.spawn(Books, "b"), 1)

    played(tmp_path / "actors.cue", scene)


def test_a_command_gets_it_as_a_failure_and_the_state_stays(tmp_path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        await open_office(runtime)
        guest = runtime.entity(Guest, "a")
        with pytest.raises(ActorFailed) as failed:
            await guest.ask(Book("no"))
        assert isinstance(failed.value.__cause__, Rejected)
        assert (await guest.ask(Booked()), guest.statistics().restarts) == (0, 0)

    played(tmp_path / "actors.cue", scene)
