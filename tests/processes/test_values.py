"""What a call may give back, a message may hold: within a process and between processes, in answers and on disk."""

from __future__ import annotations

import asyncio
import collections
import datetime as dt
import decimal
import enum
import pathlib
import uuid
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from cuebook import Actor, ActorFailed, ActorRef, Message, PersistentActor, Runtime, message, persist
from cuebook.errors import MalformedMessage
from cuebook.persistence.values import in_messages
from cuebook.wire.message import decode, encode


class Color(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    HIGH = 3


@dataclass(frozen=True)
class Point:
    x: int = 1
    inside: tuple[Any, ...] = ()
    notes: list[Any] = field(default_factory=list)


class Pair(NamedTuple):
    left: Any
    right: Any


class Plain:
    """Of no form of its own: it is pickled."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plain) and self.value == other.value

    def __hash__(self) -> int:
        return 1


VALUES: list[Any] = [
    dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
    dt.date(2026, 1, 2),
    dt.timedelta(seconds=5),
    decimal.Decimal("1.50"),
    Fraction(1, 3),
    Color.RED,
    Level.HIGH,
    uuid.UUID(int=7),
    {1, 2},
    frozenset({"a"}),
    2**70,
    1 + 2j,
    pathlib.PurePosixPath("a/b"),
    Point(3, (1, (2, 3)), [{4}]),
    Pair(1, {2}),
    collections.OrderedDict(a=1),
    collections.Counter("aab"),
    Plain([1]),
    ValueError("no"),
    {"k": [Point(2), {Color.RED: decimal.Decimal(1)}]},
]


@message
class Send(Message[Any]):
    value: Any


@message
class Typed(Message[dt.datetime]):
    when: dt.datetime
    price: decimal.Decimal | None
    color: Color
    points: list[Point]
    tags: frozenset[str]
    array: np.ndarray[Any, Any]


class Echo(Actor):
    def on_send(self, m: Send) -> Any:
        return m.value

    def on_typed(self, m: Typed) -> Any:
        assert m.array.sum() == 3
        return m.when, m.price, m.color, m.points, m.tags, m.array


def same(one: Any, other: Any) -> bool:
    if isinstance(one, BaseException):
        return type(one) is type(other) and one.args == other.args
    return type(one) is type(other) and one == other


@pytest.mark.parametrize("where", ["here", "process"])
def test_all_values_come_back_equal_and_of_their_type(where: str) -> None:
    async def scene() -> None:
        async with Runtime() as runtime:
            place = {"where": "process"} if where == "process" else {}
            ref = await runtime.spawn(Echo, **place)
            for value in VALUES:
                assert same(await ref.ask(Send(value)), value), value
            array = np.arange(6.0).reshape(2, 3)
            back = await ref.ask(Send({"a": [array]}))
            assert (back["a"][0] == array).all()
            assert back["a"][0].dtype == array.dtype
            assert back["a"][0] is not array
            typed = Typed(VALUES[0], None, Color.RED, [Point(5)], frozenset("ab"), np.array([1, 2]))
            *rest, numbers = await ref.ask(typed)
            assert rest == [VALUES[0], None, Color.RED, [Point(5)], frozenset("ab")]
            assert numbers.tolist() == [1, 2]
            with pytest.raises(TypeError, match=r"Typed\.price is Decimal or None, not float"):
                await ref.ask(Typed(VALUES[0], 1.5, Color.RED, [], frozenset(), np.array([3])))  # type: ignore[arg-type]

    asyncio.run(asyncio.wait_for(scene(), 60))


def test_refs_and_messages_within_a_value_stay_what_they_are() -> None:
    async def scene() -> None:
        async with Runtime() as runtime:
            ref: ActorRef[Any] = await runtime.spawn(Echo, name="echo")
            there = await runtime.spawn(Echo, name="there", where="process")
            for target in (ref, there):
                back = await target.ask(Send(Point(1, (ref, Send({1})))))
                assert back.inside[0] == ref
                assert back.inside[1] == Send({1})
                assert await back.inside[0].ask(Send(1)) == 1

    asyncio.run(asyncio.wait_for(scene(), 60))


def test_what_cannot_be_kept_is_named_at_the_sender_and_in_an_answer() -> None:
    import threading

    class Locks(Actor):
        def on_send(self, m: Send) -> Any:
            return threading.Lock()

    async def scene() -> None:
        async with Runtime() as runtime:
            ref = await runtime.spawn(Locks)
            with pytest.raises(TypeError, match=r"(?s)Send\.value cannot travel in a message: .*lock"):
                await ref.ask(Send([threading.Lock()]))
            with pytest.raises(ActorFailed, match="lock"):
                await ref.ask(Send(1))

    asyncio.run(asyncio.wait_for(scene(), 60))


def test_pickles_of_others_are_not_opened_and_classes_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    in_messages.carry_values()
    frame = encode(Send(Plain(1)))
    assert decode(frame) == Send(Plain(1))
    at = frame.index(in_messages.own_key())
    forged = frame[:at] + bytes(16) + frame[at + 16 :]
    with pytest.raises(MalformedMessage, match=r"Plain cannot be read here: its pickle is another program's"):
        decode(forged)
    with in_messages.opening_pickles(True):
        assert decode(forged) == Send(Plain(1))
    named = encode(Send(Color.RED))
    elsewhere = named.replace(b"tests.processes.test_values", b"tests.processes.test_valuez")
    assert elsewhere != named
    with pytest.raises(MalformedMessage, match=r"test_valuez\.Color cannot be read here: .* is loaded here"):
        decode(elsewhere)


@message
class Later(Message[Any]):
    value: Any


@message
class Got(Message[Any]):
    pass


@dataclass(frozen=True)
class Arrived:
    value: Any


class Keeps(PersistentActor[tuple[Any, ...]]):
    def initial_state(self) -> tuple[Any, ...]:
        return ()

    def on_send(self, m: Send) -> Any:
        return persist().remind("later", Later(m.value), after=3600.0).deliver(Keeps, "b", Later(m.value))

    def on_later(self, m: Later) -> Any:
        return persist(Arrived(m.value))

    def on_got(self, m: Got) -> Any:
        return self.state

    def apply_arrived(self, state: tuple[Any, ...], event: Arrived) -> tuple[Any, ...]:
        return (*state, event.value)


def test_reminders_and_deliveries_hold_values_over_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "keeps.cue"
    value = [Point(2), Plain(3), {Color.RED}]

    async def first() -> None:
        async with Runtime(path) as runtime:
            await runtime.entity(Keeps, "a").ask(Send(value))

    async def second() -> None:
        async with Runtime(path) as runtime:
            async with asyncio.timeout(30):
                while not (got := await runtime.entity(Keeps, "b").ask(Got())):
                    await asyncio.sleep(0.01)
            assert list(got[0]) == value

    asyncio.run(first())
    monkeypatch.setattr(in_messages._process, "key", bytes(16))  # as another process
    asyncio.run(second())
