"""The lock: one holder at a time, ended by the kernel with its process, and asked about without being taken."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cuebook.errors import JournalBusy, JournalError, JournalNotTrusted
from cuebook.persistence.stores.port import Holder
from cuebook.persistence.stores.sqlite import lock as lock_module
from cuebook.persistence.stores.sqlite.lock import FileLock, holder_of, read_note

pytestmark = pytest.mark.quick

HOLD = """
import sys, time
from pathlib import Path
from cuebook.persistence.stores.sqlite.lock import FileLock
lock = FileLock(Path(sys.argv[1]))
lock.take()
lock.note(b"i" * 16, 7, b"h" * 32)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.cue.lock"


def hold(path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLD, str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_second_process_is_told_who_holds_it(path: Path) -> None:
    process = hold(path)
    try:
        with pytest.raises(JournalBusy) as caught:
            FileLock(path).take()
        assert caught.value.pid == process.pid
        assert caught.value.host == os.uname().nodename
        assert caught.value.since is not None
        assert str(process.pid) in str(caught.value)
        assert caught.value.since in str(caught.value)
    finally:
        end(process)


def test_a_killed_holder_leaves_the_lock_free_and_its_note_behind(path: Path) -> None:
    process = hold(path)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    lock = FileLock(path)
    lock.take()
    assert lock.before is not None
    assert (lock.before.seq, lock.before.is_held, lock.before.holder.pid) == (7, True, process.pid)
    lock.release()
    assert path.exists()


def test_the_same_process_cannot_take_it_twice(path: Path) -> None:
    lock = FileLock(path)
    lock.take()
    with pytest.raises(JournalBusy):
        FileLock(path).take()
    lock.release()
    again = FileLock(path)
    again.take()
    again.release()


def test_asking_who_holds_it_neither_takes_nor_drops_it(path: Path) -> None:
    assert holder_of(path) is None
    process = hold(path)
    try:
        for _ in range(2):
            holder = holder_of(path)
            assert holder is not None
            assert holder.pid == process.pid
        path.open("rb").close()
        with pytest.raises(JournalBusy):
            FileLock(path).take()
    finally:
        end(process)
    assert holder_of(path) is None


def test_opening_and_closing_the_file_elsewhere_does_not_drop_the_lock(path: Path) -> None:
    lock = FileLock(path)
    lock.take()
    path.open("r+b").close()
    holder_of(path)
    with pytest.raises(JournalBusy):
        FileLock(path).take()
    lock.release()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_that_outlives_its_parent_does_not_hold_the_lock(path: Path) -> None:
    script = HOLD.replace("sys.stdin.read()", "import os; os.fork() or time.sleep(60)")
    command = [sys.executable, "-c", script, str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "held\n"
        process.wait(20)
        assert holder_of(path) is None
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_a_note_comes_back_as_it_was_written(path: Path) -> None:
    lock = FileLock(path)
    lock.take()
    for seq in (5, 123456789, 6):
        lock.note(b"i" * 16, seq, b"h" * 32)
        note = read_note(path)
        assert note is not None
        assert (note.journal_id, note.seq, note.hash, note.is_held) == (b"i" * 16, seq, b"h" * 32, True)
        assert note.holder == lock.holder == Holder(os.uname().nodename, os.getpid(), note.holder.since)
    lock.note(b"i" * 16, 7, b"h" * 32, is_held=False)
    note = read_note(path)
    assert note is not None
    assert not note.is_held
    lock.release()


def test_a_damaged_note_tells_nothing(path: Path) -> None:
    lock = FileLock(path)
    lock.take()
    lock.note(b"i" * 16, 7, b"h" * 32)
    lock.release()
    whole = path.read_bytes()
    line = whole.index(b"\n")
    for place in range(line):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        assert read_note(path) is None
    for length in range(line):
        path.write_bytes(whole[:length])
        assert read_note(path) is None


def test_a_held_note_of_another_host_is_believed_where_locks_are_local(path: Path) -> None:
    lock = FileLock(path)
    lock.take()
    lock._holder = Holder("elsewhere", 5, "2026-01-01T00:00:00Z")
    lock.note(b"i" * 16, 7, b"h" * 32)
    lock.release()
    with pytest.raises(JournalBusy, match="elsewhere") as caught:
        FileLock(path, locks_are_local=True).take()
    assert f"delete {path}" in str(caught.value)
    other = FileLock(path)
    other.take()
    other.release()


def test_a_lock_file_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "b.lock").mkdir()
    with pytest.raises(JournalNotTrusted, match=r"b\.lock is a folder"):
        FileLock(tmp_path / "b.lock").take()
    (tmp_path / "c.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JournalNotTrusted, match=r"c\.lock is a link"):
        FileLock(tmp_path / "c.lock").take()
    with pytest.raises(JournalError, match=r"d\.lock cannot be written"):
        FileLock(tmp_path / "nowhere" / "d.lock").take()
    assert not (tmp_path / "elsewhere").exists()


@pytest.fixture
def without_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS: there is no way to ask for a lock but to try it."""
    monkeypatch.setattr(lock_module, "_SET", None)
    monkeypatch.setattr(lock_module, "_GET", None)


def test_a_reader_that_asks_in_the_moment_of_a_start_is_not_taken_for_a_writer(
    path: Path, without_questions: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(reading, fcntl.LOCK_SH)
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            fcntl.flock(reading, fcntl.LOCK_UN)

    monkeypatch.setattr(lock_module.time, "sleep", wait)
    lock = FileLock(path)
    lock.take()
    assert len(waits) == 3
    with pytest.raises(JournalBusy):
        FileLock(path).take()
    assert sum(waits) < 0.05, "a writer is one after so long"
    assert holder_of(path) == Holder("", 0, "")
    lock.release()
    assert holder_of(path) is None
    os.close(reading)


def test_the_lock_file_is_private(path: Path) -> None:
    lock = FileLock(path)
    lock.take()
    assert path.stat().st_mode & 0o777 == 0o600
    lock.release()
