"""Durable actors in a journal that others can have written to: brought back, or refused with the ways out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cuebook.api.runtime import Runtime
from cuebook.durable.events.event_types import EventTypes
from cuebook.errors import ActorStopped, JournalNotTrusted
from cuebook.persistence.trust import users
from cuebook.persistence.trust.verdicts import User
from cuebook.persistence.values.pickling import names
from tests.durable.bank import Account, Balance, Deposit, Saver, State, Transfer


@dataclass(frozen=True)
class Answer:
    text: str


class Undeclared(Account):
    """Says nowhere of what classes its events are, so that they have to be looked for."""

    def apply(self, state: State, event: Any) -> State:
        return State(state.balance + event.amount)


Undeclared.event_types = EventTypes("Undeclared", (), {})


@pytest.fixture(autouse=True)
def _in_no_group_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "_user", lambda uid, gid: User(uid))
    monkeypatch.delenv("CUEBOOK_TRUST", raising=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "actors.cue"


def played(path: Path, scene: Any, **options: Any) -> None:
    async def main() -> None:
        async with asyncio.timeout(60), Runtime(path, **options) as runtime:
            await scene(runtime)

    asyncio.run(main())


def deposits(cls: type = Account, count: int = 3) -> Any:
    async def scene(runtime: Runtime) -> None:
        account = await runtime.spawn(cls, "a-1")
        for _ in range(count):
            await account.ask(Deposit(5))

    return scene


def balance(expected: int, cls: type = Account) -> Any:
    async def scene(runtime: Runtime) -> None:
        account = await runtime.spawn(cls, "a-1")
        assert await account.ask(Balance()) == expected

    return scene


def refused(match: str, cls: type = Account) -> Any:
    async def scene(runtime: Runtime) -> None:
        account = await runtime.spawn(cls, "a-1")
        with pytest.raises(ActorStopped) as caught:
            await account.ask(Balance())
        assert isinstance(caught.value.__cause__, JournalNotTrusted), caught.value.__cause__
        assert match in str(caught.value.__cause__)
        assert 'trust="group" (or CUEBOOK_TRUST=group' in str(caught.value.__cause__)

    return scene


@pytest.fixture
def _nothing_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(module: str, qualname: str) -> Any:
        raise AssertionError(f"{module}.{qualname} was imported")

    monkeypatch.setattr(names, "resolve", resolve)
    monkeypatch.setattr("cuebook.durable.events.event_types.resolve", resolve)
    monkeypatch.setattr("cuebook.durable.entities.registry.resolve", resolve)


@pytest.mark.usefixtures("_nothing_imported")
def test_events_whose_classes_are_at_hand_are_applied_also_where_a_group_can_write(path: Path) -> None:
    played(path, deposits())
    path.chmod(0o660)
    played(path, balance(15))


@pytest.mark.usefixtures("_nothing_imported")
def test_others_are_refused_and_not_imported(path: Path) -> None:
    played(path, deposits(Undeclared))
    path.chmod(0o660)
    played(path, refused("tests.durable.bank.Deposited", Undeclared))


@pytest.mark.usefixtures("_nothing_imported")
def test_a_snapshot_is_refused_and_nothing_is_folded_in_its_place(path: Path) -> None:
    played(path, deposits(Saver, 25))
    path.chmod(0o660)
    played(path, refused("tests.durable.bank.State", Saver))


@pytest.mark.parametrize(("mode", "trust"), [(0o660, "group"), (0o666, "anyone")])
def test_who_trusts_them_has_the_actors_back(path: Path, mode: int, trust: str) -> None:
    played(path, deposits(Saver, 25))
    path.chmod(mode)
    played(path, balance(125, Saver), trust=trust)


@pytest.mark.parametrize("trust", [None, "group"])
def test_where_everybody_can_write_no_actor_is_brought_back(path: Path, trust: str | None) -> None:
    played(path, deposits())
    path.chmod(0o666)

    async def scene(runtime: Runtime) -> None:
        for cls in (Account, Undeclared):
            with pytest.raises(JournalNotTrusted, match=r"holds what durable actors have kept.*trust=\"anyone\""):
                await runtime.spawn(cls, "a-1")
        # The runtime goes on, and so does a journal that holds no actor.
        assert await runtime.chunk(len, [["abc"]], where="thread", path=path.with_name("b.cue")) == [3]

    played(path, scene, **({} if trust is None else {"trust": trust}))


def test_a_new_journal_of_actors_says_that_it_is_not_private(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.parent.chmod(0o777)
    played(path, deposits())
    said = capsys.readouterr().err
    assert said.startswith(f"cuebook: the new journal {path} is not private: everybody can replace it")
    assert said.count("\n") == 1


def test_a_promise_is_refused_and_stays_kept(path: Path) -> None:
    async def keep(runtime: Runtime) -> None:
        await runtime.promise("p").set(Answer("yes"))

    async def refuse(runtime: Runtime) -> None:
        with pytest.raises(JournalNotTrusted, match=r"test_trust\.Answer"):
            await runtime.promise("p")

    async def read(runtime: Runtime) -> None:
        assert await runtime.promise("p") == Answer("yes")

    played(path, keep)
    path.chmod(0o660)
    played(path, refuse)
    path.chmod(0o600)
    played(path, read)


@pytest.mark.usefixtures("_nothing_imported")
def test_no_receiver_of_a_delivery_is_imported(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its class stands in the journal by name, and importing a module runs it."""

    async def owe(runtime: Runtime) -> None:
        account = await runtime.spawn(Account, "a-1")
        await account.ask(Deposit(5))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("cuebook.durable.owed.obligations.Obligations._send", lambda self, receiver: None)
            await account.ask(Transfer("a-2", 5))

    played(path, owe)
    path.chmod(0o660)

    async def wake(runtime: Runtime) -> None:
        account = await runtime.spawn(Account, "a-1")
        assert await account.ask(Balance()) == 0
        async with asyncio.timeout(20):
            while not any("delivery is sent again" in record.message for record in caplog.records):
                await asyncio.sleep(0.01)

    with caplog.at_level("INFO", logger="cuebook"):
        played(path, wake)
    said = next(record.message for record in caplog.records if "delivery is sent again" in record.message)
    assert "only code can rebuild (tests.durable" in said
