"""What a journal lists of itself is what it holds, whatever became of it; and where it does not fit, it counts nothing."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cuebook import JournalCorrupt, JournalError, chunk
from cuebook.persistence.journal import contents
from cuebook.persistence.journal.contents import LISTED, listing
from cuebook.persistence.journal.reader import Reader, open_reader
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.recall import recalled as recalling
from cuebook.persistence.records.contents_heads import Contents, contents_entry
from cuebook.persistence.records.record import Entry, Kind, Record
from cuebook.persistence.records.row import Row
from cuebook.persistence.upkeep.backup import backup
from cuebook.persistence.upkeep.compaction import compact
from cuebook.persistence.upkeep.salvage import recover
from cuebook.persistence.upkeep.verification import verify
from cuebook.testing.faults import Fault, JournalFaults
from cuebook.testing.memory_medium import MemoryMedium
from cuebook.testing.memory_store import MemoryStore
from tests.support.journals import add, closed, completed, opened, run, write
from tests.support.salvage import tamper


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "_FIRST_RECORDS", 5)
    monkeypatch.setattr(contents, "_RECORDS_MIN", 3)
    monkeypatch.setattr(contents, "_SLACK_RECORDS", 2)
    monkeypatch.setattr(recalling, "_WHOLE_MAX", 0)


def life(number: int, results: int = 3) -> list[Entry]:
    return [opened(number), *(completed(n, run=number) for n in range(results)), closed(number)]


def told(reader: Reader) -> list[int]:
    """The numbers of all listed records, as the journal tells them."""
    end = reader.last_seq
    first, *listed = listing(reader, end).records(reader, end)
    assert first.seq == 1
    return [each.seq for each in listed]


def there(reader: Reader) -> list[int]:
    return [each.seq for each in reader.records(kinds=sorted(LISTED), bodies=False)]


def parts(path: Path) -> list[int]:
    with open_reader(path) as reader:
        return [each.seq for each in reader.records(kinds=(Kind.CONTENTS,))]


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1 << 32), batches=st.integers(1, 12), opens=st.integers(1, 3))
def test_what_is_listed_is_what_there_is(
    tmp_path_factory: pytest.TempPathFactory, seed: int, batches: int, opens: int
) -> None:
    chance, path, number = random.Random(seed), tmp_path_factory.mktemp("contents") / "x.cue", 0
    for _ in range(opens):
        if chance.random() < 0.5:
            contents._left.clear()  # as another process finds it
        written = list[list[Entry]]()
        for _ in range(batches):
            number += 1
            written.append(life(number, chance.randrange(5)))
        write(path, *written)
        with open_reader(path) as reader:
            assert told(reader) == there(reader)
        assert next_run(path) == number + 1
    assert verify(path).ok


def next_run(path: Path) -> int:
    async def ask() -> int:
        async with await JournalWriter.open(path) as journal:
            return journal.next_run()

    return run(ask())


def test_numbers_of_records_are_those_that_were_asked_for(tmp_path: Path) -> None:
    async def work() -> None:
        async with await JournalWriter.open(tmp_path / "x.cue") as journal:
            for number in range(1, 8):
                seqs = await journal.append(life(number))
                assert [journal.record(seq).run for seq in seqs] == [number] * 5
            assert [each.kind for each in journal.records()].count(Kind.CONTENTS) > 3

    run(work())


@pytest.mark.parametrize("fault", [Fault.FAIL, Fault.TORN_KEPT, Fault.TORN_LOST])
def test_after_a_commit_of_unknown_fate_the_list_is_still_right(fault: Fault) -> None:
    async def work(at: int) -> None:
        faults = JournalFaults()
        faults.at(at, fault)
        async with await JournalWriter.open(MemoryMedium(MemoryStore(faults), "memory")) as journal:
            for number in range(1, 9):
                try:
                    await journal.append(life(number))
                except JournalError:
                    await journal.append(life(number))
            found = listing(journal, journal.last_seq)
            behind = [each.seq for each in journal.records(after=found.until) if each.kind in LISTED]
            assert [*found.seqs, *behind] == [each.seq for each in journal.records() if each.kind in LISTED]

    for at in range(2, 9):
        run(work(at))


class CancelledOnce(MemoryStore):
    """Keeps its third batch, but whoever waits for that is told that it was cancelled, as by a loop that ends."""

    inserts = 0

    async def insert(
        self, rows: Sequence[Row], states: Sequence[tuple[int, bytes]] = (), drop_states: Sequence[int] = ()
    ) -> None:
        await super().insert(rows, states, drop_states)
        self.inserts += 1
        if self.inserts == 3:
            raise asyncio.CancelledError


def test_what_was_stored_behind_a_cancelled_commit_is_listed() -> None:
    async def work() -> None:
        async with await JournalWriter.open(MemoryMedium(CancelledOnce(), "memory")) as journal:
            for number in range(1, 9):
                with contextlib.suppress(asyncio.CancelledError):
                    await journal.append(life(number))
            opened_runs = [each.run for each in journal.records(kinds=(Kind.RUN_OPENED,))]
            listed = [each.seq for each in listing(journal, journal.last_seq).records(journal, journal.last_seq)][1:]
            assert opened_runs == list(range(1, 9))
            assert listed == [each.seq for each in journal.records() if each.kind in LISTED]

    run(work())


def test_the_number_of_the_next_run_is_known_though_the_last_one_was_opened_long_ago(tmp_path: Path) -> None:
    path = tmp_path / "x.cue"
    write(path, *(life(number) for number in range(1, 4)), *([completed(n, run=3)] for n in range(1, 60)))
    contents._left.clear()
    assert next_run(path) == 4


def test_a_journal_without_a_list_gets_one_from_its_next_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.cue"
    with monkeypatch.context() as patch:
        patch.setattr(contents, "_FIRST_RECORDS", 1000)
        write(path, *(life(number) for number in range(1, 9)))
    assert not parts(path)
    with open_reader(path) as reader:
        assert told(reader) == there(reader)
    write(path, life(9))
    assert len(parts(path)) == 1
    with open_reader(path) as reader:
        assert told(reader) == there(reader) and listing(reader, reader.last_seq).until > 40


@pytest.mark.parametrize("change", ["body = x'00'", "head_check = 1", "body = NULL", "kind = 28"])
def test_a_damaged_part_costs_time_and_is_left_out_from_then_on(tmp_path: Path, change: str) -> None:
    path = tmp_path / "x.cue"
    write(path, *(life(number) for number in range(1, 9)))
    *_, damaged = (seq for seq in parts(path) if seq < 48)
    tamper(path, f"UPDATE records SET {change} WHERE seq = {damaged}")
    contents._left.clear()
    if "body" in change:
        with open_reader(path) as reader:
            assert listing(reader, reader.last_seq).since == damaged and told(reader) == there(reader)
        add(path, life(9), life(10))
        with open_reader(path) as reader:
            assert listing(reader, reader.last_seq).until > damaged and told(reader) == there(reader)
    assert verify(path).bad_record == damaged


def test_parts_that_lie_are_found_by_verify_and_give_no_wrong_value(tmp_path: Path) -> None:
    path, made = tmp_path / "x.cue", list[int]()

    def f(n: int) -> int:
        made.append(n)
        return 2 * n

    for first in range(0, 20, 4):
        chunk(f, [[n] for n in range(first, first + 4)], path=path, where="thread")
    lies = [contents_entry(0, 99, [3]), contents_entry(0, 1, []), contents_entry(0, 10**6, range(2, 20))]
    for lie in lies:
        copy = tmp_path / f"{lies.index(lie)}.cue"
        backup(path, copy)
        write(copy, [lie])
        recalling._known.clear()
        contents._left.clear()
        try:
            assert chunk(f, [[n] for n in range(20)], path=copy, where="thread") == [2 * n for n in range(20)]
        except JournalCorrupt as error:
            assert "record" in str(error)
        assert "lists other records than there are" in verify(copy).reason


def test_a_journal_that_is_written_anew_lists_its_own_records(tmp_path: Path) -> None:
    path, made = tmp_path / "x.cue", list[int]()

    def f(n: int) -> int:
        made.append(n)
        return 2 * n

    for first in range(0, 20, 4):
        chunk(f, [[n] for n in range(first, first + 4)], path=path, where="thread")
    backup(path, tmp_path / "backup.cue")
    recover(path, tmp_path / "recovered.cue")
    compact(path)
    for copy in (path, tmp_path / "backup.cue", tmp_path / "recovered.cue"):
        recalling._known.clear()
        assert verify(copy).ok and parts(copy)
        with open_reader(copy) as reader:
            assert told(reader) == there(reader)
        chunk(f, [[n] for n in range(20)], path=copy, where="thread")
    assert sorted(made) == list(range(20))


@given(st.integers(-2, 5), st.integers(-2, 5), st.lists(st.integers(0, (1 << 64) - 1), max_size=4))
@settings(max_examples=50, deadline=None)
def test_what_no_record_can_list_is_refused(before: int, count: int, listed: list[int]) -> None:
    entry = contents_entry(0, 1, listed)
    head = Contents(before, count, 1)
    record = Record(9, Kind.CONTENTS, 0, head.encode(), entry.body, b"")
    is_right = before >= 0 and count == len(listed) and listed == sorted({*listed})
    if is_right and all(before < each < 9 for each in listed) and before < 9:
        assert list(head.listed(record)) == listed
    else:
        with pytest.raises(JournalCorrupt, match="record 9 lists what cannot be"):
            head.listed(record)
