"""Verify names what is wrong, backup copies a live journal, recover keeps what is whole, compact what counts."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from cuebook.persistence.blob_references import blob_references
from cuebook.persistence.blobs import BlobStore
from cuebook.persistence.heads import Forgetting, Forgotten, JournalOpened, Reused
from cuebook.persistence.journal import JournalFile
from cuebook.persistence.reading import open_reader
from cuebook.persistence.record import Entry, Kind, Record
from cuebook.persistence.replay import JournalState
from cuebook.persistence.salvage import backup, compact, recover, verify
from cuebook.persistence.values import ValueEncoder
from cuebook.runtime.errors import JournalBusy, JournalCorrupt, JournalError
from tests.support.journals import arguments, closed, completed, opened, run, state, write

LARGE = bytes(range(256)) * 2000


def reused(*ranges: tuple[int, int, int, int], run_number: int = 2) -> Entry:
    return Entry(Kind.REUSED, run_number, Reused(ranges).encode())


def forget(what: Forgetting, number: int | None = None, index: int | None = None) -> Entry:
    return Entry(Kind.FORGOTTEN, 0, Forgotten(what, number, None, index, 1.5).encode())


def read(path: Path) -> list[Record]:
    with open_reader(path) as reader:
        return list(reader.records())


def replayed(path: Path) -> JournalState:
    with open_reader(path) as reader:
        return reader.replay()


def tamper(path: Path, *statements: str) -> None:
    """Change what the triggers would refuse, and leave the schema as it was."""
    connection = sqlite3.connect(path, isolation_level=None)
    triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        connection.execute(statement)
    for _, sql in triggers:
        connection.execute(sql)
    connection.close()


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "a.cue"
    write(path, [opened(), arguments(0, 30)], [completed(n, b"value %d" % n) for n in range(30)], [closed()])
    return path


# --- verify -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deep", [True, False])
def test_a_whole_journal_is_found_whole(journal: Path, deep: bool) -> None:
    report = verify(journal, deep=deep)
    assert (report.ok, report.records, report.bad_record, report.reason) == (True, 34, None, "")


def test_a_live_journal_is_verified(tmp_path: Path) -> None:
    async def work() -> None:
        async with await JournalFile.open(tmp_path / "a.cue") as live:
            await live.append([opened(), completed(0)])
            assert verify(tmp_path / "a.cue").ok

    run(work())


@pytest.mark.parametrize(
    ("statement", "bad", "reason", "shallow"),
    [
        ("UPDATE records SET body = x'00' WHERE seq = 12", 12, "record 12 is damaged", False),
        ("UPDATE records SET head = x'00' WHERE seq = 12", 12, "record 12 is damaged", True),
        ("UPDATE records SET run = 3 WHERE seq = 12", 12, "record 12 is damaged", True),
        ("UPDATE records SET hash = x'00' WHERE seq = 12", 12, "record 12 is damaged", True),
        ("DELETE FROM records WHERE seq = 12", 12, "record 12 is missing", True),
        ("DELETE FROM records WHERE seq >= 30", 30, "5 committed results are missing", True),
        ("DELETE FROM records WHERE seq = 1", 1, "record 1 is missing", True),
    ],
)
def test_the_first_bad_record_is_named(journal: Path, statement: str, bad: int, reason: str, shallow: bool) -> None:
    tamper(journal, statement)
    report = verify(journal)
    assert (report.ok, report.bad_record, report.records) == (False, bad, bad - 1)
    assert reason in report.reason
    assert verify(journal, deep=False).ok is not shallow


def test_a_damaged_state_is_found(tmp_path: Path) -> None:
    async def work() -> None:
        async with await JournalFile.open(tmp_path / "a.cue") as live:
            await live.append([opened(), state(0, b"half")], states={1: b"half"})

    run(work())
    assert verify(tmp_path / "a.cue").ok
    tamper(tmp_path / "a.cue", "UPDATE states SET body = x'00'")
    report = verify(tmp_path / "a.cue")
    assert not report.ok
    assert report.bad_record == 3
    assert "the state kept by record 3" in report.reason


def test_damaged_pages_are_named(journal: Path) -> None:
    data = bytearray(journal.read_bytes())
    data[2 * 4096 + 5] ^= 0xFF
    journal.write_bytes(data)
    report = verify(journal)
    assert not report.ok
    assert report.reason
    assert "page" in " ".join(report.bad_pages).lower() or "malformed" in report.reason


def blob_journal(path: Path) -> tuple[BlobStore, bytes, bytes]:
    """A journal of two results in blobs, one of them of a forgotten run; gives their digests."""
    blobs = BlobStore(path.with_name(path.name + ".blobs"))
    encoder = ValueEncoder(blobs=blobs, blob_bytes=1000)
    first, second = encoder.encode(LARGE), encoder.encode([1, (2, {"deep": LARGE[::-1]})])
    entries = [opened(1), completed(0, first), closed(1), opened(2), completed(0, second, run=2), closed(2)]
    write(path, [*entries, forget(Forgetting.RUN, 1)])
    (one,), (two,) = blob_references(first), blob_references(second)
    return blobs, one, two


def test_references_to_blobs_are_found_and_nothing_else_is(tmp_path: Path) -> None:
    blobs, one, two = blob_journal(tmp_path / "a.cue")
    assert set(blobs.digests()) == {one, two}
    assert list(blob_references(LARGE)) == []
    assert list(blob_references(None)) == []


def test_blobs_are_verified(tmp_path: Path) -> None:
    blobs, one, two = blob_journal(tmp_path / "a.cue")
    report = verify(tmp_path / "a.cue")
    assert (report.ok, report.blobs) == (True, 2)
    damaged = Path(blobs.path_of(one))
    damaged.write_bytes(b"x" + damaged.read_bytes()[1:])
    blobs.remove(two)
    report = verify(tmp_path / "a.cue")
    assert not report.ok
    assert [digest for digest, _ in report.bad_blobs] == [one.hex(), two.hex()]
    assert "record 6 refers to it" in report.bad_blobs[1][1]
    assert verify(tmp_path / "a.cue", deep=False).ok


# --- backup -----------------------------------------------------------------------------------------------------------


def test_a_live_journal_is_copied_with_its_tail_and_its_blobs(tmp_path: Path) -> None:
    path, new = tmp_path / "a.cue", tmp_path / "copies" / "b.cue"
    blob_journal(path)

    async def work() -> None:
        async with await JournalFile.open(path) as live:
            await live.append([opened(3), completed(0, run=3)])
            assert backup(path, new) == 10
            await live.append([completed(1, run=3)])
            assert live.journal_id == open_reader_id(new)

    run(work())
    assert read(new) == read(path)[:10]
    assert verify(new).ok
    assert verify(new).blobs == 2
    assert new.stat().st_mode & 0o777 == 0o600
    assert len(write(new, [closed(3)])) == 11


def open_reader_id(path: Path) -> bytes:
    with open_reader(path) as reader:
        return reader.journal_id


def test_a_backup_that_loses_its_end_says_so(journal: Path, tmp_path: Path) -> None:
    backup(journal, tmp_path / "b.cue")
    tamper(tmp_path / "b.cue", "DELETE FROM records WHERE seq > 20")
    with pytest.raises(JournalCorrupt, match="14 committed results are missing"):
        read(tmp_path / "b.cue")


@pytest.mark.parametrize("action", [backup, recover])
def test_nothing_is_ever_overwritten(journal: Path, tmp_path: Path, action: Callable[[Path, Path], object]) -> None:
    (tmp_path / "b.cue").write_text("precious")
    with pytest.raises(JournalError, match="exists already"):
        action(journal, tmp_path / "b.cue")
    with pytest.raises(JournalError, match="exists already"):
        action(journal, journal)
    assert (tmp_path / "b.cue").read_text() == "precious"
    with pytest.raises(JournalError, match="there is no journal"):
        action(tmp_path / "nothing.cue", tmp_path / "c.cue")
    assert not (tmp_path / "c.cue").exists()


# --- recover ----------------------------------------------------------------------------------------------------------


def contents(records: list[Record]) -> list[tuple[Kind, int, bytes, bytes | None]]:
    return [(each.kind, each.run, each.head, each.body) for each in records[1:]]


def test_a_whole_journal_is_recovered_whole(journal: Path, tmp_path: Path) -> None:
    found = recover(journal, tmp_path / "b.cue")
    assert (found.records, found.lost) == (34, ())
    assert contents(read(tmp_path / "b.cue")) == contents(read(journal))
    head = JournalOpened.decode(read(tmp_path / "b.cue")[0].head)
    assert head.compacted_seq == 34
    assert head.compacted_id == JournalOpened.decode(read(journal)[0].head).journal_id
    assert verify(tmp_path / "b.cue").ok


@pytest.mark.parametrize(
    ("statement", "lost"),
    [
        ("UPDATE records SET body = x'00' WHERE seq IN (12, 20)", [12, 20]),
        ("UPDATE records SET head = x'00' WHERE seq = 12", [12]),
        ("UPDATE records SET hash = x'00' WHERE seq = 12", [12, 13]),
        ("DELETE FROM records WHERE seq = 12", [12, 13]),
        ("DELETE FROM records WHERE seq >= 30", [30, 31, 32, 33, 34]),
        ("DELETE FROM records WHERE seq = 1", [1, 2, *range(3, 35)]),
    ],
)
def test_what_is_whole_is_kept_and_what_is_lost_is_named(
    journal: Path, tmp_path: Path, statement: str, lost: list[int]
) -> None:
    expected = [each for each in read(journal) if each.seq not in lost]
    tamper(journal, statement)
    found = recover(journal, tmp_path / "b.cue")
    assert [seq for first, last in found.lost for seq in range(first, last + 1)] == lost
    assert found.records == len(expected)
    if expected:
        assert contents(read(tmp_path / "b.cue")) == contents(expected)
    assert verify(tmp_path / "b.cue").ok


def test_every_page_that_is_wiped_costs_its_own_records_and_no_other_value(journal: Path, tmp_path: Path) -> None:
    whole = {(each.kind, each.head, each.body) for each in read(journal)}
    data = journal.read_bytes()
    kept = []
    for page in range(1, len(data) // 4096):
        journal.write_bytes(data[: page * 4096] + bytes(4096) + data[(page + 1) * 4096 :])
        target = tmp_path / f"{page}.cue"
        try:
            found = recover(journal, target)
        except JournalCorrupt:
            kept.append(0)
            continue
        kept.append(found.records)
        assert {(each.kind, each.head, each.body) for each in read(target)[1:]} <= whole
    assert len(kept) >= 2
    assert max(kept) > 0


def test_a_journal_whose_first_page_is_damaged_is_recovered(journal: Path, tmp_path: Path) -> None:
    expected = contents(read(journal))
    data = journal.read_bytes()
    for place, damage in ((0, bytes(100)), (0, bytes(4096)), (300, b"\xff" * 50), (68, b"\x09")):
        journal.write_bytes(data[:place] + damage + data[place + len(damage) :])
        target = tmp_path / f"b{place}{len(damage)}.cue"
        recover(journal, target)
        assert contents(read(target)) == expected


def test_a_range_of_results_whose_source_is_lost_is_cut_down(tmp_path: Path) -> None:
    path = tmp_path / "a.cue"
    entries = [opened(1), *(completed(n) for n in range(4)), opened(2), reused((1, 0, 0, 4)), completed(4, run=2)]
    write(path, entries)
    tamper(path, "UPDATE records SET body = x'00' WHERE seq = 4")
    recover(path, tmp_path / "b.cue")
    found = replayed(tmp_path / "b.cue")
    assert list(found.runs[2].done) == [1, 0, 1, 1, 1]


def test_states_are_recovered_unless_they_are_damaged(tmp_path: Path) -> None:
    async def work() -> None:
        async with await JournalFile.open(tmp_path / "a.cue") as live:
            await live.append([opened(), state(0, b"one"), state(1, b"two")], states={1: b"one", 2: b"two"})

    run(work())
    tamper(tmp_path / "a.cue", "UPDATE states SET body = x'00' WHERE seq = 4")
    recover(tmp_path / "a.cue", tmp_path / "b.cue")
    with open_reader(tmp_path / "b.cue") as reader:
        assert reader.states() == [3]
        assert reader.state(3) == b"one"


def test_a_file_with_nothing_to_recover_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("plain text " * 1000)
    with pytest.raises(JournalCorrupt):
        recover(tmp_path / "a.txt", tmp_path / "b.cue")
    assert not (tmp_path / "b.cue").exists()


# --- compact ----------------------------------------------------------------------------------------------------------


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
        async with await JournalFile.open(path) as live:
            await live.append([opened(), state(0, b"zero"), state(1, b"one")], states={1: b"zero", 2: b"one"})
        async with await JournalFile.open(path) as live:
            await live.append([completed(0)])  # by a process that knows of no states

    run(work())
    with open_reader(path) as reader:
        assert reader.states() == [3, 4]
    compact(path)
    with open_reader(path) as reader:
        assert reader.states() == [4]
        assert reader.state(4) == b"one"


def test_a_journal_in_use_is_not_compacted(tmp_path: Path) -> None:
    async def work() -> None:
        async with await JournalFile.open(tmp_path / "a.cue") as live:
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
        async with await JournalFile.open(tmp_path / "a.cue") as live:
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
        async with await JournalFile.open(tmp_path / "a.cue") as live:
            await live.append([opened(1), completed(0), opened(2), completed(0, b"x" * 9000, run=2)])
            await live.append([forget(Forgetting.RUN, 1)])
            for name in ("a.cue", "a.cue-wal"):
                shutil.copy(tmp_path / name, path.parent / name)

    run(work())

    def killed(_: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cuebook.persistence.compaction._drop_side_files", killed)
    with pytest.raises(KeyboardInterrupt):
        compact(path)
    assert contents(read(path)) == contents(read(tmp_path / "a.cue"))[2:4]
    assert verify(path).ok


def test_there_must_be_a_journal_to_compact(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="there is no journal"):
        compact(tmp_path / "a.cue")
    assert list(tmp_path.iterdir()) == []
