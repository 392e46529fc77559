"""The store in memory fails exactly when it is told to, and shows what a disk would hold."""

from __future__ import annotations

import pytest

from cuebook.errors import JournalError, JournalFull
from cuebook.persistence.records.row import Row
from cuebook.testing.faults import Fault, JournalFaults
from cuebook.testing.memory_store import MemoryStore
from tests.support.journals import run


def row(seq: int) -> Row:
    return (seq, 4, 1, b"%032d" % seq, 0, b"head", b"body", None)


def test_the_nth_write_fails_and_stores_nothing() -> None:
    async def work() -> None:
        faults = JournalFaults()
        store = MemoryStore(faults)
        faults.at(2, Fault.FAIL)
        await store.open()
        await store.insert([row(1)])
        with pytest.raises(JournalError, match="written"):
            await store.insert([row(2)])
        assert (await store.open()).seq == 1
        await store.insert([row(2)])

    run(work())


@pytest.mark.parametrize(("keeps", "last"), [(True, 2), (False, 1)])
def test_a_failed_sync_leaves_the_batch_stored_or_not_as_told(keeps: bool, last: int) -> None:
    async def work() -> None:
        store = MemoryStore()
        await store.open()
        await store.insert([row(1)])
        store.faults.tear_next(is_kept=keeps)
        with pytest.raises(JournalError, match="synced"):
            await store.insert([row(2)])
        assert (await store.open()).seq == last
        image = store.crash_image()
        assert (await image.open()).seq == last

    run(work())


def test_a_full_store_stays_full_until_room_is_made() -> None:
    async def work() -> None:
        store = MemoryStore()
        store.faults.fill()
        for _ in range(2):
            await store.open()
            with pytest.raises(JournalFull):
                await store.insert([row(1)])
        store.faults.make_room()
        await store.open()
        await store.insert([row(1)])

    run(work())


def test_a_crash_image_does_not_follow_the_store() -> None:
    async def work() -> None:
        store = MemoryStore()
        await store.open()
        await store.insert([row(1)], states=[(1, b"state")])
        image = store.crash_image()
        await store.insert([row(2)], drop_states=[1])
        assert (await image.open()).seq == 1
        assert image.state(1) == b"state"

    run(work())


def test_a_crash_keeps_the_append_that_nobody_hears_of_and_refuses_all_that_follows() -> None:
    async def work() -> None:
        store = MemoryStore()
        await store.open()
        store.faults.crash_after(2)
        await store.insert([row(1)])
        with pytest.raises(JournalError):
            await store.insert([row(2)])
        for _ in range(2):
            with pytest.raises(JournalError, match="opened"):
                await store.open()
        image = store.crash_image()
        assert (await image.open()).seq == 2
        await image.insert([row(3)])

    run(work())


def test_a_plan_is_for_the_next_appends_and_for_no_other() -> None:
    faults = JournalFaults()
    assert faults.next_append() is None
    faults.reject_next(2)
    faults.fill(after=3)
    fates = [faults.next_append() for _ in range(5)]
    assert fates == [Fault.FULL, Fault.FULL, None, Fault.FULL, Fault.FULL]
    faults.make_room()
    faults.fail_next_open()
    assert [faults.next_append(), faults.next_open(), faults.next_open()] == [None, Fault.FAIL, None]


@pytest.mark.parametrize("count", [0, -1, True, 1.5])
def test_a_plan_for_no_append_is_refused(count: object) -> None:
    for plan in (JournalFaults().fail_next, JournalFaults().crash_after, JournalFaults().fail_next_open):
        with pytest.raises(ValueError, match="1 or more"):
            plan(count)  # type: ignore[arg-type]
