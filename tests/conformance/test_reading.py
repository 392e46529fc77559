"""What every reading promises: what is committed and nothing else, whole, beside a writer that goes on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from cuebook.errors import JournalCorrupt, JournalError
from cuebook.persistence.records.row import Row
from cuebook.persistence.stores.port import Medium, Reading, Store
from cuebook.persistence.trust.verdicts import Writers
from tests.support.journals import run
from tests.support.rows import read, row

pytestmark = pytest.mark.quick


def filled(store: Store, rows: Sequence[Row], states: Sequence[tuple[int, bytes]] = ()) -> None:
    async def work() -> None:
        await store.open()
        await store.insert(rows, states)
        await store.close()

    run(work())


def read_in(reading: Reading, **query: object) -> list[int]:
    return [found[0] for found in reading.scan(**query)]  # type: ignore[arg-type]


def test_a_scan_selects_by_number_kind_and_run(medium: Medium) -> None:
    filled(medium.store(), [row(n, kind=2 + n % 2, run_number=n % 3) for n in range(1, 13)])
    with medium.reading(Writers.NOBODY) as reading:
        assert read_in(reading, after=10) == [11, 12]
        assert read_in(reading, kinds=[3]) == [1, 3, 5, 7, 9, 11]
        assert read_in(reading, runs=[1, 2]) == [1, 2, 4, 5, 7, 8, 10, 11]
        assert read_in(reading, after=4, kinds=[2], runs=[0]) == [6, 12]
        assert read_in(reading, kinds=[]) == []
        assert read_in(reading, after=99) == []


def test_a_scan_without_bodies_leaves_them_out(medium: Medium) -> None:
    filled(medium.store(), [row(1), row(2)])
    with medium.reading(Writers.NOBODY) as reading:
        assert [(found[0], found[6]) for found in reading.scan(bodies=False)] == [(1, None), (2, None)]


def test_a_scan_finds_rows_by_bytes_in_their_bodies(medium: Medium) -> None:
    bodies = [b"\0mark", b"mark", None, b"x" * 5000 + b"\0mark\0", b"", b"\0mar"]
    filled(medium.store(), [row(n, kind=4 + n % 2, body=body) for n, body in enumerate(bodies, 1)])
    with medium.reading(Writers.NOBODY) as reading:
        assert read_in(reading, holding=b"\0mark") == [1, 4]
        assert read_in(reading, holding=b"\0mark", kinds=[4]) == [4]
        assert read_in(reading, holding=b"\0mark", after=1, until=3) == []
        assert next(iter(reading.scan(holding=b"\0mark\0")))[7] == row(3)[3]


def test_a_selection_and_the_first_row_carry_the_hash_of_the_row_before(medium: Medium) -> None:
    filled(medium.store(), [row(n, kind=2 + n % 2) for n in range(1, 7)])
    with medium.reading(Writers.NOBODY) as reading:
        assert [each[7] for each in reading.scan(kinds=[2])] == [row(n)[3] for n in (1, 3, 5)]
        assert next(iter(reading.scan(after=3)))[7] == row(3)[3]
        assert next(iter(reading.scan()))[7] is None


def test_one_row_is_read_with_the_hash_of_the_row_before(medium: Medium) -> None:
    filled(medium.store(), [row(1), row(2, body=None), row(3)])
    with medium.reading(Writers.NOBODY) as reading:
        assert reading.row(3) == (*row(3)[:7], row(2)[3])
        assert reading.row(2) == (*row(2, body=None)[:7], row(1)[3])
        assert reading.row(1) == row(1)
        assert [reading.row(seq) for seq in (4, 0, -1)] == [None, None, None]


@pytest.mark.parametrize("count", [3, 700])
def test_rows_are_picked_by_their_numbers_and_one_that_is_missing_is_named(medium: Medium, count: int) -> None:
    filled(medium.store(), [row(n) for n in range(1, count + 1)])
    with medium.reading(Writers.NOBODY) as reading:
        wanted = range(1, count + 1, 2)
        assert [(each[0], each[3], each[6]) for each in reading.rows_at(wanted)] == [
            (n, row(n)[3], None) for n in wanted
        ]
        assert list(reading.rows_at([])) == []
        for missing in (0, count + 1):
            with pytest.raises(JournalCorrupt, match=f"record {missing} is missing"):
                list(reading.rows_at(sorted([2, missing])))


def test_rows_of_a_stream_are_selected_from_either_end(medium: Medium) -> None:
    filled(medium.store(), [row(n, kind=11, run_number=-1 - n % 2) for n in range(1, 9)])
    with medium.reading(Writers.NOBODY) as reading:
        assert [each[0] for each in reading.select(11, -1)] == [2, 4, 6, 8]
        assert [each[0] for each in reading.select(11, -2, after=1, limit=2)] == [3, 5]
        assert [each[0] for each in reading.select(11, -1, newest=True, limit=2)] == [8, 6]
        assert [each[0] for each in reading.select(11, None, limit=3)] == [1, 2, 3]
        assert [each[7] for each in reading.select(11, -1, after=6)] == [row(7)[3]]
        assert reading.select(12, -1) == []


def test_the_end_is_the_last_row_that_is_committed(medium: Medium) -> None:
    filled(medium.store(), [row(1), row(2)], [(2, b"state")])
    with medium.reading(Writers.NOBODY) as reading:
        assert (reading.last(), reading.end()) == ((2, row(2)[3]), 2)
        assert (reading.states(), reading.state(2), reading.state(1)) == ([2], b"state", None)
        assert reading.damage() == []
        assert reading.verdict().writers is Writers.NOBODY


def test_a_reader_beside_the_writer_sees_each_commit_and_nothing_before_it(medium: Medium) -> None:
    async def work() -> None:
        store = medium.store()
        await store.open()
        await store.insert([row(1)])
        with medium.reading(Writers.NOBODY) as reading:
            for seq in range(2, 6):
                assert reading.end() == seq - 1
                await store.insert([row(seq)])
            assert read_in(reading) == [1, 2, 3, 4, 5]
        await store.close()

    run(work())


def test_a_scan_ends_where_the_store_ended_when_it_began(store: Store) -> None:
    async def work() -> None:
        await store.open()
        await store.insert([row(1), row(2)])
        with store.reading() as reading:
            scan = iter(reading.scan())
            next(scan)
            await store.insert([row(3)])
            assert [each[0] for each in scan] == [2]
        await store.close()

    run(work())


def test_a_scan_runs_in_another_thread_while_rows_are_inserted(store: Store) -> None:
    async def work() -> None:
        await store.open()
        await store.insert([row(n) for n in range(1, 101)])
        reading = asyncio.get_running_loop().run_in_executor(None, lambda: len(read(store)))
        for seq in range(101, 121):
            await store.insert([row(seq)])
        assert 100 <= await reading <= 120
        await store.close()

    run(work())


def test_any_number_of_readings_of_an_open_store_are_used_at_the_same_time(store: Store) -> None:
    async def work() -> None:
        await store.open()
        await store.insert([row(n) for n in range(1, 11)])
        with store.reading() as one, store.reading() as two:
            first, second = iter(one.scan()), iter(two.scan())
            assert [next(first)[0], next(second)[0], next(first)[0]] == [1, 1, 2]
            assert [each[0] for each in second] == list(range(2, 11))
        found: list[int] = []
        threads = [threading.Thread(target=lambda: found.append(len(read(store)))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [10, 10, 10, 10]
        await store.close()

    run(work())


def test_a_scan_that_is_left_halfway_does_not_hold_up_the_writer(store: Store) -> None:
    async def work() -> None:
        await store.open()
        await store.insert([row(n) for n in range(1, 11)])
        with store.reading() as reading:
            next(iter(reading.scan()))
        await store.insert([row(11)])
        await store.close()
        assert (await store.open()).seq == 11
        assert len(read(store)) == 11
        await store.close()

    run(work())


def test_what_was_read_before_a_failed_insert_does_not_hide_what_is_found_after_it(store: Store) -> None:
    async def work() -> None:
        await store.open()
        await store.insert([row(1)])
        assert read(store) == [(1, b"body")]
        with pytest.raises(JournalError):
            await store.insert([row(5)])
        await store.open()
        await store.insert([row(2, body=b"two")])
        assert read(store) == [(1, b"body"), (2, b"two")]
        await store.close()

    run(work())


class Taken:
    """`NewRows` of a kind that no store knows."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.states: list[tuple[int, bytes]] = []

    def insert(self, rows: Sequence[Row], states: Sequence[tuple[int, bytes]] = ()) -> None:
        self.rows.extend(rows)
        self.states.extend(states)


def test_a_copy_has_all_and_the_reading_goes_on_behind_it(medium: Medium) -> None:
    async def work() -> None:
        store = medium.store()
        await store.open()
        await store.insert([row(1), row(2, body=None), row(3)], states=[(1, b"one"), (3, b"three")])
        with medium.reading(Writers.NOBODY) as reading:
            taken = Taken()
            reading.copy_into(taken)
            assert [each[:7] for each in taken.rows] == [row(1)[:7], row(2, body=None)[:7], row(3)[:7]]
            assert taken.states == [(1, b"one"), (3, b"three")]
            await store.insert([row(4)], drop_states=[1])
            assert (reading.end(), reading.states()) == (4, [3])
        await store.close()

    run(work())
