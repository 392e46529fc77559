"""A slow call that ends only when all others have: where one of them waited behind it, no run would end.

So nothing here depends on how fast the machine is; what is near to the ideal is tested in virtual time.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cuebook import CallTimedOut, Runtime, chunk

CALLS = 40
PATIENCE_S = 60.0
BATCHES = [None, 7, 64]


def note(folder: str, index: int) -> None:
    """This call is done."""
    Path(folder, str(index)).touch()


def wait_for_others(folder: str, count: int = CALLS - 1) -> None:
    """Until so many calls are done; raises where they never are."""
    end = time.monotonic() + PATIENCE_S
    while sum(1 for _ in Path(folder).iterdir()) < count:
        if time.monotonic() > end:
            raise TimeoutError(f"only {sorted(int(each.name) for each in Path(folder).iterdir())} are done")
        time.sleep(0.01)


def slow_one(index: int, slow: int, folder: str) -> int:
    if index == slow:
        wait_for_others(folder)
    else:
        note(folder, index)
    return index


async def slow_coroutine(index: int, slow: int, folder: str) -> int:
    if index == slow:
        await asyncio.to_thread(wait_for_others, folder)
    else:
        await asyncio.sleep(0)
        note(folder, index)
    return index


def of_kind(where: str) -> Callable[..., Any]:
    return slow_coroutine if where == "async" else slow_one


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """Where calls say that they are done."""
    path = tmp_path / "done"
    path.mkdir()
    return str(path)


@pytest.mark.parametrize("where", ["process", "thread", "async"])
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("slow", [0, 3])
def test_no_call_waits_behind_a_slow_one_while_another_worker_idles(
    slow: int, batch: int | None, where: str, folder: str
) -> None:
    parameters = [[index, slow, folder] for index in range(CALLS)]
    assert chunk(of_kind(where), parameters, where=where, chunk_size=2, batch=batch) == list(range(CALLS))


@pytest.mark.parametrize("where", ["process", "thread", "async"])
@pytest.mark.parametrize("batch", [None, 7])
def test_neither_does_a_call_of_an_iterator(batch: int | None, where: str, folder: str) -> None:
    def parameters() -> Iterator[list[Any]]:
        for index in range(CALLS):
            yield [index, 3, folder]

    assert chunk(of_kind(where), parameters(), where=where, chunk_size=2, batch=batch) == list(range(CALLS))


@pytest.mark.parametrize("where", ["process", "thread", "async"])
def test_neither_does_a_call_of_a_stream(where: str, folder: str) -> None:
    async def main() -> list[int]:
        parameters = [[index, 3, folder] for index in range(CALLS)]
        async with Runtime(where=where, chunk_size=2) as runtime:
            return [done.index async for done in runtime.stream(of_kind(where), parameters)]

    order = asyncio.run(main())
    assert sorted(order) == list(range(CALLS))


class SlowToEncode:
    """A result that becomes bytes only when all other calls are done."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        wait_for_others(self.folder)
        return (str, ("encoded",))


def encodes_slowly(index: int, slow: int, folder: str) -> Any:
    if index == slow:
        return SlowToEncode(folder)
    note(folder, index)
    return index


@pytest.mark.parametrize("where", ["process", "thread"])
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("slow", [0, 3])
def test_no_call_waits_behind_a_result_that_is_slow_to_encode(
    slow: int, batch: int | None, where: str, folder: str
) -> None:
    parameters = [[index, slow, folder] for index in range(CALLS)]
    results = chunk(encodes_slowly, parameters, where=where, chunk_size=2, batch=batch)
    assert results == ["encoded" if index == slow else index for index in range(CALLS)]


class Odd:
    """An object of the user's class whose first one makes the worker import what it needs."""

    def __reduce__(self) -> Any:
        return (complex, (1, 2))


def odd_first(index: int, folder: str) -> Any:
    if index == 3:
        wait_for_others(folder)
    else:
        note(folder, index)
    return index or Odd()


def test_no_call_waits_where_the_first_result_is_an_object_of_the_users_class(folder: str, tmp_path: Path) -> None:
    results = chunk(odd_first, [[index, folder] for index in range(CALLS)], path=tmp_path / "a.cue", chunk_size=2)
    assert results == [complex(1, 2), *range(1, CALLS)]


def fails_slowly(index: int, folder: str) -> int:
    if index == 3:
        wait_for_others(folder)
        raise ValueError("slow")
    note(folder, index)
    return index


@pytest.mark.parametrize("where", ["process", "thread"])
@pytest.mark.parametrize("batch", BATCHES)
def test_no_call_waits_behind_the_retries_of_a_slow_one(batch: int | None, where: str, folder: str) -> None:
    parameters = [[index, folder] for index in range(CALLS)]
    results = chunk(
        fails_slowly, parameters, where=where, chunk_size=2, batch=batch, retries=2, backoff=0, errors="collect"
    )
    assert [index for index, result in enumerate(results) if result != index] == [3]
    assert results[3].attempts == 3


HELD = threading.Event()


def never_ends(index: int, folder: str) -> int:
    if index == 3:
        wait_for_others(folder)
        HELD.wait(PATIENCE_S)
    else:
        note(folder, index)
    return index


@pytest.mark.parametrize("where", ["process", "thread"])
@pytest.mark.parametrize("batch", [None, 7])
def test_no_call_waits_for_the_time_out_of_a_slow_one(batch: int | None, where: str, folder: str) -> None:
    """Its time is over only when the others are done, as its end is not what they wait for."""
    HELD.clear()
    parameters = [[index, folder] for index in range(CALLS)]
    try:
        results = chunk(never_ends, parameters, where=where, chunk_size=2, batch=batch, timeout=1.0, errors="collect")
    finally:
        HELD.set()
    assert [index for index, result in enumerate(results) if result != index] == [3]
    assert isinstance(results[3], CallTimedOut)
    assert sum(1 for _ in Path(folder).iterdir()) == CALLS - 1
