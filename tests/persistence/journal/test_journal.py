"""The journal file: what is appended is there, in one chain, for all who share it; a doubtful commit is settled."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sqlite3
import threading
from pathlib import Path

import anyio
import pytest

from cuebook.errors import JournalBusy, JournalCorrupt, JournalError
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.records.chain import FIRST_LINK, link
from cuebook.persistence.records.record import Entry, Kind
from cuebook.persistence.records.run_heads import JournalOpened
from cuebook.persistence.stores.sqlite.lock import holder_of, read_note
from cuebook.persistence.trust.verdicts import Writers
from cuebook.testing.memory_medium import MemoryMedium
from tests.support.journals import completed, opened, run, state, write

pytestmark = pytest.mark.quick


def test_what_was_appended_is_read_back_in_order_with_its_chain(tmp_path: Path) -> None:
    entries = [opened(), completed(0, b"zero"), completed(1, b""), Entry(Kind.REUSED, 1, b"\x91\x90")]
    records = write(tmp_path / "a.cue", entries[:1], entries[1:])
    assert [each.seq for each in records] == [1, 2, 3, 4, 5]
    assert [Entry(each.kind, each.run, each.head, each.body) for each in records[1:]] == entries
    before = FIRST_LINK
    for record in records:
        assert record.hash == link(before, record.seq, record)
        before = record.hash


def test_the_first_record_names_the_journal(tmp_path: Path) -> None:
    async def work() -> None:
        async with await JournalWriter.open(tmp_path / "a.cue") as journal:
            (first,) = journal.records()
            head = JournalOpened.decode(first.head)
            assert first.kind is Kind.JOURNAL
            assert head.journal_id == journal.journal_id
            assert len(head.journal_id) == 16
            assert (journal.last_seq, journal.last_hash) == (1, first.hash)
            name = journal.journal_id
        async with await JournalWriter.open(tmp_path / "a.cue") as journal:
            assert journal.journal_id == name
            assert journal.last_seq == 1

    run(work())


def test_append_gives_the_numbers_of_its_records(tmp_path: Path) -> None:
    async def work() -> None:
        async with await JournalWriter.open(tmp_path / "a.cue") as journal:
            assert await journal.append([opened()]) == [2]
            assert await journal.append([]) == []
            assert await journal.append([completed(0), completed(1)]) == [3, 4]
            assert journal.last_seq == 4

    run(work())


def test_records_can_be_chosen_by_number_kind_and_run_and_without_bodies(tmp_path: Path) -> None:
    write(tmp_path / "a.cue", [opened(1), opened(2), completed(0, run=1), completed(0, run=2), completed(1, run=1)])

    async def work() -> None:
        async with await JournalWriter.open(tmp_path / "a.cue") as journal:
            assert [each.seq for each in journal.records(after=4)] == [5, 6]
            assert [each.seq for each in journal.records(kinds=[Kind.COMPLETED])] == [4, 5, 6]
            assert [each.seq for each in journal.records(kinds={Kind.COMPLETED}, runs=[1])] == [4, 6]
            assert [each.body for each in journal.records(after=3, bodies=False)] == [None, None, None]

    run(work())


def test_numbers_of_runs_are_never_given_twice(tmp_path: Path) -> None:
    async def first() -> None:
        async with await JournalWriter.open(tmp_path / "a.cue") as journal:
            assert [journal.next_run() for _ in range(3)] == [1, 2, 3]
            await journal.append([opened(2)])

    async def second() -> None:
        async with await JournalWriter.open(tmp_path / "a.cue") as journal:
            assert journal.next_run() == 3

    run(first())
    run(second())


def test_all_who_open_a_file_in_one_process_share_it(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)

    async def work() -> None:
        one = await JournalWriter.open(tmp_path / "a.cue")
        two = await JournalWriter.open(tmp_path / "link" / ".." / tmp_path.name / "a.cue")
        await asyncio.gather(*(journal.append([opened(n)]) for n, journal in enumerate([one, two] * 10, 1)))
        assert [each.seq for each in two.records()] == list(range(1, 22))
        assert one.last_hash == two.last_hash
        assert one.next_run() != two.next_run()
        await one.close()
        await one.close()
        await two.append([opened(99)])
        with pytest.raises(JournalError, match="is closed"):
            await one.append([opened(100)])
        assert holder_of(tmp_path / "a.cue.lock") is not None
        await two.close()
        assert holder_of(tmp_path / "a.cue.lock") is None

    run(work())


def test_loops_in_several_threads_append_to_one_chain(tmp_path: Path) -> None:
    async def several(number: int) -> None:
        async with await JournalWriter.open(tmp_path / "a.cue") as journal:
            for start in range(30):
                await journal.append([completed(start, run=number), completed(start, run=number)])

    threads = [threading.Thread(target=lambda n=n: asyncio.run(several(n))) for n in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [each.seq for each in write(tmp_path / "a.cue")] == list(range(1, 242))


def test_a_journal_is_opened_by_many_at_once_as_one(tmp_path: Path) -> None:
    async def work() -> None:
        journals = await asyncio.gather(*(JournalWriter.open(tmp_path / "deep" / "a.cue") for _ in range(10)))
        assert len({journal.journal_id for journal in journals}) == 1
        await asyncio.gather(*(journal.close() for journal in journals))

    run(work())


def test_the_folders_of_a_journal_are_made_and_its_file_is_private(tmp_path: Path) -> None:
    write(tmp_path / "a" / "b" / "c.cue", [opened()])
    assert (tmp_path / "a" / "b" / "c.cue").stat().st_mode & 0o777 == 0o600


def test_a_closed_journal_is_one_file_and_its_lock(tmp_path: Path) -> None:
    write(tmp_path / "a.cue", [opened()])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.cue", "a.cue.lock"]
    note = read_note(tmp_path / "a.cue.lock")
    assert note is not None
    assert not note.is_held


def test_the_lock_notes_where_each_commit_ended(tmp_path: Path) -> None:
    async def work() -> None:
        async with await JournalWriter.open(tmp_path / "a.cue") as journal:
            for number in range(1, 5):
                await journal.append([opened(number)])
                note = read_note(tmp_path / "a.cue.lock")
                assert note is not None
                assert (note.journal_id, note.seq, note.hash) == (
                    journal.journal_id,
                    journal.last_seq,
                    journal.last_hash,
                )
                assert note.holder.pid == os.getpid()
                assert note.is_held

    run(work())


def test_a_caller_that_is_cancelled_leaves_a_commit_that_goes_on(tmp_path: Path) -> None:
    async def work() -> None:
        async with await JournalWriter.open(tmp_path / "a.cue") as journal:
            appending = asyncio.ensure_future(journal.append([completed(n, bytes(500)) for n in range(500)]))
            await asyncio.sleep(0)
            appending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await appending
            assert await journal.append([opened()]) == [502]
            assert len(list(journal.records())) == 502

    run(work())


def test_a_cancelled_scope_neither_waits_for_a_commit_nor_harms_it(tmp_path: Path) -> None:
    async def work() -> None:
        async with await JournalWriter.open(tmp_path / "a.cue") as journal:
            with anyio.CancelScope() as scope:  # it cancels again at each further wait
                asyncio.get_running_loop().call_soon(scope.cancel)
                await journal.append([completed(n, bytes(500)) for n in range(500)])
            assert scope.cancelled_caught
            assert journal.last_seq == 1
            await journal.append([opened()])
            assert len(list(journal.records())) == journal.last_seq == 502

    run(work())


def test_a_loop_that_ends_amid_a_commit_leaves_all_of_it_or_nothing(tmp_path: Path) -> None:
    async def work() -> None:
        journal = await JournalWriter.open(tmp_path / "a.cue")
        appending = asyncio.ensure_future(journal.append([completed(n, bytes(500)) for n in range(500)]))
        for _ in range(3):
            await asyncio.sleep(0)
        kept.append((journal, appending))

    kept: list[object] = []
    run(work())

    async def after() -> None:
        journal = kept[0][0]  # type: ignore[index]
        assert journal.last_seq in {1, 501}
        await journal.append([opened()])
        assert len(list(journal.records())) == journal.last_seq
        await journal.close()

    run(after())


def test_cancelling_an_open_leaves_the_journal_free(tmp_path: Path) -> None:
    async def work() -> None:
        opening = asyncio.create_task(JournalWriter.open(tmp_path / "a.cue"))
        await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        async with await JournalWriter.open(tmp_path / "a.cue") as journal:
            await journal.append([opened()])
        while holder_of(tmp_path / "a.cue.lock") is not None:  # noqa: ASYNC110 - the kernel tells nobody
            await asyncio.sleep(0)

    run(asyncio.wait_for(work(), 20))


@pytest.mark.parametrize("what", ["moved", "deleted", "replaced"])
def test_a_journal_that_is_taken_away_while_in_use_takes_no_more(tmp_path: Path, what: str) -> None:
    path = tmp_path / "a.cue"

    async def work() -> None:
        async with await JournalWriter.open(path) as journal:
            await journal.append([opened()])
            if what == "deleted":
                path.unlink()
            else:
                path.rename(tmp_path / "b.cue")
            if what == "replaced":
                path.write_bytes(b"")
            with pytest.raises(JournalError, match="moved, replaced or deleted"):
                await journal.append([completed(0)])

    run(work())
    if what != "deleted":
        assert [each.seq for each in write(tmp_path / "b.cue")] == [1, 2]


def test_a_moved_journal_opens_where_it_is(tmp_path: Path) -> None:
    write(tmp_path / "a.cue", [opened()])
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.cue").rename(tmp_path / "sub" / "b.cue")
    assert [each.seq for each in write(tmp_path / "sub" / "b.cue", [completed(0)])] == [1, 2, 3]
    assert [each.seq for each in write(tmp_path / "a.cue")] == [1]


def test_a_file_with_a_second_name_is_refused_for_writing(tmp_path: Path) -> None:
    write(tmp_path / "a.cue", [opened()])
    (tmp_path / "b.cue").hardlink_to(tmp_path / "a.cue")
    with pytest.raises(JournalError, match="hard links"):
        write(tmp_path / "b.cue")


def test_states_are_kept_by_two_and_dropped_with_completion(tmp_path: Path) -> None:
    async def keep(journal: JournalWriter, index: int, body: bytes) -> int:
        (seq,) = await journal.append([state(index, body)], states={0: body})
        return seq

    async def work() -> None:
        async with await JournalWriter.open(tmp_path / "a.cue") as journal:
            await journal.append([opened()])
            seqs = [await keep(journal, 0, b"%d" % number) for number in range(4)]
            other = await keep(journal, 1, b"other")
            assert [journal.state(seq) for seq in seqs] == [None, None, b"2", b"3"]
        async with await JournalWriter.open(tmp_path / "a.cue") as journal:
            fifth = await keep(journal, 0, b"4")
            assert [journal.state(seq) for seq in [*seqs, fifth]] == [None, None, None, b"3", b"4"]
            await journal.append([completed(0)])
            assert [journal.state(seq) for seq in [seqs[3], fifth, other]] == [None, None, b"other"]
            assert len(list(journal.records())) == journal.last_seq

    run(work())


def test_a_state_whose_bytes_changed_is_refused(tmp_path: Path) -> None:
    async def work() -> None:
        async with await JournalWriter.open(tmp_path / "a.cue") as journal:
            (seq,) = await journal.append([state(0, b"right")], states={0: b"right"})
        connection = sqlite3.connect(tmp_path / "a.cue", isolation_level=None)
        connection.execute("DELETE FROM states")
        connection.execute("INSERT INTO states VALUES (?, ?)", (seq, b"wrong"))
        connection.close()
        async with await JournalWriter.open(tmp_path / "a.cue") as journal:
            with pytest.raises(JournalCorrupt, match=f"record {seq}"):
                journal.state(seq)

    run(work())


def test_a_store_in_memory_takes_no_lock_and_no_file(tmp_path: Path) -> None:
    async def work() -> None:
        journal = await JournalWriter.open(MemoryMedium(None, tmp_path / "a.cue"))
        assert journal.verdict().writers is Writers.NOBODY
        await journal.close()

    run(work())
    assert list(tmp_path.iterdir()) == []


def test_an_error_names_what_cannot_be_done_and_where(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, text in [
        (tmp_path, "is a directory"),
        (tmp_path / "file" / "a.cue", "cannot be created"),
        (Path("/dev/null"), "no regular file"),
        (Path("/proc/nothing/a.cue"), "cannot be created"),
    ]:
        with pytest.raises(JournalError, match=text) as caught:
            write(path)
        assert str(path) in str(caught.value) or str(path.parent) in str(caught.value)


def test_values_of_a_journal_that_others_can_write_are_not_trusted(tmp_path: Path) -> None:
    async def work() -> None:
        async with await JournalWriter.open(tmp_path / "a.cue") as journal:
            assert journal.verdict().writers is Writers.NOBODY
            (tmp_path / "a.cue").chmod(0o666)
            assert journal.verdict().writers is Writers.ANYONE

    run(work())


def test_a_second_handle_of_the_lock_in_this_process_is_busy(tmp_path: Path) -> None:
    async def work() -> None:
        async with await JournalWriter.open(tmp_path / "a.cue"):
            (tmp_path / "a.cue").rename(tmp_path / "b.cue")
            with pytest.raises(JournalBusy, match="path of its own"):
                await JournalWriter.open(tmp_path / "a.cue")

    run(work())


def test_the_digest_in_a_state_record_is_that_of_its_bytes() -> None:
    from cuebook.persistence.records.run_heads import StateKept

    assert StateKept.decode(state(0, b"x").head).digest == hashlib.sha256(b"x").digest()
