"""Damage: whatever happens to the bytes of a journal is refused by name or does not matter; no wrong record is read."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from cuebook.errors import JournalBusy, JournalCorrupt, JournalError, UnsupportedVersion
from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.records.record import Record
from cuebook.persistence.stores.sqlite.schema import APPLICATION_ID
from cuebook.persistence.upkeep.verification import verify
from tests.support.journals import arguments, completed, opened, run, write

SWEEP = [pytest.mark.slow, pytest.mark.timeout(900)]
GOLDEN = Path(__file__).parent.parent.parent / "golden"
ENTRIES = [opened(), arguments(0, 40), *(completed(n, b"value %04d" % n * (1 + 90 * (n % 13 == 5))) for n in range(40))]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Record]]:
    """A journal closed cleanly, beside it the same one as a crash leaves it: its tail in the -wal."""
    folder = tmp_path_factory.mktemp("whole")
    path = folder / "a.cue"

    async def work() -> list[Record]:
        async with await JournalWriter.open(path) as journal:
            await journal.append(ENTRIES[:10])
        async with await JournalWriter.open(path) as journal:
            for number in range(10, len(ENTRIES), 8):
                await journal.append(ENTRIES[number : number + 8])
            crashed = folder / "crashed"
            crashed.mkdir()
            for name in ("a.cue", "a.cue-wal", "a.cue.lock"):
                shutil.copy(folder / name, crashed / name)
            return list(journal.records())

    return path, run(work())


def copied(source: Path, target: Path, *, lock: bool = True) -> Path:
    target.mkdir(exist_ok=True)
    for old in target.iterdir():
        old.unlink()
    for end in ("", "-wal") + ((".lock",) if lock else ()):
        if Path(f"{source}{end}").exists():
            shutil.copy(f"{source}{end}", target / f"a.cue{end}")
    return target / "a.cue"


def read_in_full(path: Path) -> list[Record]:
    async def work() -> list[Record]:
        async with await JournalWriter.open(path) as journal:
            heads = list(journal.records(bodies=False))
            found = list(journal.records())
            assert [each.head for each in heads] == [each.head for each in found]
            return found

    return run(work())


def check_harmless(path: Path, expected: list[Record], *, prefix: bool) -> bool:
    """Whether the damage was refused; where it was not, what is read must be what was committed."""
    try:
        with open_reader(path) as reader:
            found = list(reader.records())
    except JournalError:
        return True
    assert found == (expected[: len(found)] if prefix else expected)
    return False


def sweep(path: Path, name: str, expected: list[Record], step: int) -> int:
    target = path.with_name(name)
    data = bytearray(target.read_bytes())
    refused = 0
    for place in range(step // 2, len(data), step):
        data[place] ^= 1 << place % 8
        target.write_bytes(data)
        refused += check_harmless(path, expected, prefix=False)
        data[place] ^= 1 << place % 8
        for end in ("-shm",):
            Path(f"{path}{end}").unlink(missing_ok=True)
    target.write_bytes(data)
    return refused


@pytest.mark.parametrize("step", [37, pytest.param(1, marks=SWEEP)])
def test_a_flipped_bit_of_a_closed_journal_is_refused_or_harmless(
    whole: tuple[Path, list[Record]], tmp_path: Path, step: int
) -> None:
    path = copied(whole[0], tmp_path / "j")
    assert sweep(path, "a.cue", whole[1], step) > 50


@pytest.mark.parametrize("step", [61, pytest.param(1, marks=SWEEP)])
def test_a_flipped_bit_of_the_wal_is_refused_or_harmless(
    whole: tuple[Path, list[Record]], tmp_path: Path, step: int
) -> None:
    crashed = whole[0].parent / "crashed" / "a.cue"
    path = copied(crashed, tmp_path / "j")
    wal = Path(f"{path}-wal")
    data = wal.read_bytes()
    refused = 0
    for place in range(step // 2, len(data), step):
        path = copied(crashed, tmp_path / "j")
        wal.write_bytes(data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :])
        refused += check_harmless(path, whole[1], prefix=False)
    assert refused > len(data) // step // 2


@pytest.mark.parametrize("step", [211, pytest.param(1, marks=SWEEP)])
@pytest.mark.parametrize("lock", [True, False], ids=["with its lock file", "without its lock file"])
def test_a_journal_cut_at_any_length_is_refused_or_reads_what_is_there(
    whole: tuple[Path, list[Record]], tmp_path: Path, step: int, lock: bool
) -> None:
    data = whole[0].read_bytes()
    refused = 0
    for length in range(0, len(data), step):
        path = copied(whole[0], tmp_path / "j", lock=lock)
        path.write_bytes(data[:length])
        refused += check_harmless(path, whole[1], prefix=not lock)
    assert refused == len(range(0, len(data), step))


@pytest.mark.parametrize("step", [211, pytest.param(1, marks=SWEEP)])
def test_a_wal_cut_at_any_length_keeps_what_was_whole_before_the_cut(
    whole: tuple[Path, list[Record]], tmp_path: Path, step: int
) -> None:
    crashed = whole[0].parent / "crashed" / "a.cue"
    data = Path(f"{crashed}-wal").read_bytes()
    counts = []
    for length in range(0, len(data), step):
        path = copied(crashed, tmp_path / "j", lock=False)
        Path(f"{path}-wal").write_bytes(data[:length])
        assert not check_harmless(path, whole[1], prefix=True)
        with open_reader(path) as reader:
            counts.append(reader.last_seq)
        path = copied(crashed, tmp_path / "j")
        Path(f"{path}-wal").write_bytes(data[:length])
        if counts[-1] < len(whole[1]):
            with pytest.raises(JournalCorrupt, match="committed results are missing"):
                open_reader(path)
    assert counts == sorted(counts)
    assert counts[0] == 11
    assert len(set(counts)) > 3


def test_a_journal_as_a_crash_leaves_it_is_read_whole(whole: tuple[Path, list[Record]], tmp_path: Path) -> None:
    path = copied(whole[0].parent / "crashed" / "a.cue", tmp_path / "j")
    assert read_in_full(path) == whole[1]


def test_a_copy_without_its_wal_says_how_much_is_missing(whole: tuple[Path, list[Record]], tmp_path: Path) -> None:
    path = copied(whole[0].parent / "crashed" / "a.cue", tmp_path / "j")
    Path(f"{path}-wal").unlink()
    with pytest.raises(JournalCorrupt, match=rf"^{len(whole[1]) - 11} committed results are missing") as caught:
        read_in_full(path)
    assert caught.value.seq == 12
    Path(f"{path}.lock").unlink()
    assert read_in_full(path) == whole[1][:11]


def test_a_single_missing_record_is_noticed(tmp_path: Path) -> None:
    write(tmp_path / "a.cue", [opened()])
    shutil.copy(tmp_path / "a.cue", tmp_path / "shorter")
    write(tmp_path / "a.cue", [completed(0)])
    shutil.copy(tmp_path / "shorter", tmp_path / "a.cue")
    with pytest.raises(JournalCorrupt, match=r"^1 committed results are missing"):
        read_in_full(tmp_path / "a.cue")


def test_a_body_that_was_changed_through_sqlite_names_its_record(
    whole: tuple[Path, list[Record]], tmp_path: Path
) -> None:
    path = copied(whole[0], tmp_path / "j")
    connection = sqlite3.connect(path, isolation_level=None)
    trigger = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'records_never_updated'").fetchone()[0]
    connection.execute("DROP TRIGGER records_never_updated")
    connection.execute("UPDATE records SET body = x'2a' WHERE seq = 20")
    connection.execute(trigger)
    connection.close()
    with open_reader(path) as reader:
        records = reader.records()
        assert [next(records).seq for _ in range(19)] == list(range(1, 20))
        with pytest.raises(JournalCorrupt, match="record 20 ") as caught:
            next(records)
        assert caught.value.seq == 20
    report = verify(path)
    assert (report.ok, report.records, report.bad_record) == (False, 19, 20)


def test_a_trigger_that_was_taken_out_is_noticed(whole: tuple[Path, list[Record]], tmp_path: Path) -> None:
    path = copied(whole[0], tmp_path / "j")
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("DROP TRIGGER records_never_updated")
    connection.close()
    with pytest.raises(JournalCorrupt, match="its tables are not those"):
        read_in_full(path)


def test_records_cut_off_and_replaced_by_others_are_noticed(whole: tuple[Path, list[Record]], tmp_path: Path) -> None:
    path = copied(whole[0], tmp_path / "j")
    other = copied(whole[0].parent / "crashed" / "a.cue", tmp_path / "other", lock=False)
    Path(f"{other}-wal").unlink()
    write(other, [completed(0, b"another past")] * 50)
    shutil.copy(other, path)
    with pytest.raises(JournalCorrupt, match="is not the one committed"):
        read_in_full(path)
    with pytest.raises(JournalCorrupt, match="is not the one committed"):
        open_reader(path)


@pytest.mark.parametrize(
    "content", [b"x", b"plain text", b"# a script\n" * 1000, b"\x80\x04\x95" + bytes(5000), bytes(8192)]
)
def test_a_file_that_is_no_journal_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    for opening in (read_in_full, open_reader):
        with pytest.raises(JournalCorrupt, match="not a cuebook journal"):
            opening(path)  # type: ignore[operator]
    assert path.read_bytes() == content


def test_another_sqlite_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("CREATE TABLE t (a)")
    connection.close()
    content = path.read_bytes()
    for opening in (read_in_full, open_reader):
        with pytest.raises(JournalCorrupt, match="an SQLite database, but not a cuebook journal"):
            opening(path)  # type: ignore[operator]
    assert path.read_bytes() == content


def test_a_journal_of_a_future_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "future.journal"
    shutil.copy(GOLDEN / "future.journal", path)
    content = path.read_bytes()
    for opening in (read_in_full, open_reader, verify):
        with pytest.raises(UnsupportedVersion, match="format 2, this cuebook reads up to 1"):
            opening(path)  # type: ignore[operator]
    assert path.read_bytes() == content


def test_a_journal_of_format_1_as_it_was_first_written_is_read_and_continued(tmp_path: Path) -> None:
    path = tmp_path / "first.cue"
    shutil.copy(GOLDEN / "format1.journal", path)
    found = read_in_full(path)
    assert [each.seq for each in found] == list(range(1, 7))
    assert found[-1].hash.hex() == (GOLDEN / "format1.hash").read_text().strip()
    assert len(write(path, [opened(2)])) == 7


def test_an_empty_file_becomes_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "a.cue"
    path.touch()
    assert len(write(path, [opened()])) == 2


def test_an_emptied_journal_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "a.cue"
    write(path, [opened()])
    path.write_bytes(b"")
    with pytest.raises(JournalCorrupt, match="is empty, but 2 records were committed"):
        read_in_full(path)
    with pytest.raises(JournalCorrupt, match="is empty, but 2 records were committed"):
        open_reader(path)


def test_a_deleted_journal_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.cue"
    write(path, [opened()])
    path.unlink()
    assert len(write(path, [opened(), completed(0)])) == 3


def test_another_journal_at_the_same_path_is_not_measured_by_the_old_one(tmp_path: Path) -> None:
    write(tmp_path / "a.cue", [opened()] * 1, [completed(n) for n in range(30)])
    write(tmp_path / "b.cue", [opened()])
    (tmp_path / "b.cue").replace(tmp_path / "a.cue")
    assert len(read_in_full(tmp_path / "a.cue")) == 2


def test_a_failed_opening_leaves_the_lock_free(tmp_path: Path) -> None:
    path = tmp_path / "a.cue"
    path.write_text("plain text")
    for _ in range(3):
        with pytest.raises(JournalCorrupt):
            read_in_full(path)
    path.unlink()
    assert len(write(path, [opened()])) == 2


def test_the_application_id_is_that_of_the_format_page() -> None:
    assert APPLICATION_ID.to_bytes(4, "big") == b"CUEB"
    assert issubclass(JournalBusy, JournalError)
