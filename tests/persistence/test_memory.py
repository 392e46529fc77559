"""The store in memory fails exactly when it is told to, and shows what a disk would hold."""

from __future__ import annotations

import pytest

from cuebook.persistence.memory import MemoryStore
from cuebook.persistence.store import Row
from cuebook.runtime.errors import JournalError, JournalFull
from tests.support.journals import run


def row(seq: int) -> Row:
    return (seq, 4, 1, b"%032d" % seq, 0, b"head", b"body", None)


def test_the_nth_write_fails_and_stores_nothing() -> None:
    async def work() -> None:
        store = MemoryStore(fail_write_at=2)
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
        store = MemoryStore(fail_sync_at=2, sync_keeps=keeps)
        await store.open()
        await store.insert([row(1)])
        with pytest.raises(JournalError, match="synced"):
            await store.insert([row(2)])
        assert (await store.open()).seq == last
        image = store.crash_image()
        assert (await image.open()).seq == last

    run(work())


def test_a_full_store_stays_full_until_room_is_made() -> None:
    async def work() -> None:
        store = MemoryStore(full_at=1)
        for _ in range(2):
            await store.open()
            with pytest.raises(JournalFull):
                await store.insert([row(1)])
        store.full_at = None
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
