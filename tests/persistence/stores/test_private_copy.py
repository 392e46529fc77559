"""A journal read in a copy: whole, of checked files, followed while it is written, and without harm to its writer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cuebook.errors import JournalError, JournalNotTrusted
from cuebook.persistence.history.summary import look
from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.stores.sqlite import private_copy as module
from cuebook.persistence.stores.sqlite import reading as sqlite_reading
from cuebook.persistence.stores.sqlite.private_copy import PrivateCopy
from cuebook.persistence.trust.verdicts import Writers
from cuebook.testing.memory_medium import MemoryMedium
from tests.support.journals import completed, opened, run, write


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    """One in which everybody can rename files."""
    found = tmp_path / "open"
    found.mkdir()
    found.chmod(0o777)
    return found


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_reading, "_REFRESH_SHARE", 0)


def copies_at(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.startswith("cuebook-")]


def test_where_others_can_exchange_files_a_copy_is_read_and_removed(
    open_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    expected = write(open_folder / "a.cue", [opened(), completed(0), completed(1)])
    before = sorted(os.listdir(open_folder))
    with open_reader(open_folder / "a.cue") as reader:
        assert list(reader.records()) == expected
        assert len(copies_at(tmp_path)) == 1
        assert (tmp_path / copies_at(tmp_path)[0]).stat().st_mode & 0o777 == 0o700
        assert reader.verdict().writers is Writers.ANYONE
    assert copies_at(tmp_path) == []
    assert sorted(os.listdir(open_folder)) == before


@pytest.mark.parametrize(("trust", "is_copied"), [(None, True), ("group", True), ("anyone", False)])
def test_it_is_read_where_it_is_by_who_trusts_everybody(
    open_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trust: str | None, is_copied: bool
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    write(open_folder / "a.cue", [opened()])
    if trust is not None:
        monkeypatch.setenv("CUEBOOK_TRUST", trust)
    with open_reader(open_folder / "a.cue"):
        assert bool(copies_at(tmp_path)) is is_copied


def test_a_copy_follows_a_live_journal_through_its_checkpoints(open_folder: Path) -> None:
    async def work() -> None:
        async with await JournalWriter.open(open_folder / "a.cue") as journal:
            await journal.append([opened()])
            with open_reader(open_folder / "a.cue") as reader:
                picture = look(reader)
                for count in range(1, 8):
                    await journal.append([completed(count, bytes(4_000_000))])  # a checkpoint every few of them
                    picture = look(reader, picture.state)
                    assert picture.state.runs[1].completed == count
                    assert reader.last_seq == journal.last_seq
                    assert len(list(reader.records())) == journal.last_seq

    run(work())


def test_what_is_copied_of_a_copy_is_one_picture_while_the_journal_goes_on(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_reading, "_REFRESH_SHARE", 0)  # taken anew whenever the journal has changed

    async def work() -> None:
        async with await JournalWriter.open(open_folder / "a.cue") as journal:
            await journal.append([opened(), completed(0)])
            with open_reader(open_folder / "a.cue") as reader:
                copied, seen = MemoryMedium(), reader.last_seq
                await journal.append([completed(1)])
                with copied.creating() as new:
                    reader.copy_into(new)
                with copied.reading(Writers.NOBODY) as found:
                    assert found.end() == seen
                assert reader.last_seq == seen + 1

    run(work())


EXCLUSIVELY = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
try:
    print(connection.execute("PRAGMA journal_mode = DELETE").fetchone())
except sqlite3.OperationalError as error:
    print(error)
"""


def test_a_copy_that_its_own_writer_takes_drops_none_of_its_locks(open_folder: Path) -> None:
    async def work() -> None:
        async with await JournalWriter.open(open_folder / "a.cue") as journal:
            await journal.append([opened()])
            for _ in range(3):
                with open_reader(open_folder / "a.cue") as reader:
                    assert reader.last_seq == 2
            command = [sys.executable, "-c", EXCLUSIVELY, str(open_folder / "a.cue")]
            done = subprocess.run(command, capture_output=True, text=True, timeout=30)
            assert done.stdout == "database is locked\n"
            await journal.append([completed(0)])

    run(work())
    with open_reader(open_folder / "a.cue") as reader:
        assert reader.last_seq == 3


def test_a_copy_stays_that_of_the_file_it_was_taken_of(open_folder: Path) -> None:
    write(open_folder / "a.cue", [opened()])
    write(open_folder / "b.cue", [opened(), completed(0)])
    with open_reader(open_folder / "a.cue") as reader:
        os.rename(open_folder / "b.cue", open_folder / "a.cue")
        assert reader.last_seq == 2
        assert len(list(reader.records())) == 2


def test_a_journal_that_changes_all_the_time_is_said_to(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = open_folder / "a.cue"
    write(path, [opened()])
    monkeypatch.setattr(module, "_TICK_NS", 0)
    monkeypatch.setattr(module, "_copy", touching(module._copy, path))
    with pytest.raises(JournalError, match="changes faster than it can be copied.*CUEBOOK_TRUST"):
        PrivateCopy(path)


def touching(copy, path: Path):
    def copied(descriptor: int, target: str) -> None:
        copy(descriptor, target)
        found = path.stat()
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns + 1))

    return copied


def test_a_wal_that_begins_anew_while_it_is_copied_is_copied_again(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, wal = open_folder / "a.cue", open_folder / "a.cue-wal"
    expected = write(path, [opened(), completed(0)])
    copied = list[str]()

    def copy(descriptor: int, target: str, inner=module._copy) -> None:
        inner(descriptor, target)
        copied.append(Path(target).name)
        if len(copied) == 1:
            wal.write_bytes(b"x" * 64)
        elif len(copied) == 3:
            wal.unlink()

    monkeypatch.setattr(module, "_copy", copy)
    with open_reader(path) as reader:
        assert list(reader.records()) == expected
    assert copied == ["journal", "journal-wal", "journal", "journal"]


def test_where_there_is_no_room_for_a_copy_that_is_said(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(open_folder / "a.cue", [opened()])
    monkeypatch.setattr(module, "_copy", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(JournalError, match="cannot be copied to .*No space left on device. TMPDIR"):
        open_reader(open_folder / "a.cue")


def test_what_is_exchanged_between_looking_and_copying_is_judged_as_it_was_copied(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = open_folder / "a.cue"
    write(path, [opened()])
    open_folder.chmod(0o1777)
    copy = module._copied_side

    def exchanged(source: str, target: str):
        if source.endswith("-wal"):
            Path(source).unlink(missing_ok=True)
            Path(source).symlink_to("/etc/passwd")
        return copy(source, target)

    monkeypatch.setattr(module, "_copied_side", exchanged)
    with pytest.raises(JournalNotTrusted, match="a.cue-wal is a link"):
        PrivateCopy(path)
