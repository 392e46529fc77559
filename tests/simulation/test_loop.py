"""The seeded loop: strangers run in an order drawn from the seed, and what one object asks for stays in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from cuebook.testing.simulation.loop import JITTER_S, run_shuffled


class Speaker:
    def __init__(self, name: str, heard: list[str]) -> None:
        self.name = name
        self.heard = heard

    def say(self, number: int) -> None:
        self.heard.append(f"{self.name}{number}")


def heard_with(seed: int, arrange: Callable[[list[Speaker]], object]) -> list[str]:
    heard: list[str] = []

    async def scene() -> None:
        arrange([Speaker(name, heard) for name in "abc"])
        await asyncio.sleep(1)  # virtual

    run_shuffled(scene(), seed)
    return heard


def three_each(speakers: list[Speaker]) -> None:
    for number in range(3):
        for speaker in speakers:
            asyncio.get_running_loop().call_soon(speaker.say, number)


def test_callbacks_of_one_object_keep_their_order() -> None:
    for seed in range(20):
        heard = heard_with(seed, three_each)
        assert sorted(heard) == ["a0", "a1", "a2", "b0", "b1", "b2", "c0", "c1", "c2"]
        for name in "abc":
            assert [word for word in heard if word[0] == name] == [f"{name}{number}" for number in range(3)]


def test_callbacks_of_strangers_come_in_an_order_that_the_seed_decides() -> None:
    orders = {tuple(heard_with(seed, three_each)) for seed in range(20)}

    assert len(orders) > 10
    assert heard_with(7, three_each) == heard_with(7, three_each)


def test_tasks_that_are_ready_together_run_in_any_order() -> None:
    async def names() -> list[str]:
        heard: list[str] = []
        async with asyncio.TaskGroup() as group:
            for name in "abcd":
                group.create_task(say(name, heard))
        return heard

    async def say(name: str, heard: list[str]) -> None:
        heard.append(name)

    orders = {tuple(run_shuffled(names(), seed)) for seed in range(50)}

    assert len(orders) > 10
    assert all(sorted(order) == list("abcd") for order in orders)


def test_a_cancelled_callback_never_runs() -> None:
    def arrange(speakers: list[Speaker]) -> None:
        handles = [asyncio.get_running_loop().call_soon(speaker.say, 0) for speaker in speakers]
        handles[1].cancel()

    for seed in range(10):
        assert sorted(heard_with(seed, arrange)) == ["a0", "c0"]


def test_a_timer_is_never_early_and_hardly_late() -> None:
    async def lateness() -> list[float]:
        loop = asyncio.get_running_loop()
        late: list[float] = []
        for number in range(1, 30):
            due = loop.time() + number * 0.01
            loop.call_at(due, lambda due=due: late.append(loop.time() - due))
        await asyncio.sleep(1)  # virtual
        return late

    late = run_shuffled(lateness(), 1)

    assert len(late) == 29
    assert min(late) >= 0
    assert max(late) <= 2 * JITTER_S


def test_a_callback_from_another_thread_arrives() -> None:
    async def scene() -> str:
        loop = asyncio.get_running_loop()
        arrived: asyncio.Future[str] = loop.create_future()
        await loop.run_in_executor(None, lambda: loop.call_soon_threadsafe(arrived.set_result, "here"))
        return await arrived

    assert run_shuffled(scene(), 1) == "here"


def test_an_error_in_a_callback_goes_to_the_loops_handler() -> None:
    def fail() -> None:
        raise RuntimeError("a callback fails")

    async def scene() -> list[str]:
        loop = asyncio.get_running_loop()
        errors: list[str] = []
        loop.set_exception_handler(lambda _, context: errors.append(str(context["exception"])))
        loop.call_soon(fail)
        await asyncio.sleep(1)  # virtual
        return errors

    assert run_shuffled(scene(), 1) == ["a callback fails"]
