"""Runtime.stream: each call as it is done, bounded, and left at any time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cuebook import (
    CallFailed,
    Runtime,
)
from tests.api.calls import run, slowly, square

# -- streams


@pytest.mark.parametrize("where", ["process", "thread"])
@pytest.mark.parametrize("keeps", [True, False])
def test_an_endless_generator_is_streamed_and_left(where: str, keeps: bool, tmp_path: Path) -> None:
    pulled = 0

    def endless() -> Any:
        nonlocal pulled
        for pulled in itertools.count():
            yield [pulled]

    async def main() -> list[int]:
        values = []
        async with Runtime(tmp_path / "x.cue" if keeps else None, where=where, chunk_size=2) as runtime:
            async for done in runtime.stream(square, endless()):
                assert done.value == done.index**2
                assert done.arguments == [done.index]
                assert not done.reused and done.error is None and done.seconds >= 0
                values.append(done.index)
                if len(values) == 3000:
                    break
        return values

    values = run(main())
    assert len(set(values)) == 3000
    assert pulled < 3000 + 30_000


def test_reading_pauses_while_the_consumer_does() -> None:
    pulled = 0

    def endless() -> Any:
        nonlocal pulled
        for pulled in itertools.count():
            yield [pulled]

    async def main() -> tuple[int, int]:
        async with Runtime(where="thread", chunk_size=2) as runtime:
            async for _ in runtime.stream(square, endless()):
                before = -1
                while before != pulled:
                    before = pulled
                    await asyncio.sleep(0.2)
                first = pulled
                await asyncio.sleep(0.2)
                return first, pulled
        raise AssertionError

    first, later = run(main())
    assert first == later < 20_000


def test_parameters_may_come_from_an_asynchronous_iterator(tmp_path: Path) -> None:
    async def source() -> AsyncIterator[list[int]]:
        for number in range(50):
            await asyncio.sleep(0)
            yield [number]

    async def main() -> Any:
        async with Runtime(tmp_path / "x.cue", where="async") as runtime:
            return await runtime.chunk(slowly, source()), [d.reused async for d in runtime.stream(slowly, source())]

    output, reused = run(main())
    assert output == [n * n for n in range(50)]
    assert reused == [True] * 50


def test_an_asynchronous_iterator_that_raises_ends_the_run_with_its_exception() -> None:
    async def source() -> AsyncIterator[list[int]]:
        yield [1]
        raise LookupError("gone")

    async def main() -> None:
        async with Runtime(where="async") as runtime:
            await runtime.chunk(slowly, source())

    with pytest.raises(LookupError, match="gone"):
        run(main())


def test_reused_results_are_streamed_too_and_marked_so(tmp_path: Path) -> None:
    async def main() -> Any:
        async with Runtime(tmp_path / "x.cue", where="thread") as runtime:
            await runtime.chunk(square, [[n] for n in range(2000)])
            dones = [done async for done in runtime.stream(square, [[n] for n in range(2500)])]
            return [(d.index, d.arguments, d.value, d.reused) for d in dones]

    found = sorted(run(main()))
    assert found == [(n, [n], n * n, n < 2000) for n in range(2500)]


def test_a_failed_call_of_a_stream_is_yielded_with_its_error_and_the_others_go_on() -> None:
    async def main() -> Any:
        async with Runtime(where="thread", errors="collect") as runtime:
            return [done async for done in runtime.stream(lambda x: 1 // x, ([n] for n in range(5)))]

    dones = {done.index: done for done in run(main())}
    assert len(dones) == 5
    assert isinstance(dones[0].error, CallFailed)
    assert dones[0].value is None
    assert [dones[n].value for n in range(1, 5)] == [1, 0, 0, 0]


def test_with_raise_a_stream_ends_with_the_failure() -> None:
    async def main() -> None:
        async with Runtime(where="thread", chunk_size=1) as runtime:
            async for _ in runtime.stream(lambda x: 1 // x, ([n] for n in (1, 0, 2))):
                pass

    with pytest.raises(CallFailed, match="call 1"):
        run(main())


def test_leaving_a_stream_keeps_what_is_finished_and_stops_the_rest(tmp_path: Path) -> None:
    async def main() -> int:
        async with Runtime(tmp_path / "x.cue", where="async", chunk_size=2) as runtime:
            stream = runtime.stream(slowly, ([n] for n in itertools.count()))
            async for done in stream:
                if done.index >= 20:
                    break
            await stream.aclose()
            reused = 0
            async for done in runtime.stream(slowly, ([n] for n in range(15))):
                reused += done.reused
            return reused

    assert run(main()) == 15


def test_a_consumer_that_raises_gets_its_own_exception(tmp_path: Path) -> None:
    async def main() -> None:
        async with Runtime(tmp_path / "x.cue", where="async") as runtime:
            async for done in runtime.stream(slowly, ([n] for n in itertools.count())):
                if done.index > 5:
                    raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        run(main())
