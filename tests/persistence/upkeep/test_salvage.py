"""Recovery keeps what is provably as it was committed, names what is lost, and lets no wrong value in."""

from __future__ import annotations

from pathlib import Path

import pytest

from cuebook.errors import JournalCorrupt
from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.records.run_heads import JournalOpened
from cuebook.persistence.upkeep.salvage import recover
from cuebook.persistence.upkeep.verification import verify
from tests.support.journals import arguments, closed, completed, opened, run, state, write
from tests.support.salvage import contents, read, replayed, reused, tamper


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "a.cue"
    write(path, [opened(), arguments(0, 30)], [completed(n, b"value %d" % n) for n in range(30)], [closed()])
    return path


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
        async with await JournalWriter.open(tmp_path / "a.cue") as live:
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
