"""What a user wrote becomes a place of a journal: a path, or what a store has named itself; never a file by mistake."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

from cuebook import Checkpoint, Runtime, chunk
from cuebook.cli.command import main
from cuebook.errors import JournalError
from cuebook.persistence.blobs.port import BlobPlace
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.stores import media
from cuebook.persistence.stores.media import blobs_at, check_place, medium_of
from cuebook.testing.memory_medium import MemoryMedium
from tests.support.journals import closed, opened, run


def test_a_url_of_no_store_is_refused_and_makes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for place in ("postgresql://host/db", "S3://bucket/a.cue", "sqlite+x://a"):
        with pytest.raises(JournalError, match="there is no store for"):
            chunk(abs, [[1]], path=place)
        with pytest.raises(JournalError, match="there is no store for"):
            Runtime(place)
        with pytest.raises(JournalError, match="there is no store for"):
            medium_of(place)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.cue", "a:b", "a b://c", "://a", "./x-y://z"])
def test_a_path_is_a_path_whatever_it_has_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    check_place(name)
    assert Path(medium_of(name).name).is_relative_to(tmp_path.resolve())


def test_a_store_of_ones_own_is_a_module_and_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Named(MemoryMedium):
        @property
        def name(self) -> str:
            return "mem://a"

    places = {"mem://a": Named(None, tmp_path / "a"), "mem://b": MemoryMedium(None, tmp_path / "b")}
    module = types.ModuleType("store_of_this_test")
    module.check = lambda place: None  # type: ignore[attr-defined]
    module.medium = places.__getitem__  # type: ignore[attr-defined]
    module.blobs = lambda where: f"blobs at {where}"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(media._STORES, "mem", module.__name__)

    async def work() -> None:
        async with await JournalWriter.open("mem://a") as journal:
            await journal.append([opened(), closed()])
            assert journal.name == "mem://a"

    run(work())
    assert chunk(abs, [[-1], [-2]], path="mem://a", where="thread") == [1, 2]
    found = Checkpoint.load("mem://a")
    assert (found.output, repr(found)) == ([1, 2], "<Checkpoint mem://a: abs, 2 of 2 done, finished>")
    assert main(["verify", "mem://a"]) == 0
    assert main(["show", "mem://b"]) != 0
    assert blobs_at(BlobPlace("mem", "x")) == "blobs at x"  # type: ignore[comparison-overlap]


@pytest.mark.parametrize("end", [".part", ".lock", ".blobs", "-wal", "-shm", "-journal"])
def test_a_journal_has_no_name_that_belongs_to_what_lies_beside_one(tmp_path: Path, end: str) -> None:
    with pytest.raises(ValueError, match=f"ends in {end}, as what lies beside a journal does"):
        check_place(str(tmp_path / f"x.cue{end}"))
