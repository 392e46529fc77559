"""Runs whose calls come one at a time, resumed: linear, looked at off the loop, and handed over a little at a time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from cuebook import Runtime, chunk
from cuebook.chunks.feeder import AsyncFeeder, Feeder, Intake, ThreadFeeder
from cuebook.persistence.stores.sqlite.reading import SqliteReading
from tests.support.journals import run as run_loop


def double(n: int) -> int:
    return 2 * n


def read_rows(monkeypatch: pytest.MonkeyPatch, work: Callable[[], Any]) -> int:
    """How many rows of a journal the work reads, one by one or in passes."""
    count = 0
    slice_, row = SqliteReading._slice, SqliteReading.row

    def counted_slice(self: SqliteReading, *args: Any) -> Any:
        nonlocal count
        found = slice_(self, *args)
        count += len(found[0])
        return found

    def counted_row(self: SqliteReading, seq: int) -> Any:
        nonlocal count
        count += 1
        return row(self, seq)

    with monkeypatch.context() as patch:
        patch.setattr(SqliteReading, "_slice", counted_slice)
        patch.setattr(SqliteReading, "row", counted_row)
        work()
    return count


def fill(path: Path, count: int) -> None:
    """A finished run of `count` calls whose results lie in a record each."""

    async def one_by_one() -> None:
        async with Runtime(str(path), where="thread", chunk_size=1, batch=1, progress_bar=False) as runtime:
            async for _ in runtime.stream(double, ([n] for n in range(count))):
                pass

    asyncio.run(one_by_one())


def test_a_resume_from_a_generator_reads_each_record_a_bounded_number_of_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cue = tmp_path / "x.cue"
    fill(cue, 200)
    calls = [[n] for n in range(200)]

    def resume() -> None:
        assert chunk(double, iter(calls), path=cue, where="thread") == [2 * n for n in range(200)]

    assert read_rows(monkeypatch, resume) < 8 * 200


Feeding = Callable[[Intake[Any]], Feeder]


def of_thread(intake: Intake[Any]) -> Feeder:
    return ThreadFeeder(iter(range(2000)), intake)


def of_task(intake: Intake[Any]) -> Feeder:
    async def numbers() -> AsyncIterator[int]:
        for n in range(2000):
            yield n

    return AsyncFeeder(numbers(), intake)


@pytest.mark.parametrize("feed", [of_thread, of_task], ids=["iterator", "asynchronous"])
def test_items_are_looked_at_beside_the_loop_and_come_in_handfuls(feed: Feeding) -> None:
    looked_in: set[int] = set()
    handfuls: list[list[int]] = []

    async def go() -> BaseException | None:
        over: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()

        def look(n: int) -> int:
            looked_in.add(threading.get_ident())
            return 10 * n

        feeder = feed(Intake(look, handfuls.append, over.set_result))
        feeder.allow(5000)
        ended = await over
        feeder.stop()
        return ended

    assert run_loop(go()) is None
    assert threading.get_ident() not in looked_in
    assert [n for handful in handfuls for n in handful] == [10 * n for n in range(2000)]
    assert max(map(len, handfuls)) <= 256


@pytest.mark.parametrize("feed", [of_thread, of_task], ids=["iterator", "asynchronous"])
def test_what_looking_raises_comes_behind_the_items_before_it(feed: Feeding) -> None:
    taken: list[int] = []

    async def go() -> BaseException | None:
        over: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()

        def look(n: int) -> int:
            if n == 700:
                raise StopIteration("of a user's class")
            return n

        feeder = feed(Intake(look, taken.extend, over.set_result))
        feeder.allow(5000)
        ended = await over
        feeder.stop()
        return ended

    assert isinstance(run_loop(go()), StopIteration)
    assert taken == list(range(700))


def test_a_stream_of_an_asynchronous_source_takes_earlier_results(tmp_path: Path) -> None:
    cue = str(tmp_path / "x.cue")

    async def calls() -> AsyncIterator[list[int]]:
        for n in range(300):
            yield [n]

    async def go() -> tuple[list[int], bool]:
        found, is_all_reused = list[int](), True
        async with Runtime(cue, where="thread", progress_bar=False) as runtime:
            async for done in runtime.stream(double, calls()):
                found.append(done.value)
                is_all_reused = is_all_reused and done.reused
        return sorted(found), is_all_reused

    assert asyncio.run(go()) == ([2 * n for n in range(300)], False)
    assert asyncio.run(go()) == ([2 * n for n in range(300)], True)
