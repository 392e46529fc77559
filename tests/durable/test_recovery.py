"""What comes back from a journal: snapshots and events, old and damaged ones, or an error that says what to do."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cuebook.api.runtime import Runtime
from cuebook.durable.effects import Effect, persist
from cuebook.durable.events.snapshots import SnapshotPolicy
from cuebook.durable.persistent_actor import PersistentActor
from cuebook.errors import ActorStopped
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.records.record import Kind
from cuebook.persistence.upkeep.compaction import compact
from tests.durable.bank import Account, Balance, Break, Deposit, Saver, State
from tests.durable.scenes import played

pytestmark = pytest.mark.quick


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "actors.cue"


async def deposits(runtime: Runtime, cls: type = Saver, count: int = 25) -> None:
    account = await runtime.spawn(cls, "a-1")
    for number in range(1, count + 1):
        assert await account.ask(Deposit(1)) == number


async def file_of(runtime: Runtime) -> JournalWriter:
    return (await runtime._durable.opened.ledger()).file


def test_snapshots_are_kept_by_number_and_only_the_newest_stay(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        await deposits(runtime, count=45)
        file = await file_of(runtime)
        snapshots = list(file.records(kinds=(Kind.SNAPSHOT,)))
        assert len(snapshots) == 4
        assert [file.state(record.seq) is not None for record in snapshots] == [False, False, True, True]

    played(path, scene)


def test_a_recovery_begins_with_the_newest_snapshot(path: Path) -> None:
    applied: list[Any] = []

    class Counting(Saver):
        type_name = "Saver"

        def apply(self, state: State, event: Any) -> State:
            applied.append(event)
            return super().apply(state, event)

    async def later(runtime: Runtime) -> None:
        account = await runtime.spawn(Counting, "a-1")
        assert await account.ask(Balance()) == 25
        assert len(applied) == 5

    played(path, deposits, later)


def test_a_snapshot_within_a_batch_is_of_its_own_place(path: Path) -> None:
    import asyncio

    async def scene(runtime: Runtime) -> None:
        account = await runtime.spawn(Saver, "a-1")
        await asyncio.gather(*(account.ask(Deposit(1)) for _ in range(37)))

    async def later(runtime: Runtime) -> None:
        account = await runtime.spawn(Saver, "a-1")
        assert await account.ask(Balance()) == 37
        assert await account.ask(Deposit(1)) == 38

    played(path, scene, later, scene)


def test_a_snapshot_by_predicate(path: Path) -> None:
    class Round(Account):
        snapshots = SnapshotPolicy(when=lambda state, event, number: state.balance % 7 == 0, keep=1)

    async def scene(runtime: Runtime) -> None:
        await deposits(runtime, Round, 20)
        file = await file_of(runtime)
        assert len(list(file.records(kinds=(Kind.SNAPSHOT,)))) == 2

    played(path, scene)


def damage(path: Path, which: str) -> None:
    """Change the bytes of kept states; the triggers of the file guard against accidents, not against tests."""
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("DROP TRIGGER states_never_updated")
        database.execute(f"UPDATE states SET body = x'00' || substr(body, 2) WHERE seq {which}")
        database.execute(
            "CREATE TRIGGER states_never_updated BEFORE UPDATE ON states"
            " BEGIN SELECT RAISE(ABORT, 'a kept state is never updated'); END"
        )


@pytest.mark.parametrize(("which", "warnings"), [("= (SELECT max(seq) FROM states)", 1), ("> 0", 2)])
def test_a_snapshot_that_cannot_be_read_is_said_and_what_is_before_it_is_used(
    path: Path, which: str, warnings: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def later(runtime: Runtime) -> None:
        account = await runtime.spawn(Saver, "a-1")
        assert await account.ask(Balance()) == 25
        assert caplog.text.count("snapshot cannot be read") == warnings
        assert "Saver/a-1" in caplog.text

    played(path, deposits)
    damage(path, which)
    played(path, later)


def test_a_state_whose_class_has_changed_is_folded_from_the_events(path: Path) -> None:
    @dataclass(frozen=True)
    class Wide:
        balance: int = 0
        owner: str = ""

    class Wider(Saver):
        type_name = "Saver"

        def initial_state(self) -> Any:
            return Wide()

        def apply(self, state: Any, event: Any) -> Any:
            assert isinstance(state, Wide)
            return Wide(state.balance + event.amount, "me")

    async def changed(runtime: Runtime) -> None:
        account = await runtime.spawn(Wider, "a-1")
        assert await account.ask(Balance()) == 25

    played(path, deposits)
    fields = State.__dataclass_fields__
    kept = dict(fields)
    try:
        del fields["history"]  # as if the field had been taken out of the class since
        from cuebook.persistence.values.pickling.objects import _layout

        _layout.cache_clear()
        played(path, changed)
    finally:
        fields.update(kept)
        _layout.cache_clear()


@dataclass(frozen=True)
class Opened:
    owner: str


@dataclass(frozen=True)
class Renamed:
    name: str
    country: str


class Shop(PersistentActor[list[Any]]):
    """Keeps whatever it is given."""

    def initial_state(self) -> list[Any]:
        return []

    def handle(self, command: Any) -> Any:
        return self.state_of() if isinstance(command, Balance) else persist(Opened("me"), "plain", {"a": (1, 2)})

    def state_of(self) -> list[str]:
        return [repr(event) for event in self.state]

    def apply(self, state: list[Any], event: Any) -> list[Any]:
        return [*state, event]


async def opened(runtime: Runtime) -> None:
    shop = await runtime.spawn(Shop, "s")
    await shop.ask(Deposit(1))


def test_events_may_be_any_value_of_the_codec(path: Path) -> None:
    async def later(runtime: Runtime) -> None:
        shop = await runtime.spawn(Shop, "s")
        assert await shop.ask(Balance()) == ["Opened(owner='me')", "'plain'", "{'a': (1, 2)}"]

    played(path, opened, later)


def test_an_event_whose_class_is_gone_is_named_with_what_to_write(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def later(runtime: Runtime) -> None:
        shop = await runtime.spawn(Shop, "s")
        with pytest.raises(ActorStopped) as caught:
            await shop.ask(Balance())
        assert "tests.durable.test_recovery:Opened" in str(caught.value)
        assert 'upcasters = {"Opened": lambda fields: ...}' in str(caught.value)
        assert shop.statistics().restarts == 0

    played(path, opened)
    monkeypatch.delattr("tests.durable.test_recovery.Opened")
    Shop.event_types._makers.clear()
    played(path, later)


def test_an_upcaster_reads_an_event_whose_class_is_gone_or_has_other_fields(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Newer(Shop):
        type_name = "Shop"
        upcasters = {"Opened": lambda fields: Renamed(fields["owner"], "nowhere")}

    class Splitting(Shop):
        type_name = "Shop"
        upcasters = {"tests.durable.test_recovery:Opened": lambda fields: [Renamed("a", "b"), Renamed("c", "d")]}

    class Dropping(Shop):
        type_name = "Shop"
        upcasters = {"Opened": lambda fields: []}

    def expects(cls: type[Shop], *first: str) -> Any:
        async def scene(runtime: Runtime) -> None:
            shop = await runtime.spawn(cls, "s")
            assert await shop.ask(Balance()) == [*first, "'plain'", "{'a': (1, 2)}"]

        return scene

    played(path, opened)
    monkeypatch.delattr("tests.durable.test_recovery.Opened")
    played(
        path,
        expects(Newer, "Renamed(name='me', country='nowhere')"),
        expects(Splitting, "Renamed(name='a', country='b')", "Renamed(name='c', country='d')"),
        expects(Dropping),
    )


def test_new_fields_with_defaults_need_no_upcaster(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass(frozen=True)
    class Opened:
        owner: str
        country: str = "here"

    Opened.__qualname__ = "Opened"  # as if it stood at the top of another module

    class Newer(Shop):
        type_name = "Shop"
        events = (Opened,)

    async def later(runtime: Runtime) -> None:
        shop = await runtime.spawn(Newer, "s")
        [first, *_] = await shop.ask(Balance())
        assert first.endswith("Opened(owner='me', country='here')")

    played(path, opened, later)


def test_a_field_that_was_taken_away_is_named(path: Path) -> None:
    @dataclass(frozen=True)
    class Opened:
        name: str = ""

    Opened.__qualname__ = "Opened"  # as if it stood at the top of another module

    class Newer(Shop):
        type_name = "Shop"
        events = (Opened,)

    async def later(runtime: Runtime) -> None:
        shop = await runtime.spawn(Newer, "s")
        with pytest.raises(ActorStopped, match="does not take the fields owner any more"):
            await shop.ask(Balance())

    played(path, opened, later)


def test_an_event_handler_that_raises_in_a_recovery_stops_the_actor_and_names_the_event(path: Path) -> None:
    class Strict(Account):
        type_name = "Saver"

        def apply(self, state: State, event: Any) -> State:
            raise ArithmeticError("no more")

    async def later(runtime: Runtime) -> None:
        account = await runtime.spawn(Strict, "a-1")
        with pytest.raises(
            ActorStopped, match=r"Saver 'a-1' cannot apply event 1, a Deposited: ArithmeticError: no more"
        ):
            await account.ask(Balance())

    async def still(runtime: Runtime) -> None:
        account = await runtime.spawn(Saver, "a-1")
        assert await account.ask(Balance()) == 3

    async def first(runtime: Runtime) -> None:
        await deposits(runtime, count=3)

    played(path, first, later, still)


def test_an_event_of_a_class_that_nobody_finds_again_is_refused_before_it_is_kept(path: Path) -> None:
    @dataclass(frozen=True)
    class Local:
        x: int

    class Careless(Account):
        def on_break(self, command: Break) -> Effect:
            return persist(Local(1))

    async def scene(runtime: Runtime) -> None:
        account = await runtime.spawn(Careless, "a-1")
        with pytest.raises(Exception, match=r"list it in .*Careless.events"):
            await account.ask(Break(""))

    played(path, scene)


def test_an_index_that_does_not_fit_the_records_is_made_anew(path: Path) -> None:
    async def later(runtime: Runtime) -> None:
        account = await runtime.spawn(Saver, "a-1")
        assert await account.ask(Balance()) == 25

    played(path, deposits)
    with (
        contextlib.closing(sqlite3.connect(path)) as database,
        database,
    ):  # what a damaged page may do: an entry is missing
        (page,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'stream_records'").fetchone()
        database.execute("CREATE TABLE other (x)")
        database.execute("PRAGMA writable_schema = ON")
        database.execute("CREATE INDEX less ON records (kind, run) WHERE kind >= 10 AND seq > 10")
        (less,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'less'").fetchone()
        database.execute("UPDATE sqlite_master SET rootpage = ? WHERE name = 'stream_records'", (less,))
        database.execute("UPDATE sqlite_master SET rootpage = ? WHERE name = 'less'", (page,))
        database.execute("DELETE FROM sqlite_master WHERE name IN ('less', 'other')")
    played(path, later)


def test_a_journal_that_is_compacted_has_the_index_from_the_start(path: Path) -> None:
    played(path, deposits)
    compact(path)
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        assert database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'stream_records'").fetchone() == (1,)


def test_a_journal_without_the_index_is_read_and_gets_one_with_the_next_event(path: Path) -> None:
    async def later(runtime: Runtime) -> None:
        account = await runtime.spawn(Saver, "a-1")
        assert await account.ask(Balance()) == 25

    played(path, deposits)
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("DROP INDEX stream_records")

    async def one_more(runtime: Runtime) -> None:
        account = await runtime.spawn(Saver, "a-1")
        assert await account.ask(Deposit(1)) == 26

    played(path, later)
    played(path, one_more)
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        assert database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'stream_records'").fetchone() == (1,)
