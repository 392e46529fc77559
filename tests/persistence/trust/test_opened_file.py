"""Files as they were opened: known whatever becomes of their names, and without a lock of SQLite's lost."""

from __future__ import annotations

import contextlib
import gc
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cuebook.persistence.trust import opened_file as module
from cuebook.persistence.trust.opened_file import OpenedFile

IS_LOCKED = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
try:
    connection.execute("BEGIN IMMEDIATE")
    print("free")
except sqlite3.OperationalError as error:
    print(error)
"""


@pytest.fixture(params=["O_PATH", "ordinary"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "ordinary":
        monkeypatch.setattr(module, "_O_PATH", 0)
    elif not module._O_PATH:
        pytest.skip("this system has no O_PATH")
    return str(request.param)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    with contextlib.closing(sqlite3.connect(tmp_path / "a.cue")) as connection:
        connection.execute("CREATE TABLE t (x)")
    return tmp_path / "a.cue"


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def is_locked(path: Path) -> bool:
    done = subprocess.run([sys.executable, "-c", IS_LOCKED, str(path)], capture_output=True, text=True, timeout=30)
    assert done.stdout in {"free\n", "database is locked\n"}, done.stderr
    return done.stdout != "free\n"


def open_descriptors(path: Path) -> int:
    if not os.path.isdir("/proc/self/fd"):
        return 0
    key, count = path.stat(), 0
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            found = os.stat(f"/proc/self/fd/{number}")
            count += (found.st_dev, found.st_ino) == (key.st_dev, key.st_ino)
    return count


def test_an_ordinary_descriptor_that_is_closed_drops_the_locks(database: Path) -> None:
    """Why all this is done: where it ceases to hold, so may the module."""
    with locked(database):
        assert is_locked(database)
        os.close(os.open(database, os.O_RDONLY))
        assert not is_locked(database)


def test_looking_at_a_database_drops_no_lock_while_somebody_uses_it(way: str, database: Path) -> None:
    user = OpenedFile.at(database)  # whoever has a connection has one of these for as long
    assert user is not None
    with locked(database):
        for _ in range(3):
            with OpenedFile.at(database) as looked:
                assert looked.status().key == user.key
                assert os.pread(looked.content_descriptor(), 6, 0) == b"SQLite"
        assert is_locked(database)
    user.close()
    assert not is_locked(database)
    assert open_descriptors(database) == 0


def test_reading_a_file_again_and_again_costs_one_descriptor(way: str, database: Path) -> None:
    with OpenedFile.at(database) as user:
        for _ in range(5):
            with OpenedFile.at(database) as looked:
                looked.content_descriptor()
        assert open_descriptors(database) <= 2
        user.content_descriptor()
    assert open_descriptors(database) == 0


def test_what_was_opened_stays_the_same_when_its_name_leads_elsewhere(way: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine")
    (tmp_path / "b").write_text("other")
    with OpenedFile.at(tmp_path / "a") as opened:
        assert opened.is_at_its_name()
        (tmp_path / "a").chmod(0o640)
        assert opened.status().mode & 0o777 == 0o640
        os.rename(tmp_path / "b", tmp_path / "a")
        assert not opened.is_at_its_name()
        assert opened.status().links == 0
        if way == "O_PATH":
            assert os.pread(opened.content_descriptor(), 9, 0) == b"mine"


def test_without_path_descriptors_another_file_is_not_read_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("mine")
    (tmp_path / "b").write_text("other")
    monkeypatch.setattr(module, "_O_PATH", 0)
    monkeypatch.setattr(os, "lstat", exchanging(os.lstat, tmp_path))
    with pytest.raises(OSError, match="Stale"):
        OpenedFile.at(tmp_path / "a")


def exchanging(lstat, folder: Path):
    def look(path, **more):
        found = lstat(path, **more)
        if (folder / "b").exists():
            os.rename(folder / "b", folder / "a")
        return found

    return look


def test_a_link_is_seen_and_not_followed(way: str, tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("/etc/passwd")
    with OpenedFile.at(tmp_path / "a") as opened:
        assert stat.S_ISLNK(opened.status().mode)
        with pytest.raises(OSError):
            opened.content_descriptor()
    assert OpenedFile.at(tmp_path / "nothing") is None
    assert OpenedFile.at(tmp_path / "a" / "b") is None


def test_a_fifo_is_seen_without_waiting(way: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a")
    with OpenedFile.at(tmp_path / "a") as opened:
        assert stat.S_ISFIFO(opened.status().mode)
        with pytest.raises(OSError):
            opened.content_descriptor()


def test_one_that_nobody_closed_is_let_go_of_with_the_next(way: str, database: Path) -> None:
    opened = OpenedFile.at(database)
    assert opened is not None
    opened.content_descriptor()
    del opened
    gc.collect()
    OpenedFile.at(database).close()
    assert open_descriptors(database) == 0
