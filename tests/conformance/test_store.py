"""What every store promises the journal that writes to it: whole batches, in order, or nothing."""

from __future__ import annotations

import pytest

from cuebook.errors import JournalError
from cuebook.persistence.records.row import Tail
from cuebook.persistence.stores.port import Store
from tests.support.journals import run
from tests.support.rows import read, row

pytestmark = pytest.mark.quick


def test_a_new_store_is_empty(store: Store) -> None:
    async def work() -> None:
        assert await store.open() == Tail(0, b"")
        with store.reading() as reading:
            assert list(reading.scan()) == []
            assert reading.state(1) is None
            assert reading.states() == []
            assert (reading.last(), reading.end()) == ((0, b""), 0)
        await store.close()

    run(work())


def test_what_was_inserted_is_read_back_field_by_field(store: Store) -> None:
    async def work() -> None:
        await store.open()
        await store.insert([row(1), row(2, body=None), row(3, body=b"")])
        with store.reading() as reading:
            found = list(reading.scan())
        assert [each[:7] for each in found] == [row(1)[:7], row(2, body=None)[:7], row(3, body=b"")[:7]]
        await store.close()

    run(work())


def test_what_was_inserted_is_there_after_reopening(store: Store) -> None:
    async def work() -> None:
        await store.open()
        await store.insert([row(1, run_number=5), row(2, run_number=3)], states=[(2, b"state")])
        await store.close()
        assert await store.open() == Tail(2, row(2)[3])
        assert read(store) == [(1, b"body"), (2, b"body")]
        with store.reading() as reading:
            assert reading.state(2) == b"state"
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
        with store.reading() as reading:
            assert reading.states() == [2, 3]
            assert [reading.state(seq) for seq in (1, 2, 3)] == [None, b"two", b"three"]
        with pytest.raises(JournalError):
            await store.insert([row(9)], states=[(9, b"nine")], drop_states=[2])
        await store.open()
        with store.reading() as reading:
            assert reading.states() == [2, 3]
        await store.close()

    run(work())


def test_a_kept_state_is_never_replaced(store: Store) -> None:
    async def work() -> None:
        await store.open()
        await store.insert([row(1)], states=[(1, b"one")])
        with pytest.raises(JournalError):
            await store.insert([row(2)], states=[(1, b"other")])
        await store.open()
        with store.reading() as reading:
            assert reading.state(1) == b"one"
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
