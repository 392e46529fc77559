"""What every medium promises: a journal is there whole or not at all, and all that is done to one works on each."""

from __future__ import annotations

import pytest

from cuebook.errors import JournalBusy, JournalCorrupt, JournalError
from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.records.record import Entry, Record
from cuebook.persistence.records.run_heads import Forgetting
from cuebook.persistence.stores.port import Medium
from cuebook.persistence.trust.verdicts import Writers
from cuebook.persistence.upkeep.backup import backup
from cuebook.persistence.upkeep.compaction import compact
from cuebook.persistence.upkeep.salvage import recover
from cuebook.persistence.upkeep.verification import verify
from cuebook.persistence.values import ValueEncoder
from tests.conformance.conftest import MakeMedium
from tests.support.journals import closed, completed, opened, run, state
from tests.support.rows import row
from tests.support.salvage import contents, forget

pytestmark = pytest.mark.quick

LARGE = bytes(range(256)) * 4096


def write(medium: Medium, *batches: list[Entry], states: dict[int, bytes] | None = None) -> None:
    async def work() -> None:
        async with await JournalWriter.open(medium) as journal:
            for batch in batches:
                await journal.append(batch, states=states or {})

    run(work())


def read(medium: Medium) -> list[Record]:
    with open_reader(medium) as reader:
        return list(reader.records())


def seqs(medium: Medium) -> list[int]:
    with medium.reading(Writers.NOBODY) as reading:
        return [found[0] for found in reading.scan()]


def test_a_place_without_a_journal_can_be_asked_for_one(medium: Medium) -> None:
    assert not medium.is_there()
    assert medium.key() is None
    assert medium.name
    medium.check_free()
    with pytest.raises(JournalError), medium.reading(Writers.NOBODY):
        pass
    with pytest.raises(JournalError), medium.salvaging():
        pass


def test_a_place_has_one_name_and_what_is_there_one_key(make: MakeMedium) -> None:
    write(make("a.cue"))
    write(make("b.cue"))
    assert make("a.cue").name == make("a.cue").name != make("b.cue").name
    assert make("a.cue").key() == make("a.cue").key()
    assert make("a.cue").key() is None or make("a.cue").key() != make("b.cue").key()
    assert make("a.cue").is_there()
    assert make("a.cue").size_bytes() > 0
    assert make("a.cue").verdict().writers is Writers.NOBODY


def test_what_is_created_is_there_when_the_block_ends_and_not_before(medium: Medium) -> None:
    with medium.creating() as new:
        new.insert([row(1), row(2)], [(2, b"state")])
        new.insert([row(3)])
        assert not medium.is_there()
    assert seqs(medium) == [1, 2, 3]
    with medium.reading(Writers.NOBODY) as reading:
        assert (reading.states(), reading.state(2)) == ([2], b"state")


def test_of_what_is_not_finished_nothing_is_there(medium: Medium) -> None:
    with pytest.raises(ZeroDivisionError), medium.creating() as new:
        new.insert([row(1)])
        raise ZeroDivisionError
    assert not medium.is_there()
    medium.check_free()


def test_nothing_is_created_where_there_is_a_journal(medium: Medium) -> None:
    write(medium)
    with pytest.raises(JournalError, match="exists already"):
        medium.check_free()
    with pytest.raises(JournalError, match="exists already"), medium.creating():
        pass
    assert seqs(medium) == [1]


def test_what_is_replaced_is_the_old_one_or_the_new_one(medium: Medium) -> None:
    write(medium, [opened(), completed(0)])
    before = read(medium)
    with pytest.raises(ZeroDivisionError), medium.replacing() as new:
        new.insert([row(1)])
        raise ZeroDivisionError
    assert read(medium) == before
    with medium.replacing() as new:
        new.insert([row(1), row(2)])
        assert len(seqs(medium)) == 3
    assert seqs(medium) == [1, 2]


def test_a_journal_goes_on_where_it_was_left(medium: Medium) -> None:
    write(medium, [opened(), completed(0)])
    write(medium, [completed(1), closed()])
    assert [record.seq for record in read(medium)] == [1, 2, 3, 4, 5]
    assert verify(medium).ok


def test_two_writers_are_kept_apart_and_a_reader_is_told_of_one(medium: Medium) -> None:
    async def work() -> None:
        async with await JournalWriter.open(medium) as journal:
            await journal.append([opened()])
            with open_reader(medium) as reader:
                assert reader.holder() == journal.holder
                assert reader.last_seq == 2
            with pytest.raises(JournalBusy):
                compact(medium)

    run(work())
    with open_reader(medium) as reader:
        assert reader.holder() is None


def test_a_journal_that_is_shorter_than_was_noted_is_refused_and_says_what_to_do(medium: Medium) -> None:
    write(medium, [opened(), completed(0)])
    with medium.reading(Writers.NOBODY) as reading:
        rows = list(reading.scan())[:2]
    with medium.replacing() as new:
        new.insert(rows)
    with pytest.raises(JournalCorrupt, match=r"1 committed results are missing.*\? To go on without them, "):
        open_reader(medium)
    with pytest.raises(JournalCorrupt, match="1 committed results are missing"):
        write(medium)
    assert len(read_all(medium)) == 2


def read_all(medium: Medium) -> list[Record]:
    with open_reader(medium, check_end=False) as reader:
        return list(reader.records())


def with_blob(medium: Medium) -> list[Record]:
    """A journal of two runs, the first forgotten, with a result in a blob and a state."""
    value = ValueEncoder(blobs=medium.blobs(), blob_bytes=1000).encode(LARGE)
    entries = [opened(1), completed(0, b"old"), opened(2), completed(0, value, run=2), state(1, b"half", run=2)]
    write(medium, entries, states={4: b"half"})
    write(medium, [forget(Forgetting.RUN, 1)])
    return read(medium)


def test_a_backup_in_whatever_place_is_the_same_journal(make: MakeMedium, make_other: MakeMedium) -> None:
    source, copy = make("a.cue"), make_other("b.cue")
    records = with_blob(source)
    assert backup(source, copy) == len(records)
    assert read(copy) == records
    assert verify(copy).ok
    assert verify(copy).blobs == 1
    with open_reader(source) as one, open_reader(copy) as two:
        assert one.journal_id == two.journal_id
        assert two.state(6) == b"half"
    write(copy, [closed(2)])
    assert len(read(copy)) == len(records) + 1
    with pytest.raises(JournalError, match="exists already"):
        backup(source, copy)


def test_a_backup_is_made_while_the_journal_is_written_to(make: MakeMedium, make_other: MakeMedium) -> None:
    async def work() -> None:
        async with await JournalWriter.open(make("a.cue")) as journal:
            await journal.append([opened(), completed(0)])
            assert backup(make("a.cue"), make_other("b.cue")) == 3
            await journal.append([completed(1)])

    run(work())
    assert len(read(make_other("b.cue"))) == 3


def test_compaction_leaves_what_is_still_asked_for(medium: Medium) -> None:
    records = with_blob(medium)
    done = compact(medium)
    assert (done.records_before, done.records_after, done.runs_dropped) == (len(records), 4, (1,))
    assert verify(medium).ok
    assert verify(medium).blobs == 1
    with open_reader(medium) as reader:
        assert reader.state(4) == b"half"
    write(medium, [closed(2)])
    assert len(read(medium)) == 5


def test_what_is_whole_is_saved_in_whatever_place(make: MakeMedium, make_other: MakeMedium) -> None:
    source, target = make("a.cue"), make_other("b.cue")
    records = with_blob(source)
    found = recover(source, target)
    assert (found.records, found.lost, found.blobs) == (len(records), (), 1)
    assert contents(read(target)) == contents(records)
    assert verify(target).ok
