"""A system that breaks ends the block that it lives in, with what it broke of, and nothing around it."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import pytest

from cuebook.errors import ActorStopped, InternalError, RestartLimitReached
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.policy.restarts import Restart
from cuebook.runtime.system import ActorSystem
from tests.support.cast import Add, Counter, Get, Pause
from tests.support.virtually import virtually


class Sleeper(Actor):
    async def receive(self, message: Any) -> None:
        try:
            await asyncio.sleep(9)
        finally:
            self.context.self_ref.tell_nowait(message)


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("idles_first", [True, False])
def test_a_cancellation_in_the_moment_of_a_message_ends_the_system(turns: int, idles_first: bool) -> None:
    """The handler's task may begin in the very moment in which all tasks are cancelled."""

    @virtually
    async def scene() -> None:
        async def life() -> None:
            async with ActorSystem() as system:
                ref = system.spawn(Sleeper, name="sleeper")
                if idles_first:
                    await asyncio.sleep(1)
                ref.tell_nowait(Get())
                for _ in range(turns):
                    await asyncio.sleep(0)
                raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(asyncio.create_task(life()), 60)
        assert asyncio.get_running_loop().time() == pytest.approx(1.0 if idles_first else 0.0)  # no deadline was needed

    scene()


@virtually
async def test_a_failure_ends_the_block_with_its_error_and_every_actor_with_it() -> None:
    diary: list[Any] = []
    with pytest.raises(RestartLimitReached, match="too much"):
        async with ActorSystem() as system:
            idle = system.spawn(lambda: Counter(diary), name="idle")
            await idle.ask(Add(1))
            ask = asyncio.ensure_future(system.spawn(Counter, name="busy").ask(Pause(100)))
            asyncio.get_running_loop().call_later(1.0, system.fail, RestartLimitReached("too much"))
            await asyncio.sleep(1000)
    assert asyncio.get_running_loop().time() == pytest.approx(1.0)
    assert diary == ["start", 1, "stop"]
    with pytest.raises(ActorStopped):
        await ask
    await asyncio.sleep(1)  # nothing of the cancellation is left over


@virtually
async def test_a_failure_leaves_what_lies_around_the_block_alone() -> None:
    with anyio.CancelScope() as around:
        async with ActorSystem("outer") as outer, anyio.create_task_group() as tasks:
            ref = outer.spawn(Counter, name="counter")
            beside = asyncio.Event()
            tasks.start_soon(beside.wait)
            with pytest.raises(RestartLimitReached):
                async with ActorSystem("inner") as inner:
                    inner.fail(RestartLimitReached("inner"))
                    await asyncio.sleep(1000)
            assert await ref.ask(Get()) == 0
            beside.set()
    assert not around.cancel_called


@virtually
async def test_a_cancellation_from_outside_goes_before_a_failure() -> None:
    with anyio.move_on_after(1.0) as around:
        async with ActorSystem() as system:
            around.cancel()
            system.fail(RestartLimitReached("too late"))
            await asyncio.sleep(1000)
    assert around.cancelled_caught


@virtually
async def test_a_plain_cancellation_from_outside_goes_before_a_failure_too() -> None:
    async def live() -> None:
        async with ActorSystem() as system:
            systems.append(system)
            await asyncio.sleep(1000)

    systems: list[ActorSystem] = []
    task = asyncio.create_task(live())
    await asyncio.sleep(1)
    systems[0].fail(RestartLimitReached("at the same time"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


@virtually
async def test_a_block_that_ends_by_itself_after_a_failure_still_raises_it() -> None:
    with pytest.raises(RestartLimitReached):
        async with ActorSystem() as system:
            system.fail(RestartLimitReached("unseen"))


@virtually
async def test_a_failure_after_the_end_has_begun_is_none() -> None:
    async with ActorSystem() as system:
        await system.stop()
        system.fail(RestartLimitReached("too late"))


@pytest.mark.parametrize("awaits", [True, False])
def test_a_bug_in_the_work_of_an_actor_is_an_internal_error_of_its_system(awaits: bool) -> None:
    """What the runtime itself does for an actor raised: it is named, and nobody waits for ever."""

    @virtually
    async def scene() -> None:
        def broken(*_: Any) -> None:
            raise LookupError("a bug")

        class Awaiting(Counter):
            async def on_failure(self, error: BaseException) -> None:
                await asyncio.sleep(0.1)

        class Plain(Actor):
            def receive(self, message: Any) -> None: ...

        with pytest.raises(InternalError, match="the actor asked broke") as raised:
            async with ActorSystem() as system:
                kind = Awaiting if awaits else Plain
                ref = system.spawn(kind, name="asked", on_ended=broken, restart=Restart.PERMANENT)
                await asyncio.sleep(1)
                ref.kill()
                await ref.ask(Get(), timeout=None)
        assert isinstance(raised.value.__cause__, LookupError)

    scene()
