"""A state's class may change between two runs of a program, also where its events were dropped."""

from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cuebook import ActorStopped, Message, PersistentActor, Runtime, SnapshotPolicy, message, persist
from cuebook.errors import JournalCorrupt
from cuebook.persistence.upkeep.compaction import compact
from cuebook.persistence.upkeep.verification import verify
from tests.durable.scenes import played

State: Any = None
"""The state's class, as far as the module knows it now."""
Inner: Any = None


def standing(name: str, cls: type) -> type:
    """Let the class stand under this name from now on."""
    cls.__name__ = cls.__qualname__ = name
    cls.__module__ = __name__
    setattr(sys.modules[__name__], name, cls)
    return cls


@message
class Add(Message[Any]):
    n: int


@dataclass(frozen=True)
class Added:
    n: int


class Bank(PersistentActor[Any]):
    snapshots = SnapshotPolicy(every=2)
    make: Callable[[], Any] = lambda: None
    grow: Callable[[Any, int], Any] = lambda state, n: state
    shown: Callable[[Any], Any] = lambda state: state

    def initial_state(self) -> Any:
        return type(self).make()

    def on_add(self, m: Add) -> Any:
        return persist(Added(m.n)).reply(lambda state: repr(type(self).shown(state)))

    def apply_added(self, state: Any, event: Added) -> Any:
        return type(self).grow(state, event.n)


def bank(make: Callable[[], Any], grow: Callable[[Any, int], Any], shown: Callable[[Any], Any], **options: Any) -> Any:
    """A class of banks with this state."""
    body = {"make": make, "grow": grow, "shown": shown, "type_name": "Bank", **options}
    return type(
        "Bank", (Bank,), {name: staticmethod(value) if callable(value) else value for name, value in body.items()}
    )


def asking(cls: Any, expected: str, times: int = 1) -> Any:
    async def scene(runtime: Runtime) -> None:
        for _ in range(times):
            answer = await runtime.entity(cls, "a").ask(Add(1))
        assert answer == expected

    return scene


def old_plain() -> tuple[type, type]:
    @dataclass
    class Old:
        total: int = 0

    @dataclass
    class New:
        total: int = 0
        owner: str = "nobody"
        notes: list[str] = field(default_factory=list)

    return Old, New


def old_ordered() -> tuple[type, type]:
    @dataclass(frozen=True, slots=True)
    class Old:
        total: int = 0
        name: str = "a"

    @dataclass(frozen=True, slots=True, kw_only=True)
    class New:
        owner: str = "nobody"
        name: str = "z"
        total: int = 0

    return Old, New


def old_tuple() -> tuple[type, type]:
    class Old(NamedTuple):
        total: int = 0

    class New(NamedTuple):
        owner: str = "nobody"
        total: int = 0

    return Old, New


def replaced(state: Any, total: int) -> Any:
    return state._replace(total=total) if hasattr(state, "_replace") else dataclasses.replace(state, total=total)


@pytest.mark.parametrize("is_nested", [False, True])
@pytest.mark.parametrize("kinds", [old_plain, old_ordered, old_tuple])
def test_new_fields_of_a_state_have_their_defaults(tmp_path: Path, kinds: Any, is_nested: bool) -> None:
    path = tmp_path / "bank.cue"
    old, new = kinds()

    def made(cls: type) -> Any:
        if is_nested:
            return bank(
                lambda: {"books": [cls()]},
                lambda state, n: {"books": [replaced(state["books"][0], state["books"][0].total + n)]},
                lambda state: (state["books"][0].total, getattr(state["books"][0], "owner", None)),
            )
        return bank(
            cls,
            lambda state, n: replaced(state, state.total + n),
            lambda state: (state.total, getattr(state, "owner", None)),
        )

    played(path, asking(made(standing("State", old)), "(8, None)", times=8))
    compact(path, drop_events=True)
    assert verify(path).ok
    played(path, asking(made(standing("State", new)), "(9, 'nobody')"))
    played(path, asking(made(new), "(10, 'nobody')"))


def counting(cls: type, **options: Any) -> Any:
    return bank(cls, lambda s, n: replaced(s, s.total + n), lambda s: s.total, **options)


def test_fields_that_are_gone_or_have_no_default_are_for_an_upcaster_and_the_error_says_so(tmp_path: Path) -> None:
    path = tmp_path / "bank.cue"
    old, _ = old_plain()

    @dataclass
    class New:
        cents: int

        @property
        def total(self) -> int:
            return self.cents // 100

    async def fails(runtime: Runtime) -> None:
        cls = bank(lambda: New(0), lambda s, n: New(s.cents + 100 * n), lambda s: s.total)
        with pytest.raises(
            ActorStopped,
            match=r"no snapshot can be read \(.*State: its fields have changed\): give new fields a default, or Bank an",
        ):
            await runtime.entity(cls, "a").ask(Add(1))

    played(path, asking(counting(standing("State", old)), "4", times=4))
    compact(path, drop_events=True)
    standing("State", New)
    played(path, fails)
    upcasters = {"State": lambda fields: New(cents=100 * fields["total"])}
    better = bank(lambda: New(0), lambda s, n: New(s.cents + 100 * n), lambda s: s.total, upcasters=upcasters)
    played(path, asking(better, "5"), asking(better, "6"))


def test_a_class_that_is_gone_is_for_an_upcaster_too(tmp_path: Path) -> None:
    path = tmp_path / "bank.cue"
    old, new = old_plain()
    played(path, asking(counting(standing("Inner", old)), "4", times=4))
    compact(path, drop_events=True)
    standing("State", new)
    delattr(sys.modules[__name__], "Inner")
    upcasters = {f"{__name__}:Inner": lambda fields: new(**fields, owner="upcast")}
    cls = bank(new, lambda s, n: replaced(s, s.total + n), lambda s: (s.total, s.owner), upcasters=upcasters)
    played(path, asking(cls, "(5, 'upcast')"), asking(cls, "(6, 'upcast')"))


def test_a_snapshot_that_cannot_be_read_keeps_its_events(tmp_path: Path) -> None:
    """A blob is gone: nothing is dropped, and the journal is as it was."""
    path = tmp_path / "bank.cue"

    @dataclass
    class Large:
        total: int = 0
        data: bytes = b"x" * 10_000_000

    played(path, asking(counting(standing("State", Large)), "4", times=4))
    with contextlib.closing(sqlite3.connect(path)) as database:
        before = list(database.execute("SELECT * FROM records"))
    blobs = [each for each in Path(f"{path}.blobs").rglob("*") if each.is_file()]
    assert blobs
    kept = {each: each.read_bytes() for each in blobs}
    for each in blobs:
        each.unlink()
    with pytest.raises(
        JournalCorrupt, match="the state of Bank 'a' after event 2, cannot be read.*nothing was dropped"
    ):
        compact(path, drop_events=True)
    with contextlib.closing(sqlite3.connect(path)) as database:
        assert list(database.execute("SELECT * FROM records")) == before
    for each, content in kept.items():
        each.write_bytes(content)
    compact(path, drop_events=True)
    played(path, asking(counting(Large), "5"))


def test_the_size_before_has_in_it_what_is_not_in_the_file_yet(tmp_path: Path) -> None:
    path = tmp_path / "bank.cue"
    old, _ = old_plain()
    played(path, asking(counting(standing("State", old)), "4", times=4))
    with contextlib.closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        database.execute("CREATE TABLE padding (data)")
        database.execute("INSERT INTO padding VALUES (zeroblob(400000))")
        database.execute("DROP TABLE padding")
        database.commit()
        wal = Path(f"{path}-wal").stat().st_size
        done = compact(path)
        assert done.bytes_before >= wal
