"""Classes that are gone from within events and promises: said, and never a placeholder in a state."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cuebook.api.runtime import Runtime
from cuebook.durable.effects import persist
from cuebook.durable.persistent_actor import PersistentActor
from cuebook.errors import ActorStopped, RecoveryFailed
from cuebook.persistence.values.placeholders import Unresolved, placeholder_in
from tests.durable.bank import Balance, Deposit, Deposited
from tests.durable.scenes import played


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "actors.cue"


@dataclass(frozen=True)
class Item:
    name: str


@dataclass(frozen=True)
class Added:
    items: list[Any]


class Cart(PersistentActor[list[str]]):
    """Keeps events with an object in them."""

    def initial_state(self) -> list[str]:
        return []

    def handle(self, command: Any) -> Any:
        return self.state if isinstance(command, Balance) else persist(Added([Item("pen")]), Added(["plain"]))

    def apply(self, state: list[str], event: Added) -> list[str]:
        return [*state, *(item if isinstance(item, str) else item.name for item in event.items)]


async def added(runtime: Runtime) -> None:
    cart = await runtime.spawn(Cart, "c")
    await cart.ask(Deposit(1))


def test_a_class_that_is_gone_from_within_an_event_stops_the_actor(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Accepting(Cart):
        type_name = "Cart"

        def apply(self, state: list[str], event: Added) -> list[str]:
            return [*state, *map(repr, event.items)]

    async def later(runtime: Runtime) -> None:
        cart = await runtime.spawn(Accepting, "c")
        with pytest.raises(ActorStopped, match=r"Added of .*Accepting has a part .*\(tests\S+\.Item.*upcasters = "):
            await cart.ask(Balance())

    played(path, added)
    monkeypatch.delattr("tests.durable.test_lost_classes.Item")
    played(path, later)


def test_an_upcaster_gets_the_fields_of_a_part_whose_class_is_gone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def mended(fields: dict[str, Any]) -> Added:
        return Added([each.fields["name"] if isinstance(each, Unresolved) else each for each in fields["items"]])

    class Mending(Cart):
        type_name = "Cart"
        upcasters = {"Added": mended}

    class Passing(Cart):
        type_name = "Cart"
        upcasters = {"Added": lambda fields: Added(**fields)}

    async def later(runtime: Runtime) -> None:
        cart = await runtime.spawn(Mending, "c")
        assert await cart.ask(Balance()) == ["pen", "plain"]

    async def refused(runtime: Runtime) -> None:
        cart = await runtime.spawn(Passing, "c")
        with pytest.raises(ActorStopped, match="has a part that cannot be rebuilt"):
            await cart.ask(Balance())

    played(path, added)
    monkeypatch.delattr("tests.durable.test_lost_classes.Item")
    played(path, later, refused)


def test_an_upcaster_that_raises_is_blamed_and_not_the_event_before_it(path: Path) -> None:
    class Raising(Cart):
        type_name = "Cart"
        upcasters = {"Added": lambda fields: Deposited(1 // (fields["items"] != ["plain"]))}

        def apply(self, state: list[str], event: Any) -> list[str]:
            return state

    async def later(runtime: Runtime) -> None:
        cart = await runtime.spawn(Raising, "c")
        with pytest.raises(ActorStopped, match="cannot read event 2, its upcaster raised: ZeroDivisionError"):
            await cart.ask(Balance())

    played(path, added, later)


def test_a_promise_whose_class_is_gone_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def first(runtime: Runtime) -> None:
        assert await runtime.promise("p").set([Item("pen")])
        assert await runtime.promise("p") == [Item("pen")]

    async def later(runtime: Runtime) -> None:
        assert await runtime.promise("p").is_set()
        with pytest.raises(RecoveryFailed, match=r"promise 'p' is kept, but cannot be rebuilt here: .*Item"):
            await runtime.promise("p")

    played(path, first)
    monkeypatch.delattr("tests.durable.test_lost_classes.Item")
    played(path, later)


@dataclass(slots=True)
class Slotted:
    inner: Any


class OneSlot:
    __slots__ = "inner"

    def __init__(self, inner: Any) -> None:
        self.inner = inner


def test_placeholders_are_found_in_any_plain_nesting() -> None:
    lost = Unresolved("m", "Lost")
    for value in (lost, [{"a": (lost,)}], {lost: 1}, Added([lost]), Slotted([lost]), OneSlot(lost), frozenset([lost])):
        assert placeholder_in(value, Unresolved) is lost
    own: list[Any] = []
    own.append(own)
    assert placeholder_in(own, Unresolved) is None
    assert placeholder_in([lost], int) is None
