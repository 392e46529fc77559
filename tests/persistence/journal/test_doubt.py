"""A commit of unknown fate is settled before anything else is: stored or not, and never twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from cuebook.errors import JournalError, JournalFull
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.records.record import Kind
from cuebook.testing.faults import Fault, JournalFaults
from cuebook.testing.memory_medium import MemoryMedium
from cuebook.testing.memory_store import MemoryStore
from tests.support.journals import completed, run, state


def test_after_a_doubtful_commit_states_are_still_kept_by_two() -> None:
    async def work(keeps: bool) -> None:
        journal = await JournalWriter.open(MemoryMedium(torn_at(4, is_kept=keeps), "memory"))
        stored = []
        for number in range(6):
            try:
                stored += await journal.append([state(0, b"%d" % number)], states={0: b"%d" % number})
            except JournalError:
                assert not keeps
        assert len(stored) == (6 if keeps else 5)
        assert [journal.state(seq) for seq in stored] == [None] * (len(stored) - 2) + [b"4", b"5"]
        await journal.close()

    run(work(True))
    run(work(False))


def torn_at(append: int, *, is_kept: bool) -> MemoryStore:
    faults = JournalFaults()
    faults.at(append, Fault.TORN_KEPT if is_kept else Fault.TORN_LOST)
    return MemoryStore(faults)


def broken_at(what: str, number: int, *, is_kept: bool) -> MemoryStore:
    if what == "sync":
        return torn_at(number, is_kept=is_kept)
    store = MemoryStore()
    match what:
        case "write":
            store.faults.at(number, Fault.FAIL)
        case "full":
            store.faults.fill(after=number - 1)
        case _:
            store.faults.fail_open_at(number)
    return store


def bodies(journal: JournalWriter) -> list[bytes | None]:
    return [each.body for each in journal.records(kinds=[Kind.COMPLETED])]


@pytest.mark.parametrize("kind", ["write", "full"])
def test_a_write_that_fails_is_told_and_the_journal_goes_on(kind: str) -> None:
    async def work() -> None:
        store = MemoryStore()
        store.faults.at(2, Fault.FAIL) if kind == "write" else store.faults.fill(after=1)
        journal = await JournalWriter.open(MemoryMedium(store, "memory"))
        with pytest.raises(JournalFull if kind == "full" else JournalError):
            await journal.append([completed(0, b"lost")])
        store.faults.make_room()
        assert await journal.append([completed(0, b"kept")]) == [2]
        assert bodies(journal) == [b"kept"]
        await journal.close()

    run(work())


def test_a_failed_sync_whose_rows_turn_out_to_be_stored_is_a_success() -> None:
    async def work() -> None:
        journal = await JournalWriter.open(MemoryMedium(torn_at(2, is_kept=True), "memory"))
        assert await journal.append([completed(0, b"kept")]) == [2]
        assert await journal.append([completed(1, b"next")]) == [3]
        assert bodies(journal) == [b"kept", b"next"]
        await journal.close()

    run(work())


def test_a_failed_sync_whose_rows_are_gone_is_an_error() -> None:
    async def work() -> None:
        journal = await JournalWriter.open(MemoryMedium(torn_at(2, is_kept=False), "memory"))
        with pytest.raises(JournalError, match="synced"):
            await journal.append([completed(0, b"lost")])
        assert await journal.append([completed(0, b"kept")]) == [2]
        assert bodies(journal) == [b"kept"]
        await journal.close()

    run(work())


@pytest.mark.parametrize("keeps", [True, False])
def test_nothing_is_accepted_until_a_store_in_doubt_opens_again(keeps: bool) -> None:
    async def work() -> None:
        store = torn_at(2, is_kept=keeps)
        journal = await JournalWriter.open(MemoryMedium(store, "memory"))
        store.faults.fail_next_open()
        with pytest.raises(JournalError, match="whether the last records were stored shows when"):
            await journal.append([completed(0, b"doubt")])
        assert await journal.append([completed(1, b"next")]) == [3 if keeps else 2]
        assert bodies(journal) == ([b"doubt", b"next"] if keeps else [b"next"])
        await journal.close()

    run(work())


def test_whatever_fails_the_journal_holds_what_was_acknowledged_and_nothing_twice() -> None:
    async def work(fault: str, at: int, keeps: bool) -> None:
        store = broken_at(fault, at, is_kept=keeps)
        try:
            journal = await JournalWriter.open(MemoryMedium(store, "memory"))
        except JournalError:
            assert at == 1
            return
        acknowledged = []
        for number in range(6):
            body = b"%d" % number
            try:
                await journal.append([completed(number, body), completed(number + 100, body)])
                acknowledged.append(body)
            except JournalError:
                store.faults.make_room()
        expected = [body for body in acknowledged for _ in range(2)]
        assert bodies(journal) == expected
        image = await JournalWriter.open(MemoryMedium(store.crash_image(), "image"))
        assert bodies(image) == expected
        await journal.close()
        await image.close()

    for fault in ("write", "sync", "full", "open"):
        for at in range(1, 9):
            for keeps in (True, False):
                run(work(fault, at, keeps))


def test_a_full_disk_is_told_as_such_and_the_same_journal_goes_on_when_there_is_room(tmp_path: Path) -> None:
    async def work() -> None:
        async with await JournalWriter.open(tmp_path / "a.cue") as journal:
            await journal.append([completed(0, b"kept")])
            journal._core.store._writer.execute("PRAGMA max_page_count = 20")  # type: ignore[attr-defined]
            with pytest.raises(JournalFull):
                await journal.append([completed(1, bytes(300_000))])
            assert bodies(journal) == [b"kept"]
            await journal.append([completed(1, b"small")])
            assert bodies(journal) == [b"kept", b"small"]

    run(work())
