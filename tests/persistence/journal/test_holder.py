"""Who has a journal is told from the moment that it is taken."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cuebook.errors import JournalError
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.records.row import Tail
from cuebook.persistence.stores.sqlite.lock import read_note
from cuebook.persistence.stores.sqlite.writing import SqliteStore
from tests.support.journals import opened, write


def test_the_holder_is_noted_before_the_journal_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, lock = tmp_path / "x.cue", tmp_path / "x.cue.lock"
    write(path, [opened(1)])
    before = read_note(lock)
    assert before is not None and not before.is_held
    seen = []

    async def stuck(store: SqliteStore) -> Tail:
        seen.append(read_note(lock))
        raise JournalError("no")

    monkeypatch.setattr(SqliteStore, "open", stuck)

    async def go() -> None:
        with pytest.raises(JournalError, match="no"):
            await JournalWriter.open(path)

    asyncio.run(go())
    (during,) = seen
    assert during is not None and during.is_held
    assert (during.journal_id, during.seq, during.hash) == (before.journal_id, before.seq, before.hash)
