"""What is too large for a message: it lies beside it while a call needs it, and no longer than it pays."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import numpy as np
import pytest

from cuebook import Runtime, chunk
from cuebook.chunks import spill as spilling
from cuebook.chunks.spill import Spill
from cuebook.errors import InternalError
from cuebook.persistence.blobs.beside import BesideReader


def content(spill: Spill, name: bytes, size: int) -> bytes:
    return bytes(BesideReader(spill.folder).mapped(name, size))


def test_a_buffer_is_there_while_one_of_its_calls_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spilling, "IDLE_BYTES_MAX", 0)
    spill = Spill(str(tmp_path))
    shared, own = spill.write(b"shared"), spill.write(b"own")
    assert spill.shipped([0]) == 9
    spill.write(b"shared")
    assert spill.shipped(range(1, 3)) == 0
    spill.over([0])
    with pytest.raises(InternalError, match="are gone"):
        content(spill, own, 3)
    assert content(spill, shared, 6) == b"shared"
    spill.over([2])
    spill.over([2])
    assert spill.write(b"shared") == shared
    spill.shipped([1])  # once more: its worker died
    assert content(spill, shared, 6) == b"shared"
    spill.over([1])
    with pytest.raises(InternalError, match="are gone"):
        content(spill, shared, 6)
    again = spill.write(b"own")
    spill.shipped([7])
    assert content(spill, again, 3) == b"own"


def test_what_is_held_is_there_until_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spilling, "IDLE_BYTES_MAX", 0)
    spill = Spill(str(tmp_path))
    held = spill.hold(b"of the function")
    assert spill.write(b"of the function") == held
    spill.shipped([0])
    spill.over([0])
    assert content(spill, held, 15) == b"of the function"
    spill.close()
    with pytest.raises(InternalError, match="are gone"):
        content(spill, held, 15)


@pytest.mark.parametrize(("bytes_max", "count_max"), [(30, 99), (10**6, 3)])
def test_what_no_call_needs_now_is_kept_up_to_a_size_and_a_number_the_newest_first(
    bytes_max: int, count_max: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spilling, "IDLE_BYTES_MAX", bytes_max)
    monkeypatch.setattr(spilling, "IDLE_MAX", count_max)
    spill = Spill(str(tmp_path))
    names = []
    for index in range(10):
        names.append(spill.write(bytes([index]) * 10))
        spill.shipped([index])
        spill.over([index])
    for name in names[:-3]:
        with pytest.raises(InternalError):
            content(spill, name, 10)
    assert [spill.write(bytes([index]) * 10) for index in (7, 8, 9)] == names[-3:]


def test_an_array_in_a_list_of_calls_is_put_down_once_and_one_that_is_filled_anew_each_time(tmp_path: Path) -> None:
    array = np.zeros(1000)
    fixed, watched = Spill(str(tmp_path), are_fixed=True), Spill(str(tmp_path))
    first = fixed.write(memoryview(array.view(np.uint8))), watched.write(memoryview(array.view(np.uint8)))
    equal = array.copy()
    assert (fixed.write(memoryview(equal)), watched.write(memoryview(equal))) == first
    array[:] = 1
    assert fixed.write(memoryview(array)) == first[0]
    changed = watched.write(memoryview(array))
    assert changed != first[1]
    assert content(watched, changed, 8000) == array.tobytes()
    del array
    other = np.full(1000, 7.0)  # which may lie where the first one did
    assert content(fixed, fixed.write(memoryview(other)), 8000) == other.tobytes()


def test_large_arguments_arrive_though_they_are_dropped_at_once_and_workers_die(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spilling, "IDLE_BYTES_MAX", 0)
    monkeypatch.setattr("cuebook.chunks.packing.BESIDE_BYTES", 100_000)
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
