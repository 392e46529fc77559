"""Code that obeys no cancellation holds up neither its actor, nor the end of the block, nor that of the program."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from cuebook.errors import ActorFailed, ActorStopped, InternalError
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.system import ActorSystem
from cuebook.runtime.tasks.hold import Hold
from tests.support.cast import Add, Boom, Counter, Echo, Get, Pause
from tests.support.virtually import virtually

RELEASE: list[asyncio.Event] = []
"""What ends those that resist, at the end of a test."""


async def resist() -> None:
    """Go on, whatever comes."""
    while not RELEASE[-1].is_set():
        try:
            await RELEASE[-1].wait()
        except BaseException:
            pass


class Stubborn(Actor):
    """Resists in the hook that is named; in its handler for a Get, and beside it for an Echo."""

    def __init__(self, diary: list[Any], hook: str = "") -> None:
        self.diary, self.hook = diary, hook

    async def on_start(self) -> None:
        self.diary.append("start")
        await self._perhaps("on_start")

    async def on_stop(self) -> None:
        self.diary.append("stop")
        await self._perhaps("on_stop")

    async def on_failure(self, error: BaseException) -> None:
        self.diary.append(type(error).__name__)
        await self._perhaps("on_failure")

    async def _perhaps(self, hook: str) -> None:
        if self.hook == hook:
            await resist()

    def receive(self, message: Any) -> Any:
        match message:
            case Get():
                return resist()
            case Echo():
                self.context.pipe_to_self(resist(), lambda value, error: Add(1))
            case Boom():
                raise ValueError("boom")
        return "here"


def resisting(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """Run a test in virtual time; what resisted in it may end after it."""

    @virtually
    async def scene() -> None:
        RELEASE.append(asyncio.Event())
        before = asyncio.all_tasks()
        try:
            await test()
            assert asyncio.all_tasks() == before, "nobody waits for what was left behind"
        finally:
            RELEASE[-1].set()
            for _ in range(5):
                await asyncio.sleep(0)
            RELEASE.pop()

    return scene


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("how", ["stop", "drain", "block", "system"])
def test_a_stop_ends_within_its_time_and_a_second(how: str) -> None:
    @resisting
    async def scene() -> None:
        diary: list[Any] = []
        async with ActorSystem() as system:
            ref = system.spawn(lambda: Stubborn(diary), name="stubborn", shutdown_s=2.0)
            asks = [asyncio.ensure_future(ref.ask(message, timeout=None)) for message in (Get(), Add(1))]
            await asyncio.sleep(1)
            if how == "stop":
                assert await ref.stop(2.0) is False
            elif how == "drain":
                assert await ref.drain(2.0) is False
            elif how == "system":
                assert (await system.stop()).killed == {"stubborn": "obeyed no cancellation, and was left behind"}
        assert now() == pytest.approx(4.0)
        outcomes = await asyncio.gather(*asks, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [ActorStopped, ActorStopped]
        if how == "block":
            assert system.report is not None
            assert system.report.killed == {"stubborn": "obeyed no cancellation, and was left behind"}

    scene()


@pytest.mark.parametrize("hook", ["on_start", "on_stop"])
def test_a_hook_that_resists_holds_up_the_end_no_longer_than_a_handler(hook: str) -> None:
    @resisting
    async def scene() -> None:
        async with ActorSystem() as system:
            system.spawn(lambda: Stubborn([], hook), name="stubborn", shutdown_s=2.0).tell_nowait(Add(1))
            await asyncio.sleep(1)
        assert now() == pytest.approx(4.0)
        assert system.report is not None
        assert system.report.killed == {"stubborn": "obeyed no cancellation, and was left behind"}

    scene()


def test_a_last_hook_after_a_failure_that_resists_ends_with_the_block() -> None:
    @resisting
    async def scene() -> None:
        async with ActorSystem() as system:
            ref = system.spawn(lambda: Stubborn([], "on_failure"), name="stubborn", shutdown_s=2.0)
            with pytest.raises(ActorFailed):
                await ref.ask(Boom())
            await asyncio.sleep(1)
        assert now() == pytest.approx(4.0)

    scene()


def test_a_kill_goes_on_without_a_handler_that_resists() -> None:
    """After a second its incarnation has failed, and the next one receives what waits."""

    @resisting
    async def scene() -> None:
        diary: list[Any] = []
        async with ActorSystem() as system:
            ref = system.spawn(lambda: Stubborn(diary), name="stubborn")
            ask = asyncio.ensure_future(ref.ask(Get(), timeout=None))
            await asyncio.sleep(1)
            ref.kill()
            ref.kill()
            assert await ref.ask(Add(1)) == "here"
            assert now() == pytest.approx(2.0, abs=0.1)
            assert str(ask.exception()) == "stubborn was killed"
            assert diary == ["start", "ActorFailed", "start"]
            assert (ref.statistics().restarts, ref.statistics().failures) == (1, 1)
        assert now() == pytest.approx(2.0, abs=0.1)

    scene()


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_who_waits_for_children_that_clean_up_has_obeyed(how: str) -> None:
    """Its children get their time, and its last hook runs once they have ended."""
    diary: list[Any] = []

    class Child(Actor):
        async def on_stop(self) -> None:
            await asyncio.sleep(1.5)
            diary.append("child")

    class Slow(Actor):
        async def receive(self, message: Any) -> None:
            await asyncio.sleep(100)

        async def on_failure(self, error: BaseException) -> None:
            await asyncio.sleep(5)

    class Parent(Actor):
        async def on_start(self) -> None:
            kind = Child if how == "kill" else Slow
            self.context.spawn(kind, name="child", shutdown_s=3.0).tell_nowait(Get())

        async def receive(self, message: Any) -> None:
            await asyncio.sleep(100)

        async def on_stop(self) -> None:
            diary.append("parent")

        async def on_failure(self, error: BaseException) -> None:
            diary.append("parent")

    @virtually
    async def scene() -> None:
        async with ActorSystem() as system:
            ref = system.spawn(Parent, name="parent")
            ref.tell_nowait(Get())
            await asyncio.sleep(1)
            if how == "kill":
                ref.kill()
                await asyncio.sleep(3)
                assert ref.statistics().failures == 1
            else:
                assert await ref.stop(0.0) is False
            assert diary[:2] == (["child", "parent"] if how == "kill" else ["parent"])
        assert system.report is not None
        assert system.report.killed == {}

    scene()


def test_what_was_left_behind_and_ends_later_touches_nothing() -> None:
    @virtually
    async def scene() -> None:
        RELEASE.append(asyncio.Event())
        async with ActorSystem() as system:
            ref = system.spawn(lambda: Stubborn([]), name="stubborn")
            ref.tell_nowait(Get())
            await asyncio.sleep(1)
            ref.kill()
            assert await ref.ask(Add(1)) == "here"
            RELEASE[-1].set()
            await asyncio.sleep(1)
            assert await ref.ask(Add(1)) == "here"
            assert ref.statistics().restarts == 1
        RELEASE.pop()

    scene()


@pytest.mark.parametrize("end", ["error", "cancellation", "failure", "second cancellation"])
def test_a_block_that_ends_by_force_waits_a_second_for_what_resists(end: str) -> None:
    @resisting
    async def scene() -> None:
        diary: list[Any] = []
        systems: list[ActorSystem] = []

        async def live() -> None:
            async with ActorSystem() as system:
                systems.append(system)
                system.spawn(lambda: Stubborn(diary), name="stubborn", shutdown_s=2.0).tell_nowait(Get())
                system.spawn(lambda: Counter(diary), name="counter")
                await asyncio.sleep(1)
                if end == "error":
                    raise ZeroDivisionError
                if end == "failure":
                    system.fail(InternalError("broken"))
                await asyncio.sleep(1000)

        life = asyncio.create_task(live())
        await asyncio.sleep(1)
        if "cancellation" in end:
            life.cancel()
        if end == "second cancellation":
            await asyncio.sleep(0.25)
            life.cancel()
        await asyncio.wait([life])
        error = None if life.cancelled() else life.exception()
        assert type(error).__name__ == {"error": "ZeroDivisionError", "failure": "InternalError"}.get(end, "NoneType")
        assert now() <= 4.01
        assert diary.count("stop") == {"error": 1, "second cancellation": 0}.get(end, 2)
        assert systems[0].report is not None
        assert systems[0].report.killed["stubborn"] == "obeyed no cancellation, and was left behind"

    scene()


def test_what_goes_on_beside_the_handlers_and_resists_is_left_behind_too() -> None:
    @resisting
    async def scene() -> None:
        async with ActorSystem() as system:
            ref = system.spawn(lambda: Stubborn([]), name="stubborn")
            assert await ref.ask(Echo(1)) == "here"
            await asyncio.sleep(1)
        assert now() == pytest.approx(2.0)

    scene()


def test_code_that_cleans_up_is_not_cancelled_meanwhile_and_is_cancelled_once_more() -> None:
    seen: list[Any] = []

    class Careful(Actor):
        async def receive(self, message: Any) -> Any:
            try:
                await asyncio.sleep(100)
            finally:
                await asyncio.sleep(0.3)
                seen.append(("clean", now()))

    class Once(Actor):
        async def receive(self, message: Any) -> Any:
            try:
                await asyncio.sleep(100)
            except asyncio.CancelledError:
                seen.append(("swallowed", now()))
            await asyncio.sleep(100)

    @virtually
    async def scene() -> None:
        async with ActorSystem() as system:
            for kind in (Careful, Once):
                ref = system.spawn(kind, name=kind.__name__)
                ask = asyncio.ensure_future(ref.ask(Get(), timeout=None))
                await asyncio.sleep(1)
                ref.kill()
                with pytest.raises(ActorFailed, match="was killed"):
                    await ask
                seen.append(now())
        assert seen == [("clean", 1.3), 1.3, ("swallowed", 2.3), 2.8]

    scene()


def test_to_cancel_twice_at_once_ends_as_well() -> None:
    """Each follows up its own for some turns of the loop, and no longer."""

    @virtually
    async def scene() -> None:
        hold = Hold()

        async def work() -> None:
            with hold, anyio.CancelScope(shield=True):
                await asyncio.sleep(1)

        task = asyncio.ensure_future(work())
        await asyncio.sleep(0.1)
        hold.cancel()
        await asyncio.sleep(0)
        hold.cancel()
        await task
        assert now() == 1

    scene()


def test_a_shield_is_respected_and_what_follows_it_is_cancelled() -> None:
    seen: list[float] = []

    class Shielded(Actor):
        async def receive(self, message: Any) -> Any:
            with anyio.CancelScope(shield=True):
                await asyncio.sleep(1.4)
            seen.append(now())
            await asyncio.sleep(100)

    @virtually
    async def scene() -> None:
        async with ActorSystem() as system:
            ref = system.spawn(Shielded, name="shielded")
            ask = asyncio.ensure_future(ref.ask(Get(), timeout=None))
            await asyncio.sleep(1)
            ref.kill()
            with pytest.raises(ActorFailed, match="was killed"):
                await ask
            assert seen == [1.4]
            assert now() == 1.4

    scene()


def test_a_handler_that_resists_takes_no_time_of_the_processor() -> None:
    """anyio cancels in each turn of the loop, for as long as it goes on."""
    turns = 0

    class Counts(Actor):
        async def receive(self, message: Any) -> Any:
            nonlocal turns
            while not RELEASE[-1].is_set():
                try:
                    await RELEASE[-1].wait()
                except BaseException:
                    turns += 1

    @resisting
    async def scene() -> None:
        async with ActorSystem() as system:
            system.spawn(Counts, name="counts", shutdown_s=0.5).tell_nowait(Pause(1))
            await asyncio.sleep(1)

    scene()
    assert 1 <= turns <= 12
