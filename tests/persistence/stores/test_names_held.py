"""Names beside a journal that are held, in folders where others may write."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from cuebook.errors import JournalError, JournalNotTrusted
from cuebook.persistence.history.replay import state_of
from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.stores.sqlite.files import JournalFiles
from cuebook.persistence.stores.sqlite.writing import SqliteStore
from cuebook.persistence.trust.verdicts import BLOBS, LOCK, Writers
from cuebook.persistence.upkeep.backup import backup
from cuebook.persistence.upkeep.compaction import compact
from cuebook.persistence.upkeep.verification import verify
from tests.persistence.stores.held import COMMANDS
from tests.support.journals import completed, opened, run, write
from tests.support.two_users import ATTACKER, needs_root, rollback_journal


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "a.cue"
    write(path, [opened(), completed(0)])
    for end in (LOCK, BLOBS):
        if (tmp_path / f"a.cue{end}").exists():
            (tmp_path / f"a.cue{end}").unlink()
    return path


# --- names held ---------------------------------------------------------------------------------------------------


def beside(path: Path) -> list[str]:
    return sorted(name.removeprefix(path.name) for name in os.listdir(path.parent) if name.startswith(f"{path.name}"))[
        1:
    ]


@pytest.fixture
def sticky(tmp_path: Path) -> Path:
    found = tmp_path / "tmp"
    found.mkdir()
    found.chmod(0o1777)
    return found


HELD = ["-journal", "-shm", "-wal", ".blobs", ".lock"]


def test_in_a_sticky_folder_the_names_are_ours_from_the_first_moment_to_after_the_last(sticky: Path) -> None:
    path = sticky / "a.cue"

    async def work() -> None:
        for number in range(2):
            async with await JournalWriter.open(path) as journal:
                assert beside(path) == HELD
                await journal.append([opened(number + 1), completed(0, run=number + 1)])
                assert beside(path) == HELD
                assert journal.verdict().writers is Writers.NOBODY
            assert beside(path) == HELD

    run(work())
    with open_reader(path) as reader:
        assert [record.seq for record in reader.records()] == [1, 2, 3, 4, 5]
        assert beside(path) == HELD
    compact(path)
    assert beside(path) == HELD
    backup(path, sticky / "b.cue")
    for each in (path, sticky / "b.cue"):
        with contextlib.closing(sqlite3.connect(each)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert verify(sticky / "b.cue").ok


WRITE_AND_DIE = """
import asyncio, os, sys
from cuebook.persistence.journal.writer import JournalWriter
from tests.support.journals import completed, opened
async def work():
    journal = await JournalWriter.open(sys.argv[1])
    await journal.append([opened(), completed(0)])
    os._exit(7)
asyncio.run(work())
"""


def test_a_killed_writers_journal_is_whole_with_its_names_held(sticky: Path) -> None:
    path = sticky / "a.cue"
    command = [sys.executable, "-c", WRITE_AND_DIE, str(path)]
    assert subprocess.run(command, timeout=60).returncode == 7
    assert beside(path) == HELD
    assert (sticky / "a.cue-wal").stat().st_size
    with open_reader(path) as reader:
        assert len(list(reader.records())) == 3
    assert write(path, [completed(1)])[-1].seq == 4


def test_on_a_network_file_system_the_rollback_journals_name_is_kept_by_emptying_it(
    sticky: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cuebook.persistence.stores.sqlite import writing as module
    from cuebook.persistence.stores.sqlite.location import Mount

    monkeypatch.setattr(module, "mount_of", lambda path: Mount("nfs4", is_network=True, locks_are_local=False))
    path, inodes = sticky / "a.cue", set[int]()

    async def work() -> None:
        store = SqliteStore(path)
        await store.open()
        for seq in range(1, 4):
            await store.insert([(seq, 1, 0, b"h" * 32, 0, b"head", b"body", None)])
            inodes.add((sticky / "a.cue-journal").stat().st_ino)
        with store.reading() as reading:
            assert [row[0] for row in reading.scan()] == [1, 2, 3]
        await store.close()

    run(work())
    assert len(inodes) == 1
    assert (sticky / "a.cue-journal").stat().st_size == 0


def test_in_a_folder_of_ones_own_no_name_is_held(tmp_path: Path) -> None:
    write(tmp_path / "a.cue", [opened()])
    assert beside(tmp_path / "a.cue") == [".lock"]
    backup(tmp_path / "a.cue", tmp_path / "b.cue")
    compact(tmp_path / "b.cue")
    assert beside(tmp_path / "b.cue") == [".lock"]


def test_a_file_that_takes_the_place_of_the_journal_is_not_read_beside_its_writer(tmp_path: Path) -> None:
    write(tmp_path / "b.cue", [opened()])

    async def work() -> None:
        async with await JournalWriter.open(tmp_path / "a.cue") as journal:
            await journal.append([opened()])
            os.rename(tmp_path / "b.cue", tmp_path / "a.cue")
            with pytest.raises(JournalError, match="was moved, replaced or deleted"):
                journal.record(1)
            with pytest.raises(JournalError, match="was moved, replaced or deleted"):
                journal.verdict()

    run(work())


def test_one_that_was_private_only_for_a_moment_is_not(tmp_path: Path) -> None:
    write(tmp_path / "a.cue", [opened()])
    (tmp_path / "a.cue").chmod(0o666)
    with JournalFiles(tmp_path / "a.cue") as files:
        (tmp_path / "a.cue").chmod(0o600)
        assert files.verdict().writers is Writers.ANYONE
    with JournalFiles(tmp_path / "a.cue") as files:
        assert files.verdict().writers is Writers.NOBODY
        (tmp_path / "a.cue").chmod(0o666)
        assert files.verdict().writers is Writers.ANYONE


@needs_root
def test_a_link_that_another_user_put_into_a_shared_folder_is_not_followed(sticky: Path, tmp_path: Path) -> None:
    write(tmp_path / "mine.cue", [opened()])
    (sticky / "a.cue").symlink_to(tmp_path / "mine.cue")
    with open_reader(sticky / "a.cue") as reader:  # one's own is followed
        assert reader.path == tmp_path / "mine.cue"
    os.chown(sticky / "a.cue", ATTACKER, ATTACKER, follow_symlinks=False)
    for command in COMMANDS.values():
        with pytest.raises(JournalNotTrusted, match=r"a\.cue is a link, made by"):
            command(sticky / "a.cue")


def test_folders_that_are_made_for_a_journal_are_ours_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write(tmp_path / "deep" / "er" / "a.cue", [opened()])
    finally:
        os.umask(before)
    for each in (tmp_path / "deep", tmp_path / "deep" / "er"):
        assert each.stat().st_mode & 0o022 == 0
    with open_reader(tmp_path / "deep" / "er" / "a.cue") as reader:
        assert reader.verdict().writers is Writers.NOBODY


@needs_root
@pytest.mark.parametrize("is_hostile", [True, False])
def test_a_folder_above_that_was_exchanged_while_sqlite_opened_the_journal_is_found_out(
    tmp_path: Path, is_hostile: bool
) -> None:
    """Before and after, every name leads to the victim's own files: only the descriptors tell."""
    tmp_path.chmod(0o777)
    path = tmp_path / "mine" / "a.cue"
    write(path, [opened()])
    shutil.copytree(tmp_path / "mine", tmp_path / "his")
    owner = ATTACKER if is_hostile else os.geteuid()
    os.chown(tmp_path / "his" / "a.cue", owner, owner)

    def exchange() -> None:
        for one, other in (("mine", "x"), ("his", "mine"), ("x", "his")):
            os.rename(tmp_path / one, tmp_path / other)

    def connected() -> sqlite3.Connection:
        exchange()
        connection = sqlite3.connect(path)
        connection.execute("SELECT count(*) FROM records").fetchone()
        exchange()
        return connection

    with JournalFiles(path) as files:
        if is_hostile:
            with pytest.raises(JournalError, match="was exchanged for another file"):
                files.opened(connected)
        else:  # a file of one's own harms nobody
            files.opened(connected).close()


@needs_root
def test_one_that_is_exchanged_for_a_moment_is_opened_at_the_next_try(
    tmp_path: Path,
) -> None:
    tmp_path.chmod(0o777)
    path = tmp_path / "mine" / "a.cue"
    write(path, [opened()])
    (tmp_path / "foreign").touch()
    os.chown(tmp_path / "foreign", ATTACKER, ATTACKER)
    meanwhile = list[IO[str]]()

    def connected() -> sqlite3.Connection:
        if len(meanwhile) < 2:  # as another thread of the program might
            meanwhile.append((tmp_path / "foreign").open())
        connection = sqlite3.connect(path)
        connection.execute("SELECT count(*) FROM records").fetchone()
        return connection

    with JournalFiles(path) as files:
        files.opened(connected).close()
    assert len(meanwhile) == 2
    for each in meanwhile:
        each.close()


@pytest.mark.parametrize("is_new", [True, False])
def test_until_the_switch_to_a_wal_the_rollback_journals_name_is_never_free(
    sticky: Path, monkeypatch: pytest.MonkeyPatch, is_new: bool
) -> None:
    """In between somebody else could take it, and what he puts there would be rolled back into the journal."""
    path = sticky / "a.cue"
    if not is_new:  # one that a backup has made has a rollback journal
        write(sticky / "b.cue", [opened()])
        backup(sticky / "b.cue", path)
    seen = set[bool]()
    prepare = SqliteStore._choose_mode

    def watched(self, writer, files, *, is_network):
        writer.set_trace_callback(lambda statement: seen.add((sticky / "a.cue-journal").exists()))
        prepare(self, writer, files, is_network=is_network)
        writer.set_trace_callback(None)

    monkeypatch.setattr(SqliteStore, "_choose_mode", watched)
    write(path, [opened(2)])
    assert seen == {True}


@needs_root
@pytest.mark.parametrize("is_new", [True, False])
def test_a_name_that_was_taken_in_the_moment_of_the_switch_is_refused_before_anything_is_read(
    sticky: Path, monkeypatch: pytest.MonkeyPatch, is_new: bool
) -> None:
    path, hostile = sticky / "a.cue", sticky / "hostile.cue"
    write(hostile, [opened(7, function="hostile")])
    write(sticky / "b.cue", [opened()])
    if not is_new:
        backup(sticky / "b.cue", path)
    hold = JournalFiles.hold_names

    def late(self: JournalFiles, **more: bool) -> None:
        place = sticky / "a.cue-journal"
        if self.path == path and not place.exists() and path.stat().st_size:
            place.write_bytes(rollback_journal(hostile.read_bytes()))
            os.chown(place, ATTACKER, ATTACKER)
        hold(self, **more)

    monkeypatch.setattr(JournalFiles, "hold_names", late)
    with pytest.raises(JournalNotTrusted, match="a.cue-journal belongs to"):
        write(path, [opened()])
    monkeypatch.undo()
    (sticky / "a.cue-journal").unlink()
    (sticky / "a.cue.lock").unlink()
    write(path, [opened(9)])
    with open_reader(path) as reader:
        assert {run.opened.function for run in state_of(reader).runs.values()} == {"clean"}
