"""A disk that refuses some writes of a run in a Runtime that lives on: told, nothing made twice, workers still there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from cuebook import JournalError, JournalFull, Runtime
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.testing.faults import JournalFaults
from cuebook.testing.memory_medium import MemoryMedium
from cuebook.testing.memory_store import MemoryStore


def on(store: MemoryStore, runtime: Runtime) -> Runtime:
    async def open_file(path: str) -> JournalWriter:
        return await JournalWriter.open(MemoryMedium(store, path))

    runtime.app.open_file = open_file  # type: ignore[method-assign]
    return runtime


def test_arguments_of_an_iterator_that_were_not_kept_end_the_run_and_no_result_stands_without_them(
    tmp_path: Path,
) -> None:
    faults = JournalFaults()
    store = MemoryStore(faults)

    def source() -> Iterator[list[int]]:
        faults.fail_next()
        yield from ([n] for n in range(20))

    async def main() -> None:
        async with on(store, Runtime(tmp_path / "x.cue", where="thread")) as runtime:
            with pytest.raises(JournalError):
                await runtime.chunk(abs, source())

    asyncio.run(main())


def test_when_several_writes_of_a_run_fail_its_workers_are_given_back_once(tmp_path: Path) -> None:
    faults = JournalFaults()
    store = MemoryStore(faults)

    async def main() -> None:
        async with on(store, Runtime(tmp_path / "x.cue", where="thread", chunk_size=4, batch=1)) as runtime:
            for _ in range(3):
                faults.fill(after=2)
                with pytest.raises(JournalFull):
                    await runtime.chunk(abs, [[n] for n in range(2000)])
                faults.make_room()
            idle = [slot for slots in runtime.app.table._idle.values() for slot in slots]
            assert len(idle) == len(set(map(id, idle)))
            assert await runtime.chunk(abs, [[n] for n in range(50)]) == list(range(50))

    asyncio.run(main())
