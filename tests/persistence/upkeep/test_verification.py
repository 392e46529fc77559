"""Verify names the first thing that is wrong, and finds nothing wrong with what is whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.upkeep.verification import verify
from cuebook.persistence.values.blob_references import blob_references
from tests.support.journals import arguments, closed, completed, opened, run, state, write
from tests.support.salvage import LARGE, blob_journal, tamper


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "a.cue"
    write(path, [opened(), arguments(0, 30)], [completed(n, b"value %d" % n) for n in range(30)], [closed()])
    return path


@pytest.mark.parametrize("deep", [True, False])
def test_a_whole_journal_is_found_whole(journal: Path, deep: bool) -> None:
    report = verify(journal, deep=deep)
    assert (report.ok, report.records, report.bad_record, report.reason) == (True, 34, None, "")


def test_a_live_journal_is_verified(tmp_path: Path) -> None:
    async def work() -> None:
        async with await JournalWriter.open(tmp_path / "a.cue") as live:
            await live.append([opened(), completed(0)])
            assert verify(tmp_path / "a.cue").ok

    run(work())


@pytest.mark.parametrize(
    ("statement", "bad", "reason", "shallow"),
    [
        ("UPDATE records SET body = x'00' WHERE seq = 12", 12, "record 12 is damaged", False),
        ("UPDATE records SET head = x'00' WHERE seq = 12", 12, "record 12 is damaged", True),
        ("UPDATE records SET run = 3 WHERE seq = 12", 12, "record 12 is damaged", True),
        ("UPDATE records SET hash = x'00' WHERE seq = 12", 12, "record 12 is damaged", True),
        ("DELETE FROM records WHERE seq = 12", 12, "record 12 is missing", True),
        ("DELETE FROM records WHERE seq >= 30", 30, "5 committed results are missing", True),
        ("DELETE FROM records WHERE seq = 1", 1, "record 1 is missing", True),
    ],
)
def test_the_first_bad_record_is_named(journal: Path, statement: str, bad: int, reason: str, shallow: bool) -> None:
    tamper(journal, statement)
    report = verify(journal)
    assert (report.ok, report.bad_record, report.records) == (False, bad, bad - 1)
    assert reason in report.reason
    assert verify(journal, deep=False).ok is not shallow


def test_a_damaged_state_is_found(tmp_path: Path) -> None:
    async def work() -> None:
        async with await JournalWriter.open(tmp_path / "a.cue") as live:
            await live.append([opened(), state(0, b"half")], states={1: b"half"})

    run(work())
    assert verify(tmp_path / "a.cue").ok
    tamper(tmp_path / "a.cue", "UPDATE states SET body = x'00'")
    report = verify(tmp_path / "a.cue")
    assert not report.ok
    assert report.bad_record == 3
    assert "the state kept by record 3" in report.reason


def test_damaged_pages_are_named(journal: Path) -> None:
    data = bytearray(journal.read_bytes())
    data[2 * 4096 + 5] ^= 0xFF
    journal.write_bytes(data)
    report = verify(journal)
    assert not report.ok
    assert report.reason
    assert "page" in " ".join(report.bad_pages).lower() or "malformed" in report.reason


def test_references_to_blobs_are_found_and_nothing_else_is(tmp_path: Path) -> None:
    blobs, one, two = blob_journal(tmp_path / "a.cue")
    assert set(blobs.digests()) == {one, two}
    assert list(blob_references(LARGE)) == []
    assert list(blob_references(None)) == []


def test_blobs_are_verified(tmp_path: Path) -> None:
    blobs, one, two = blob_journal(tmp_path / "a.cue")
    report = verify(tmp_path / "a.cue")
    assert (report.ok, report.blobs) == (True, 2)
    damaged = Path(blobs.path_of(one))
    damaged.write_bytes(b"x" + damaged.read_bytes()[1:])
    blobs.remove(two)
    report = verify(tmp_path / "a.cue")
    assert not report.ok
    assert [digest for digest, _ in report.bad_blobs] == [one.hex(), two.hex()]
    assert "record 6 refers to it" in report.bad_blobs[1][1]
    assert verify(tmp_path / "a.cue", deep=False).ok
