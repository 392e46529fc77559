"""Chains in a running loop: what ends them is awaited, and the loop goes on meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

import cuebook
import cuebook.data as dc

Program = Callable[[], AbstractContextManager[object]]


def test_inside_of_a_runtime_a_chain_is_awaited(program: Program) -> None:
    async def main() -> list[int]:
        async with cuebook.Runtime():
            saved = await dc.read_values(x=range(3)).settings(where="thread").map(y=lambda x: x + 1).save("more")
            assert await saved.count() == 3
            return await saved.filter(dc.C("y") > 1).to_values("y")

    with program():
        assert asyncio.run(main()) == [2, 3]
        assert dc.read_dataset("more").count() == 3


def test_the_loop_goes_on_while_a_function_and_polars_are_at_work(program: Program) -> None:
    went_on = threading.Event()

    def waiting(x: int) -> int:
        assert went_on.wait(20)
        return x

    async def main() -> int:
        asyncio.get_running_loop().call_soon(went_on.set)
        return await dc.read_values(x=[1]).settings(where="thread").map(y=waiting, version="1").count()

    with program():
        assert asyncio.run(main()) == 1


def test_a_cancelled_chain_stops_and_keeps_what_it_has_finished(program: Program) -> None:
    seen: list[int] = []
    reached, goes_on = threading.Event(), threading.Event()

    def noted(x: int) -> int:
        seen.append(x)
        if x == 5 and not goes_on.is_set():
            reached.set()
            goes_on.wait(20)
        return x

    def chain() -> dc.DataChain:
        return dc.read_values(x=range(10)).settings(where="thread").map(y=noted, version="1")

    async def main() -> None:
        task = asyncio.create_task(chain().save("some"))  # type: ignore[arg-type]
        await asyncio.to_thread(reached.wait, 20)
        task.cancel()
        asyncio.get_running_loop().call_later(0.02, goes_on.set)
        with pytest.raises(asyncio.CancelledError):
            await task

    with program():
        asyncio.run(main())
        assert len(seen) < 10
        assert chain().save("some").to_values("y") == list(range(10))
    assert sorted(set(seen)) == list(range(10))
    assert len(seen) <= 11


def test_several_chains_run_at_once(program: Program) -> None:
    async def one(number: int) -> int:
        chain = dc.read_values(x=range(number)).settings(where="thread")
        saved = await chain.map(y=lambda x: x * 2, output=int).save(f"numbers {number}")
        return sum(await saved.to_values("y"))

    async def main() -> list[int]:
        return await asyncio.gather(*(one(number) for number in range(1, 5)))

    with program():
        assert asyncio.run(main()) == [0, 2, 6, 12]
