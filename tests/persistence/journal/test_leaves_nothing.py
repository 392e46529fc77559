"""Reading a closed journal, and refusing what is none, leaves no file beside it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cuebook import Checkpoint, Journal, chunk
from cuebook.cli.command import main
from cuebook.errors import JournalCorrupt
from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.stores.media import medium_of


def finished(folder: Path) -> Path:
    path = folder / "x.cue"
    chunk(abs, [[1], [-2]], path=path, where="thread", progress_bar=False)
    return path


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


def test_reading_a_closed_journal_leaves_nothing_beside_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = finished(tmp_path)
    there = names(tmp_path)
    assert there == {"x.cue", "x.cue.lock"}
    for command in ("show", "why", "export", "verify"):
        assert main([command, str(path)]) == 0
        assert names(tmp_path) == there, command
    capsys.readouterr()
    assert Checkpoint.load(path).output == [1, 2]
    with Journal.open(path) as journal:
        assert sorted(result.value for result in journal.results()) == [1, 2]
    assert names(tmp_path) == there


def test_two_readers_of_a_closed_journal_leave_nothing_when_both_are_done(tmp_path: Path) -> None:
    path = finished(tmp_path)
    there = names(tmp_path)
    with open_reader(path) as one:
        with open_reader(path) as other:
            assert len(list(other.records())) > 2
        assert len(list(one.records())) > 2
    assert names(tmp_path) == there


def test_a_reader_beside_a_writer_takes_nothing_away_from_it(tmp_path: Path) -> None:
    path = finished(tmp_path)
    medium = medium_of(path)
    seat = medium.seat()
    seat.take()
    try:
        with open_reader(path) as reader:
            assert reader.last_seq > 2
        assert "x.cue-wal" in names(tmp_path)
    finally:
        seat.release()


@pytest.mark.parametrize("content", [b"notes\n", b"notes\n" * 1000, b"\0" * 8192])
def test_a_file_that_is_no_journal_gets_no_lock(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(JournalCorrupt, match="not a cuebook journal"):
        chunk(abs, [[1]], path=path, where="thread", progress_bar=False)
    assert names(tmp_path) == {"notes.txt"} and path.read_bytes() == content


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_another_database_gets_no_lock(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute("CREATE TABLE t (a)")
        connection.commit()
    content = path.read_bytes()
    with pytest.raises(JournalCorrupt, match="not a cuebook journal"):
        chunk(abs, [[1]], path=path, where="thread", progress_bar=False)
    assert names(tmp_path) == {"other.db"} and path.read_bytes() == content
