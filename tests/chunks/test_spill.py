"""Large arguments on their way to workers: files that are there while a call needs them, and no longer than it pays."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest

from cuebook import Runtime, chunk
from cuebook.chunks import spill as spilling
from cuebook.chunks.spill import Spill


def files(folder: Path) -> int:
    return sum(path.is_file() for path in folder.rglob("*"))


def test_a_file_is_there_while_one_of_its_calls_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spilling, "IDLE_BYTES_MAX", 0)
    spill = Spill(str(tmp_path))
    shared, own = spill.write(b"shared"), spill.write(b"own")
    spill.shipped([0])
    spill.write(b"shared")
    spill.shipped(range(1, 3))
    spill.over([0])
    assert files(tmp_path) == 1
    assert spill.read(shared, 6) == b"shared"
    spill.over([2])
    spill.over([2])
    spill.write(b"shared")
    spill.shipped([1])  # once more: its worker died
    assert files(tmp_path) == 1
    spill.over([1])
    assert files(tmp_path) == 0
    assert spill.write(b"own") == own
    spill.shipped([7])
    assert spill.read(own, 3) == b"own"


def test_what_no_call_needs_now_is_kept_up_to_a_size_the_newest_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spilling, "IDLE_BYTES_MAX", 30)
    spill = Spill(str(tmp_path))
    digests = []
    for index in range(10):
        digests.append(spill.write(bytes([index]) * 10))
        spill.shipped([index])
        spill.over([index])
    assert sorted(spill.digests()) == sorted(digests[-3:])
    spill.write(bytes([7]) * 10)
    spill.shipped([10])
    for index in (11, 12, 13):
        spill.write(bytes([index]) * 10)
        spill.shipped([index])
        spill.over([index])
    assert digests[7] in spill.digests()


def test_large_arguments_arrive_though_files_are_dropped_at_once_and_workers_die(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spilling, "IDLE_BYTES_MAX", 0)
    monkeypatch.setattr("cuebook.chunks.packing.TRANSPORT_BLOB_BYTES", 100_000)
    died = tmp_path / "died"

    def f(n: int, data: bytes) -> int:
        import os

        if n == 5 and not died.exists():
            died.touch()
            os._exit(1)
        return n + len(data)

    same = b"x" * 200_000
    calls = [[n, same if n % 2 else bytes([n]) * 200_000] for n in range(12)]
    assert chunk(f, calls, chunk_size=2) == [n + 200_000 for n in range(12)]
    assert died.exists()


def test_large_results_that_are_not_kept_are_dropped_as_they_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where two workers return the same bytes at the same time."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    size = 300_000

    async def main() -> int:
        count = 0
        async with Runtime(chunk_size=2) as runtime:
            async for done in runtime.stream(lambda n: [b"x" * size, bytes([n % 3]) * size], ([n] for n in range(60))):
                assert done.value == [b"x" * size, bytes([done.index % 3]) * size]
                count += 1
                if count == 60:  # all are here, and the run's folder as well
                    assert not any(path.is_file() for path in tmp_path.rglob("*"))
        return count

    assert asyncio.run(main()) == 60
    assert list(tmp_path.iterdir()) == []
