"""The world does not cooperate: full disks, folders that cannot be written, paths that are no journals."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cuebook import Checkpoint, JournalCorrupt, JournalError, chunk
from tests.support.programs import counts, run_script, start
from tests.support.salvage import tamper

IS_ROOT = os.geteuid() == 0


def square(x: int) -> int:
    return x * x


def test_a_path_that_is_a_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="is a directory"):
        chunk(square, [[1]], path=tmp_path)


def test_folders_of_the_path_are_made(tmp_path: Path) -> None:
    assert chunk(square, [[2]], where="thread", path=tmp_path / "a" / "b" / "x.cue") == [4]
    assert (tmp_path / "a" / "b" / "x.cue").is_file()


def test_a_file_that_is_no_journal_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("my notes\n" * 100)
    with pytest.raises(JournalCorrupt, match="notes.txt"):
        chunk(square, [[1]], where="thread", path=path)
    assert path.read_text() == "my notes\n" * 100


def test_a_damaged_result_of_a_list_is_named_before_anything_is_on_record(tmp_path: Path) -> None:
    path = tmp_path / "a.cue"
    chunk(square, [[1], [2]], where="thread", path=path)
    tamper(path, "UPDATE records SET body = x'0505' WHERE kind = 4")
    before = path.read_bytes()
    with pytest.raises(JournalCorrupt, match="damaged"):
        chunk(square, [[1], [2]], where="thread", path=path)
    assert path.read_bytes() == before


def test_a_folder_below_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalError):
        chunk(square, [[1]], where="thread", path=tmp_path / "file" / "x.cue")


def test_an_empty_file_becomes_a_journal(tmp_path: Path) -> None:
    (tmp_path / "x.cue").touch()
    assert chunk(square, [[2]], where="thread", path=tmp_path / "x.cue") == [4]


@pytest.mark.skipif(IS_ROOT, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_told_before_any_call(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(JournalError):
            chunk(square, [[1]], where="thread", path=tmp_path / "x.cue")
    finally:
        tmp_path.chmod(0o700)


def test_a_file_system_that_takes_no_files_is_told(tmp_path: Path) -> None:
    with pytest.raises((JournalError, OSError), match="proc"):
        chunk(square, [[1]], where="thread", path="/proc/self/x.cue")


FILLING = """
import hashlib, resource
def f(x):
    note(x)
    time.sleep(0.01)
    return b"".join(hashlib.sha256(b"%d %d" % (x, k)).digest() for k in range(size // 32))
size = int(sys.argv[1])
if len(sys.argv) > 2:
    import signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    output = chunk(f, [[n] for n in range(60)], chunk_size=2, path="disk/x.cue", version="1")
    print("all", len(output), all(len(value) == size // 32 * 32 for value in output))
except JournalError as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize("size", [20_000, 600_000], ids=["rows", "blobs"])
def test_a_file_that_may_not_grow_ends_the_run_with_the_reason_and_what_was_kept_stays(
    size: int, tmp_path: Path
) -> None:
    (tmp_path / "disk").mkdir()
    limit = size * 10 if size < 100_000 else size // 2
    out = run_script(tmp_path, FILLING, str(size), str(limit))
    assert out.startswith("Journal") or "could not" in out or "cannot" in out, out
    saved, made = Checkpoint.load(tmp_path / "disk" / "x.cue").done, sum(counts(tmp_path).values())
    assert run_script(tmp_path, FILLING, str(size)) == "all 60 True\n"
    assert sum(counts(tmp_path).values()) == made + 60 - saved, "what had been committed was not made again"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if (
        not IS_ROOT
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk], capture_output=True).returncode
    ):
        pytest.skip("no small file system can be mounted here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)


def _state_of(path: Path, run: int) -> str:
    shown = subprocess.run(
        [sys.executable, "-m", "cuebook", "show", str(path)], check=True, capture_output=True, text=True
    ).stdout
    return re.split(r"  +", shown.splitlines()[run])[-1].strip()


@pytest.mark.parametrize("size", [60_000, 400_000], ids=["rows", "blobs"])
def test_a_full_disk_ends_the_run_as_journal_full_and_the_same_command_goes_on_once_there_is_room(
    size: int, small_disk: Path, tmp_path: Path
) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(1_500_000))
    out = run_script(tmp_path, FILLING.replace("range(60)", "range(40 if size < 100_000 else 5)"), str(size))
    assert out.startswith("JournalFull"), out
    assert _state_of(small_disk / "x.cue", 1) == "failed, disk full"
    kept = run_script(tmp_path, FILLING.replace("range(60)", "range(1)"), str(size))
    assert kept == "all 1 True\n" or kept.startswith("JournalFull")
    ballast.unlink()
    before = counts(tmp_path)
    out = run_script(tmp_path, FILLING.replace("range(60)", "range(40 if size < 100_000 else 5)"), str(size))
    assert out.startswith("all"), out
    again = counts(tmp_path) - before
    assert _state_of(small_disk / "x.cue", 1) == "failed, disk full", "a later run has written down how it ended"
    assert sum(again.values()) < (40 if size < 100_000 else 6)


def test_a_journal_removed_under_a_run_is_no_crash_and_no_wrong_result(tmp_path: Path) -> None:
    body = """
def f(x):
    note(x)
    if x == 5: os.remove("x.cue")
    time.sleep(0.005)
    return x
try:
    print(chunk(f, [[n] for n in range(20)], chunk_size=1, path="x.cue") == list(range(20)))
except JournalError as error:
    print("JournalError")
"""
    with start(tmp_path, body) as program:
        assert program.wait() == 0
        assert program.stdout in ("True\n", "JournalError\n")


def test_results_of_a_megabyte_and_of_a_hundred_are_kept_and_come_back(tmp_path: Path) -> None:
    body = """
import hashlib
def f(size):
    note(size)
    return bytes(size)
output = chunk(f, [[10**6], [10**8], [10], [10**6 + 1]], chunk_size=2, path="x.cue")
print([len(value) for value in output])
"""
    for _ in range(2):
        assert run_script(tmp_path, body) == "[1000000, 100000000, 10, 1000001]\n"
    assert set(counts(tmp_path).values()) == {1}


@pytest.mark.parametrize("where", ["process", "thread"])
def test_arguments_of_any_size_reach_the_call(where: str, tmp_path: Path) -> None:
    def digest(data: bytes) -> tuple[int, int]:
        return len(data), sum(data[:: max(1, len(data) // 100)])

    sizes = [0, 1, 65_535, 65_536, 300_000, 5_000_000, 40_000_000]
    parameters = [[b"\1" * size] for size in sizes]
    output = chunk(digest, parameters, where=where, chunk_size=2, path=tmp_path / "x.cue")
    assert [size for size, _ in output] == sizes


def test_nothing_is_left_in_the_temporary_folder(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    body = """
def f(data): return len(data)
print(chunk(f, [[bytes(30_000_000)], [b""]], path="x.cue"), chunk(f, [[bytes(30_000_000)]]))
"""
    out = run_script(tmp_path, body, env={"TMPDIR": str(tmp_path / "tmp")})
    assert out == "[30000000, 0] [30000000]\n"
    assert list((tmp_path / "tmp").iterdir()) == []
