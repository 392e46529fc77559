"""A backup holds what was committed when it was made, also of a journal that is in use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cuebook.errors import JournalCorrupt, JournalError
from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.upkeep.backup import backup
from cuebook.persistence.upkeep.salvage import recover
from cuebook.persistence.upkeep.verification import verify
from tests.support.journals import arguments, closed, completed, opened, run, write
from tests.support.salvage import blob_journal, read, tamper


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "a.cue"
    write(path, [opened(), arguments(0, 30)], [completed(n, b"value %d" % n) for n in range(30)], [closed()])
    return path


def test_a_live_journal_is_copied_with_its_tail_and_its_blobs(tmp_path: Path) -> None:
    path, new = tmp_path / "a.cue", tmp_path / "copies" / "b.cue"
    blob_journal(path)

    async def work() -> None:
        async with await JournalWriter.open(path) as live:
            await live.append([opened(3), completed(0, run=3)])
            assert backup(path, new) == 10
            await live.append([completed(1, run=3)])
            assert live.journal_id == open_reader_id(new)

    run(work())
    assert read(new) == read(path)[:10]
    assert verify(new).ok
    assert verify(new).blobs == 2
    assert new.stat().st_mode & 0o777 == 0o600
    assert len(write(new, [closed(3)])) == 11


def open_reader_id(path: Path) -> bytes:
    with open_reader(path) as reader:
        return reader.journal_id


def test_a_backup_that_loses_its_end_says_so(journal: Path, tmp_path: Path) -> None:
    backup(journal, tmp_path / "b.cue")
    tamper(tmp_path / "b.cue", "DELETE FROM records WHERE seq > 20")
    with pytest.raises(JournalCorrupt, match="14 committed results are missing"):
        read(tmp_path / "b.cue")


@pytest.mark.parametrize("action", [backup, recover])
def test_nothing_is_ever_overwritten(journal: Path, tmp_path: Path, action: Callable[[Path, Path], object]) -> None:
    (tmp_path / "b.cue").write_text("precious")
    with pytest.raises(JournalError, match="exists already"):
        action(journal, tmp_path / "b.cue")
    with pytest.raises(JournalError, match="exists already"):
        action(journal, journal)
    assert (tmp_path / "b.cue").read_text() == "precious"
    with pytest.raises(JournalError, match="there is no journal"):
        action(tmp_path / "nothing.cue", tmp_path / "c.cue")
    assert not (tmp_path / "c.cue").exists()
