"""Streams for whoever reads along: all get all, nobody waits for anybody, and nothing is left of who has gone."""

from __future__ import annotations

import asyncio
import gc

from cuebook.runtime.reports.readers import BEHIND_MAX, Readers
from tests.support.virtually import virtually


@virtually
async def test_every_reader_gets_what_comes_after_it_asked() -> None:
    readers: Readers[int] = Readers()
    early = readers.stream()
    readers.put(1)
    late = readers.stream()
    readers.put(2)
    readers.close()
    assert [[item async for item in stream] for stream in (early, late)] == [[1, 2], [2]]
    assert [item async for item in early] == []


@virtually
async def test_a_reader_that_waits_is_woken_by_an_item_and_by_the_end() -> None:
    readers: Readers[int] = Readers()
    stream = readers.stream()
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    readers.put(1)
    assert await waiting == 1
    waiting = asyncio.ensure_future(anext(stream, -1))
    await asyncio.sleep(0)
    readers.close()
    assert await waiting == -1


@virtually
async def test_a_slow_reader_loses_the_oldest_and_still_hears_the_end() -> None:
    readers: Readers[int] = Readers()
    stream = readers.stream()
    for n in range(BEHIND_MAX + 5):
        readers.put(n)
    readers.close()
    items = [item async for item in stream]
    assert items == list(range(6, BEHIND_MAX + 5))


@virtually
async def test_a_stream_that_nobody_holds_is_read_by_nobody() -> None:
    readers: Readers[int] = Readers()
    assert not readers
    asyncio.get_running_loop().call_soon(readers.put, 1)
    async for item in readers.stream():
        assert (item, bool(readers)) == (1, True)
        break
    gc.collect()
    assert not readers


@virtually
async def test_a_stream_that_is_closed_ends_and_takes_no_more() -> None:
    readers: Readers[int] = Readers()
    stream = readers.stream()
    readers.put(1)
    await stream.aclose()
    readers.put(2)
    assert [item async for item in stream] == [1]
