"""The turnstile lets one coroutine through at a time, in order of arrival, whatever the loop; nobody is lost."""

from __future__ import annotations

import asyncio
import threading

import pytest

from cuebook.persistence.journal.turnstile import Turnstile
from tests.support.journals import run


def test_coroutines_of_one_loop_go_through_in_order_of_arrival() -> None:
    async def work() -> list[int]:
        turnstile, order = Turnstile(), list[int]()

        async def through(number: int) -> None:
            async with turnstile:
                await asyncio.sleep(0)
                order.append(number)

        await asyncio.gather(*(through(number) for number in range(20)))
        return order

    assert run(work()) == list(range(20))


def test_coroutines_of_several_loops_are_never_inside_together() -> None:
    turnstile, inside, passed = Turnstile(), [0], [0]

    async def through() -> None:
        for _ in range(50):
            async with turnstile:
                inside[0] += 1
                await asyncio.sleep(0)
                assert inside[0] == 1
                inside[0] -= 1
                passed[0] += 1

    async def several() -> None:
        await asyncio.gather(*(through() for _ in range(4)))

    threads = [threading.Thread(target=lambda: asyncio.run(several())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert passed[0] == 600


@pytest.mark.parametrize("cancel_after", [0, 1, 2])
def test_one_who_gives_up_waiting_leaves_the_way_free(cancel_after: int) -> None:
    async def work() -> None:
        turnstile = Turnstile()

        async def through() -> None:
            async with turnstile:
                pass

        async with turnstile:
            waiting = asyncio.create_task(through())
            await asyncio.sleep(0)
        for _ in range(cancel_after):
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await asyncio.wait_for(through(), 5)

    run(work())


def test_a_loop_that_was_closed_inside_does_not_block_the_others() -> None:
    turnstile = Turnstile()
    loop = asyncio.new_event_loop()
    loop.run_until_complete(turnstile.__aenter__())
    waiting = loop.create_task(turnstile.__aenter__())
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()

    async def through() -> None:
        for _ in range(3):
            async with turnstile:
                await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(through(), 5))
    waiting._log_destroy_pending = False  # type: ignore[attr-defined]
    waiting.get_coro().close()
