"""Compaction keeps whatever replay can ask for, drops the rest, and never leaves a journal half done."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cuebook import chunk
from cuebook.errors import JournalBusy, JournalCorrupt, JournalError
from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.records.run_heads import Forgetting
from cuebook.persistence.upkeep.compaction import compact
from cuebook.persistence.upkeep.verification import verify
from tests.support.journals import arguments, closed, completed, opened, run, state, write
from tests.support.salvage import blob_journal, contents, forget, read, replayed, reused, tamper


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "a.cue"
    write(path, [opened(), arguments(0, 30)], [completed(n, b"value %d" % n) for n in range(30)], [closed()])
    return path


def test_forgotten_runs_and_their_blobs_go_and_the_rest_replays_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.cue"
    blobs, one, two = blob_journal(path)
    before, old = replayed(path), read(path)
    done = compact(path)
    assert (done.runs_dropped, done.blobs_dropped) == ((1,), 1)
    assert (done.records_before, done.records_after) == (8, 4)
    assert set(blobs.digests()) == {two}
    assert one != two
    after = replayed(path)
    assert list(after.runs) == [2]
    assert after.runs[2].done == before.runs[2].done
    assert after.opened is not None
    assert after.opened.compacted_seq == 8
    assert after.opened.compacted_hash == old[-1].hash
    assert before.opened is not None
    assert after.opened.compacted_id == before.opened.journal_id
    assert verify(path).ok
    assert len(write(path, [opened(3)])) == 5


def test_a_forgotten_run_that_others_refer_to_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.cue"
    write(
        path,
        [opened(1), arguments(0, 2), completed(0, count=2), opened(2), arguments(0, 2, run=2, source_run=1)],
        [opened(3), arguments(0, 1, run=3), reused((1, 0, 0, 1), run_number=3), opened(4), completed(0, run=4)],
        [forget(Forgetting.RUN, 1), forget(Forgetting.RUN, 4)],
    )
    before = contents(read(path))
    assert compact(path).runs_dropped == (4,)
    after = contents(read(path))
    assert after == [each for each in before if each[1] != 4 and each != before[-1]]
    assert not any(replayed(path).claimable(1))


def test_states_of_completed_calls_go_and_those_of_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.cue"

    async def work() -> None:
        async with await JournalWriter.open(path) as live:
            await live.append([opened(), state(0, b"zero"), state(1, b"one")], states={1: b"zero", 2: b"one"})
        async with await JournalWriter.open(path) as live:
            await live.append([completed(0)])  # by a process that knows of no states

    run(work())
    with open_reader(path) as reader:
        assert reader.states() == [3, 4]
    compact(path)
    with open_reader(path) as reader:
        assert [record.kind.name for record in reader.records()] == ["JOURNAL", "RUN_OPENED", "STATE", "COMPLETED"]
        assert reader.states() == [3]
        assert reader.state(3) == b"one"


def test_of_a_thousand_checkpoints_of_a_call_the_newest_two_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.cue"
    bodies = [b"%d" % number for number in range(1000)]

    async def work() -> None:
        async with await JournalWriter.open(path) as live:
            await live.append([opened()])
            entries = [state(0, body, number=number + 1) for number, body in enumerate(bodies)]
            await live.append(entries, states=dict(enumerate(bodies)))

    run(work())
    compact(path)
    with open_reader(path) as reader:
        assert [reader.state(seq) for seq in reader.states()] == [b"998", b"999"]
        assert reader.last_seq == 4
        assert [head.number for _, head in replayed(path).runs[1].states[0]] == [999, 1000]


def test_a_journal_in_use_is_not_compacted(tmp_path: Path) -> None:
    async def work() -> None:
        async with await JournalWriter.open(tmp_path / "a.cue") as live:
            await live.append([opened()])
            with pytest.raises(JournalBusy):
                compact(tmp_path / "a.cue")
            await live.append([completed(0)])

    run(work())
    assert len(read(tmp_path / "a.cue")) == 3


def test_a_damaged_journal_is_not_compacted_and_stays_as_it_is(journal: Path) -> None:
    tamper(journal, "UPDATE records SET body = x'00' WHERE seq = 12")
    before = journal.read_bytes()
    with pytest.raises(JournalCorrupt):
        compact(journal)
    assert journal.read_bytes() == before
    assert not list(journal.parent.glob("*.part"))


def test_what_a_crash_left_in_the_wal_is_compacted_too(tmp_path: Path) -> None:
    crashed = tmp_path / "crashed"
    crashed.mkdir()

    async def work() -> None:
        async with await JournalWriter.open(tmp_path / "a.cue") as live:
            await live.append([opened(), completed(0), completed(1)])
            for name in ("a.cue", "a.cue-wal", "a.cue.lock"):
                shutil.copy(tmp_path / name, crashed / name)

    run(work())
    assert compact(crashed / "a.cue").records_after == 4
    assert sorted(path.name for path in crashed.iterdir()) == ["a.cue", "a.cue.lock"]
    assert contents(read(crashed / "a.cue")) == contents(read(tmp_path / "a.cue"))


def test_a_reader_of_the_old_journal_goes_on_reading_it(journal: Path) -> None:
    with open_reader(journal) as reader:
        records = reader.records()
        first = next(records)
        compact(journal)
        assert sorted(path.name for path in journal.parent.iterdir()) == ["a.cue", "a.cue.lock"]
        assert [first, *records][-1].seq == 34
        with open_reader(journal) as fresh:
            assert fresh.journal_id != reader.journal_id
    assert len(write(journal, [opened(2)])) == 35


def test_a_compaction_killed_after_the_new_file_took_its_place_leaves_the_new_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "crashed" / "a.cue"
    path.parent.mkdir()

    async def work() -> None:
        async with await JournalWriter.open(tmp_path / "a.cue") as live:
            await live.append([opened(1), completed(0), opened(2), completed(0, b"x" * 9000, run=2)])
            await live.append([forget(Forgetting.RUN, 1)])
            for name in ("a.cue", "a.cue-wal"):
                shutil.copy(tmp_path / name, path.parent / name)

    run(work())

    def killed(_: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cuebook.persistence.stores.sqlite.new_rows._drop_side_files", killed)
    with pytest.raises(KeyboardInterrupt):
        compact(path)
    assert contents(read(path)) == contents(read(tmp_path / "a.cue"))[2:4]
    assert verify(path).ok


def test_there_must_be_a_journal_to_compact(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="there is no journal"):
        compact(tmp_path / "a.cue")
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_the_users_is_not_taken_for_an_unfinished_journal(tmp_path: Path) -> None:
    journal, part = tmp_path / "x.cue", tmp_path / "x.cue.part"
    chunk(abs, [[1]], path=journal, where="thread", progress_bar=False)
    part.write_text("notes")
    with pytest.raises(JournalError, match=r"x\.cue\.part is in the way, and is no unfinished journal"):
        compact(journal)
    assert part.read_text() == "notes"
    part.write_bytes(b"SQLite format 3\0 and half of the rest")
    compact(journal)
    assert not part.exists()
