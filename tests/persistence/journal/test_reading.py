"""A reader sees what is committed, follows a live journal, and leaves no trace that a writer would notice."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cuebook.errors import JournalCorrupt, JournalError
from cuebook.persistence.history.replay import state_of
from cuebook.persistence.history.run import RunStatus
from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.records.record import Kind
from cuebook.persistence.trust.verdicts import Writers
from tests.support.journals import completed, opened, run, state, write

pytestmark = pytest.mark.quick


def test_a_closed_journal_is_read(tmp_path: Path) -> None:
    expected = write(tmp_path / "a.cue", [opened(), completed(0), completed(1)])
    with open_reader(tmp_path / "a.cue") as reader:
        assert list(reader.records()) == expected
        assert [each.seq for each in reader.records(after=2, kinds=[Kind.COMPLETED], runs=[1])] == [3, 4]
        assert reader.record(3) == expected[2]
        assert reader.last_seq == 4
        assert reader.holder() is None
        assert reader.verdict().writers is Writers.NOBODY
        assert state_of(reader).runs[1].completed == 2
    with pytest.raises(JournalCorrupt), open_reader(tmp_path / "a.cue") as reader:
        reader.record(5)


def test_a_live_journal_is_followed(tmp_path: Path) -> None:
    async def work() -> None:
        async with await JournalWriter.open(tmp_path / "a.cue") as journal:
            await journal.append([opened(host=os.uname().nodename, pid=os.getpid())])
            with open_reader(tmp_path / "a.cue") as reader:
                seen = state_of(reader)
                assert seen.runs[1].status(reader.holder()) is RunStatus.RUNNING
                for count in range(1, 6):
                    await journal.append([completed(count)])
                    assert state_of(reader, seen).runs[1].completed == count
                assert reader.journal_id == journal.journal_id
                assert seen.last_seq == journal.last_seq == reader.last_seq

    run(work())
    with open_reader(tmp_path / "a.cue") as reader:
        assert state_of(reader).runs[1].status(reader.holder()) is RunStatus.ABANDONED


def test_readers_and_a_writer_in_threads_do_not_disturb_each_other(tmp_path: Path) -> None:
    write(tmp_path / "a.cue", [opened(), *(completed(n) for n in range(200))])
    stop, counts = threading.Event(), list[int]()

    def read() -> None:
        while not stop.is_set():
            with open_reader(tmp_path / "a.cue") as reader:
                counts.append(sum(1 for _ in reader.records()))

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    write(tmp_path / "a.cue", *([completed(200 + n)] for n in range(100)))
    stop.set()
    for thread in threads:
        thread.join(20)
    assert counts
    assert all(202 <= count <= 302 for count in counts)


def test_a_reader_changes_no_byte_of_the_journal_and_never_checkpoints(tmp_path: Path) -> None:
    async def work() -> None:
        async with await JournalWriter.open(tmp_path / "a.cue") as journal:
            await journal.append([opened(), *(completed(n, bytes(1000)) for n in range(100))])
            before = [(tmp_path / f"a.cue{end}").read_bytes() for end in ("-wal", ".lock")]
            size = (tmp_path / "a.cue").stat().st_size
            with open_reader(tmp_path / "a.cue") as reader:
                assert len(list(reader.records())) == 102
                state_of(reader)
            assert [(tmp_path / f"a.cue{end}").read_bytes() for end in ("-wal", ".lock")] == before
            assert (tmp_path / "a.cue").stat().st_size == size

    run(work())


def test_kept_states_are_read(tmp_path: Path) -> None:
    async def work() -> None:
        async with await JournalWriter.open(tmp_path / "a.cue") as journal:
            await journal.append([opened()])
            (seq,) = await journal.append([state(0, b"half")], states={0: b"half"})
            with open_reader(tmp_path / "a.cue") as reader:
                assert reader.states() == [seq]
                assert reader.state(seq) == b"half"
                assert reader.state(1) is None

    run(work())


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="there is no journal at"):
        open_reader(tmp_path / "a.cue")
    (tmp_path / "empty").touch()
    with pytest.raises(JournalError, match="holds no journal yet"):
        open_reader(tmp_path / "empty")
    with pytest.raises(JournalError, match="is a directory"):
        open_reader(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir() if "empty" not in path.name) == []


# --- what needs another user --------------------------------------------------------------------------------------

AS_NOBODY = """
import asyncio, os, sys, tempfile, urllib.parse
from importlib import metadata
from pathlib import Path
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.journal.reader import open_reader
from cuebook.errors import CuebookError
import cuebook.logs, cuebook.persistence.stores.sqlite.medium, cuebook.persistence.stores.sqlite.writing
path = sys.argv[1]
if os.geteuid() == 0:  # after the imports, which another user may not be able to do
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    if sys.argv[2] == "read":
        with open_reader(path) as reader:
            print(len(list(reader.records())), len(list(reader.records(bodies=False))), reader.verdict().writers.name)
    else:
        asyncio.run(JournalWriter.open(path))
except CuebookError as error:
    print(type(error).__name__, error)
"""


def as_nobody(path: Path, what: str) -> str:
    for folder in path.parents:  # pytest's own folders are private to their user
        if folder.stat().st_uid == os.geteuid() and os.geteuid() == 0 and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o111)
    command = [sys.executable, "-c", AS_NOBODY, str(path), what]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[3])
    assert done.stderr == ""
    return done.stdout.strip()


def readable_by_all(folder: Path) -> None:
    for path in folder.iterdir():
        path.chmod(0o444)
    folder.chmod(0o555)


def test_in_a_folder_that_cannot_be_written_a_closed_journal_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    write(folder / "a.cue", [opened(), completed(0)])
    readable_by_all(folder)
    assert as_nobody(folder / "a.cue", "read").startswith("3 3")
    folder.chmod(0o755)
    assert sorted(path.name for path in folder.iterdir()) == ["a.cue", "a.cue.lock"]


def test_in_a_folder_that_cannot_be_written_a_journal_is_read_with_the_wal_a_crash_left(tmp_path: Path) -> None:
    folder = tmp_path / "folder"

    async def work() -> None:
        async with await JournalWriter.open(tmp_path / "live" / "a.cue") as journal:
            await journal.append([opened(), completed(0)])
            folder.mkdir()
            for name in ("a.cue", "a.cue-wal", "a.cue.lock"):
                (folder / name).write_bytes((tmp_path / "live" / name).read_bytes())

    run(work())
    readable_by_all(folder)
    assert as_nobody(folder / "a.cue", "read").startswith("3 3")
    folder.chmod(0o755)


@pytest.mark.parametrize("what", ["folder", "file", "lock"])
def test_what_cannot_be_written_is_said_when_it_is_opened(tmp_path: Path, what: str) -> None:
    folder = tmp_path / "folder"
    write(folder / "a.cue", [opened()])
    if what == "folder":
        (folder / "a.cue").unlink()
        (folder / "a.cue.lock").unlink()
        folder.chmod(0o555)
    else:
        (folder / "a.cue").chmod(0o444 if what == "file" else 0o666)
        (folder / "a.cue.lock").chmod(0o666 if what == "file" else 0o444)
        folder.chmod(0o777)
    answer = as_nobody(folder / "a.cue", "write")
    assert answer.startswith("JournalError")
    assert str(folder / "a.cue") in answer
    folder.chmod(0o755)


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    write(tmp_path / "folder" / "a.cue", [opened()])
    assert as_nobody(tmp_path / "folder" / "a.cue", "read").startswith("JournalError")


def test_a_closed_reader_says_that_it_is_closed_and_not_that_the_journal_is_damaged(tmp_path: Path) -> None:
    write(tmp_path / "a.cue", [opened()])
    reader = open_reader(tmp_path / "a.cue")
    reader.close()
    reader.close()
    with pytest.raises(JournalError, match="closed") as caught:
        reader.record(1)
    assert not isinstance(caught.value, JournalCorrupt)
