"""What every store promises the journal, asked of the one on disk and of the double in memory alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from cuebook.errors import JournalError
from cuebook.persistence.records.row import Row, Tail
from cuebook.persistence.stores.port import Store
from cuebook.persistence.stores.sqlite.writing import SqliteStore
from cuebook.testing.memory_store import MemoryStore
from tests.support.journals import run

pytestmark = pytest.mark.quick

Make = Callable[[], Store]


@pytest.fixture(params=["sqlite", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return SqliteStore(tmp_path / "a.cue") if request.param == "sqlite" else MemoryStore()


def row(seq: int, kind: int = 4, run_number: int = 1, body: bytes | None = b"body") -> Row:
    return (seq, kind, run_number, b"%032d" % seq, seq * 7, b"head", body, None)


def read(store: Store, **query: object) -> list[tuple[int, bytes | None]]:
    return [(found[0], found[6]) for found in store.scan(**query)]  # type: ignore[arg-type]


def test_a_new_store_is_empty(store: Store) -> None:
    async def work() -> None:
        assert await store.open() == Tail(0, b"", 0)
        assert list(store.scan()) == []
        assert store.state(1) is None
        assert store.states() == []
        await store.close()

    run(work())


def test_what_was_inserted_is_read_back_field_by_field(store: Store) -> None:
    async def work() -> None:
        await store.open()
        await store.insert([row(1), row(2, body=None), row(3, body=b"")])
        found = list(store.scan())
        assert [each[:7] for each in found] == [row(1)[:7], row(2, body=None)[:7], row(3, body=b"")[:7]]
        await store.close()

    run(work())


def test_what_was_inserted_is_there_after_reopening(store: Store) -> None:
    async def work() -> None:
        await store.open()
        await store.insert([row(1, run_number=5), row(2, run_number=3)], states=[(2, b"state")])
        await store.close()
        assert await store.open() == Tail(2, row(2)[3], 5)
        assert read(store) == [(1, b"body"), (2, b"body")]
        assert store.state(2) == b"state"
        await store.close()

    run(work())


def test_a_scan_selects_by_number_kind_and_run(store: Store) -> None:
    async def work() -> None:
        await store.open()
        await store.insert([row(n, kind=2 + n % 2, run_number=n % 3) for n in range(1, 13)])
        assert [seq for seq, _ in read(store, after=10)] == [11, 12]
        assert [seq for seq, _ in read(store, kinds=[3])] == [1, 3, 5, 7, 9, 11]
        assert [seq for seq, _ in read(store, runs=[1, 2])] == [1, 2, 4, 5, 7, 8, 10, 11]
        assert [seq for seq, _ in read(store, after=4, kinds=[2], runs=[0])] == [6, 12]
        assert read(store, kinds=[]) == []
        assert read(store, after=99) == []
        await store.close()

    run(work())


def test_a_scan_without_bodies_leaves_them_out(store: Store) -> None:
    async def work() -> None:
        await store.open()
        await store.insert([row(1), row(2)])
        assert read(store, bodies=False) == [(1, None), (2, None)]
        await store.close()

    run(work())


def test_a_selection_and_the_first_row_carry_the_hash_of_the_row_before(store: Store) -> None:
    async def work() -> None:
        await store.open()
        await store.insert([row(n, kind=2 + n % 2) for n in range(1, 7)])
        assert [each[7] for each in store.scan(kinds=[2])] == [row(n)[3] for n in (1, 3, 5)]
        assert next(iter(store.scan(after=3)))[7] == row(3)[3]
        assert next(iter(store.scan()))[7] is None
        await store.close()

    run(work())


def test_one_row_is_read_with_the_hash_of_the_row_before(store: Store) -> None:
    async def work() -> None:
        await store.open()
        await store.insert([row(1), row(2, body=None), row(3)])
        assert store.row(3) == (*row(3)[:7], row(2)[3])
        assert store.row(2) == (*row(2, body=None)[:7], row(1)[3])
        assert store.row(1) == row(1)
        assert [store.row(seq) for seq in (4, 0, -1)] == [None, None, None]
        await store.close()

    run(work())


def test_a_scan_ends_where_the_store_ended_when_it_began(store: Store) -> None:
    async def work() -> None:
        await store.open()
        await store.insert([row(1), row(2)])
        scan = iter(store.scan())
        next(scan)
        await store.insert([row(3)])
        assert [each[0] for each in scan] == [2]
        await store.close()

    run(work())


def test_a_scan_runs_in_another_thread_while_rows_are_inserted(store: Store) -> None:
    async def work() -> None:
        await store.open()
        await store.insert([row(n) for n in range(1, 101)])
        reading = asyncio.get_running_loop().run_in_executor(None, lambda: len(list(store.scan())))
        for seq in range(101, 121):
            await store.insert([row(seq)])
        assert 100 <= await reading <= 120
        await store.close()

    run(work())


@pytest.mark.parametrize("seqs", [[1], [2], [4], [3, 3], [3, 5], [4, 3]], ids=str)
def test_rows_that_do_not_continue_the_store_are_refused_as_a_whole(store: Store, seqs: list[int]) -> None:
    async def work() -> None:
        await store.open()
        await store.insert([row(1), row(2)])
        with pytest.raises(JournalError):
            await store.insert([row(seq, body=b"other") for seq in seqs])
        assert (await store.open()).seq == 2
        assert read(store) == [(1, b"body"), (2, b"body")]
        await store.close()

    run(work())


def test_after_a_failed_insert_nothing_is_accepted_until_the_store_is_opened_again(store: Store) -> None:
    async def work() -> None:
        await store.open()
        with pytest.raises(JournalError):
            await store.insert([row(5)])
        with pytest.raises(JournalError, match="opened again"):
            await store.insert([row(1)])
        await store.open()
        await store.insert([row(1)])
        assert read(store) == [(1, b"body")]
        await store.close()

    run(work())


def test_a_closed_store_accepts_nothing(store: Store) -> None:
    async def work() -> None:
        await store.open()
        await store.close()
        await store.close()
        with pytest.raises(JournalError):
            await store.insert([row(1)])

    run(work())


def test_states_are_kept_and_dropped_in_the_same_transaction_as_rows(store: Store) -> None:
    async def work() -> None:
        await store.open()
        await store.insert([row(1), row(2)], states=[(1, b"one"), (2, b"two")])
        await store.insert([row(3)], states=[(3, b"three")], drop_states=[1])
        assert store.states() == [2, 3]
        assert [store.state(seq) for seq in (1, 2, 3)] == [None, b"two", b"three"]
        with pytest.raises(JournalError):
            await store.insert([row(9)], states=[(9, b"nine")], drop_states=[2])
        await store.open()
        assert store.states() == [2, 3]
        await store.close()

    run(work())


def test_a_kept_state_is_never_replaced(store: Store) -> None:
    async def work() -> None:
        await store.open()
        await store.insert([row(1)], states=[(1, b"one")])
        with pytest.raises(JournalError):
            await store.insert([row(2)], states=[(1, b"other")])
        await store.open()
        assert store.state(1) == b"one"
        await store.close()

    run(work())


def test_a_large_body_survives(store: Store) -> None:
    body = bytes(range(256)) * 4096 * 20

    async def work() -> None:
        await store.open()
        await store.insert([row(1, body=body), row(2)])
        assert read(store) == [(1, body), (2, b"body")]
        await store.close()

    run(work())
