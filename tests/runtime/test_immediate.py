"""An async handler that never awaits runs without a task, and is the same in all else."""

from __future__ import annotations

import asyncio
import functools
from contextlib import nullcontext
from typing import Any

import pytest

from cuebook.errors import ActorFailed
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.system import ActorSystem
from cuebook.runtime.tasks.immediate import never_waits, outcome_of
from tests.support.cast import Add, Boom, Echo, Get
from tests.support.virtually import virtually

pytestmark = pytest.mark.quick


async def plain(value: Any) -> Any:
    return value


async def nested(value: Any) -> Any:
    async def inner() -> Any:
        return await value

    return inner


async def awaits(value: Any) -> Any:
    return await value


async def awaits_sometimes(value: Any) -> Any:
    if value is None:
        await asyncio.sleep(0)
    return value


async def awaits_far_down(value: Any) -> Any:
    match value:
        case int():
            return [number + 1 for number in range(value)]
        case str():
            with nullcontext():
                return dict.fromkeys(value, 1)
        case _:
            return [await entry for entry in value]


async def loops(value: Any) -> Any:
    async for entry in value:
        return entry
    return None


async def enters(value: Any) -> Any:
    async with value:
        return value


async def comprehends(value: Any) -> Any:
    return [entry async for entry in value]


@functools.wraps(plain)
async def wrapped(value: Any) -> Any:
    return await plain(value)


@pytest.mark.parametrize("function", [plain, nested])
def test_without_an_await_it_never_waits(function: Any) -> None:
    coroutine = function(5)
    assert never_waits(coroutine)
    outcome = outcome_of(coroutine)
    assert outcome == 5 or callable(outcome)


@pytest.mark.parametrize(
    "function",
    [awaits, awaits_sometimes, awaits_far_down, loops, enters, comprehends, wrapped],
    ids=lambda function: function.__name__,
)
def test_with_any_kind_of_await_it_may_wait(function: Any) -> None:
    for _ in range(2):
        coroutine = function(5)
        assert not never_waits(coroutine)
        coroutine.close()


class Prompt(Actor):
    """Never waits, and says in which task it runs."""

    def __init__(self) -> None:
        self.total = 0

    async def receive(self, message: Any) -> Any:
        match message:
            case Add(n):
                self.total += n
            case Get():
                return self.total
            case Boom(text):
                raise ValueError(text)
            case Echo(value):
                return value
        return None


@virtually
async def test_its_answers_and_failures_are_those_of_any_handler() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Prompt, name="prompt")
        for n in range(1, 5):
            ref.tell_nowait(Add(n))
        assert await ref.ask(Get()) == 10
        assert await ref.ask(Echo({"a": [1]})) == {"a": [1]}
        with pytest.raises(ActorFailed, match="ValueError: no"):
            await ref.ask(Boom("no"))
        assert await ref.ask(Get()) == 0, "the next incarnation"


@virtually
async def test_one_that_waits_runs_in_a_task_that_goes_on() -> None:
    class Waiting(Actor):
        async def receive(self, message: Any) -> bool:
            await asyncio.sleep(1)
            task = asyncio.current_task()
            return task is not None and not task.done()

    async with ActorSystem() as system:
        assert await system.spawn(Waiting, name="waiting").ask(Get()) is True
