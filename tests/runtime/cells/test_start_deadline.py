"""A start that does not end is a failure, by name, and nobody waits for it for ever."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import pytest

from cuebook.errors import ActorStopped, SupervisionError
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.groups.strategy import ChildSpec, SupervisorSpec
from cuebook.runtime.policy.restarts import Backoff, Restart, RestartIntensity
from cuebook.runtime.system import ActorSystem
from tests.support.cast import Counter, Get
from tests.support.virtually import virtually

ONCE = RestartIntensity(0, 5.0)


class NeverStarts(Counter):
    async def on_start(self) -> None:
        await asyncio.sleep(10_000)


class Deaf(Actor):
    """Obeys no cancellation."""

    async def on_start(self) -> None:
        with anyio.CancelScope(shield=True):
            await asyncio.sleep(8)


@pytest.mark.parametrize(("kind", "after_s"), [(NeverStarts, 2.0), (Deaf, 3.0)])
def test_a_supervisor_does_not_wait_for_a_child_that_never_starts(kind: type[Actor], after_s: float) -> None:
    """It fails, and its error names the child and the bound; a child that obeys nothing is left behind."""

    @virtually
    async def scene() -> None:
        ended: list[Any] = []
        loop = asyncio.get_running_loop()
        async with ActorSystem() as system:
            spec = SupervisorSpec([ChildSpec("quick", Counter), ChildSpec("slow", kind, start_s=2.0)])
            system.supervise(spec, name="top", on_terminated=lambda _, error: ended.append((error, loop.time())))
            await asyncio.sleep(10)
        error, at = ended[0]
        assert isinstance(error, SupervisionError)
        assert str(error) == "child 'slow' did not start: top/slow did not start within 2 s"
        assert at == pytest.approx(after_s)

    scene()


@virtually
async def test_a_child_that_is_added_and_never_starts_is_refused_in_time() -> None:
    async with ActorSystem() as system:
        top = system.supervise(SupervisorSpec(), name="top")
        with pytest.raises(SupervisionError, match="top/slow did not start within 0.5 s"):
            await top.start_child(ChildSpec("slow", NeverStarts, start_s=0.5))
        assert await top.children() == {}


@virtually
async def test_a_child_has_half_a_minute_to_start_unless_told_otherwise() -> None:
    async with ActorSystem() as system:
        top = system.supervise(SupervisorSpec(), name="top")
        with pytest.raises(SupervisionError, match="within 30 s"):
            await top.start_child(ChildSpec("slow", NeverStarts))
    assert asyncio.get_running_loop().time() == pytest.approx(30.0)


@virtually
async def test_a_start_in_time_is_left_alone_however_long_its_actor_lives() -> None:
    class SlowToStart(Counter):
        async def on_start(self) -> None:
            await asyncio.sleep(1.5)

    async with ActorSystem() as system:
        ref = system.spawn(SlowToStart, name="slow", start_s=2.0)
        await asyncio.sleep(20)
        assert await ref.ask(Get()) == 0
        assert ref.statistics().restarts == 0


@virtually
async def test_each_start_has_the_whole_time_and_the_policy_counts_them() -> None:
    starts: list[float] = []

    class Slower(Counter):
        async def on_start(self) -> None:
            starts.append(asyncio.get_running_loop().time())
            if len(starts) < 3:
                await asyncio.sleep(1000)

    async with ActorSystem() as system:
        ref = system.spawn(Slower, name="slower", start_s=1.0, backoff=Backoff(0.0))
        assert await ref.ask(Get()) == 0
        assert starts == pytest.approx([0.0, 1.0, 2.0])
        assert ref.statistics().restarts == 2


@virtually
async def test_who_asked_meanwhile_is_answered() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(NeverStarts, name="never", start_s=1.0, restart=Restart.TEMPORARY)
        with pytest.raises(ActorStopped, match="never did not start within 1 s"):
            await ref.ask(Get(), timeout=None)


@pytest.mark.parametrize("start_s", [0, -1.0])
def test_a_bound_that_makes_no_sense_is_refused(start_s: float) -> None:
    with pytest.raises(ValueError, match="start_s of child 'c' is more than 0"):
        SupervisorSpec([ChildSpec("c", Counter, start_s=start_s)])

    @virtually
    async def scene() -> None:
        async with ActorSystem() as system:
            with pytest.raises(ValueError, match="start_s of 'c' is more than 0"):
                system.spawn(Counter, name="c", start_s=start_s)

    scene()
