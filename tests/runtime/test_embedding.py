"""A system in a program of others: their contexts, their cancel scopes, their signals, their loops, their threads."""

from __future__ import annotations

import asyncio
import contextvars
import signal
import threading
from typing import Any

import anyio
import pytest
import uvloop

from cuebook.errors import ActorStopped, AskTimeout
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.refs.ref import current_actor
from cuebook.runtime.system import ActorSystem
from tests.support.alarm import Blocking, listening
from tests.support.cast import Add, Counter, Echo, Get, Pause
from tests.support.virtually import virtually

pytestmark = pytest.mark.quick

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="none")


class Looking(Actor):
    """Answers with what its context holds; may set it."""

    async def on_start(self) -> None:
        self.at_start = request_id.get()

    def receive(self, message: Any) -> Any:
        match message:
            case Echo(value):
                request_id.set(value)
            case Pause():
                return self.slowly()
        return request_id.get()

    async def slowly(self) -> str:
        await asyncio.sleep(0.01)
        return request_id.get()


@virtually
async def test_an_actor_sees_what_was_set_where_it_was_spawned_and_not_what_is_set_later() -> None:
    async with ActorSystem() as system:
        request_id.set("spawned")
        ref = system.spawn(Looking, name="looking")
        request_id.set("later")
        assert await ref.ask(Get()) == "spawned"
        assert await ref.ask(Pause(0)) == "spawned"
        ref.kill()
        assert await ref.ask(Get()) == "spawned"


@virtually
async def test_each_actor_has_a_context_of_its_own_that_lasts_from_message_to_message() -> None:
    async with ActorSystem() as system:
        request_id.set("program")
        one, two = system.spawn(Looking, name="one"), system.spawn(Looking, name="two")
        await one.ask(Echo("one's"))
        assert [await one.ask(Get()), await one.ask(Pause(0)), await two.ask(Get())] == ["one's", "one's", "program"]
        assert request_id.get() == "program"


@virtually
async def test_a_child_sees_what_its_parent_has_set() -> None:
    class Parent(Looking):
        def receive(self, message: Any) -> Any:
            request_id.set("parent's")
            return self.context.spawn(Looking, name="child").name

    async with ActorSystem() as system:
        await system.spawn(Parent, name="parent").ask(Get())
        assert await system.actor("child").ask(Get()) == "parent's"


@virtually
async def test_a_scope_around_an_ask_ends_the_wait_and_nothing_else() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter")
        beside = asyncio.ensure_future(ref.ask(Echo("beside")))
        with anyio.move_on_after(1.0) as scope:
            await ref.ask(Pause(5.0))
        assert scope.cancelled_caught
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await ref.ask(Get(), timeout=None)
        with pytest.raises(AskTimeout):
            await ref.ask(Get(), timeout=0.5)
        assert await beside == "beside"
        assert await ref.ask(Get()) == 0
        assert ref.statistics().restarts == 0
        assert ref.statistics().late_replies == 3


@virtually
async def test_a_shielded_scope_around_the_block_is_not_cancelled_from_outside() -> None:
    async with ActorSystem() as outer:
        with anyio.move_on_after(1.0) as scope, anyio.CancelScope(shield=True):
            async with ActorSystem() as system:
                assert await system.spawn(Counter, name="counter").ask(Pause(2.0)) == "paused"
        assert scope.cancel_called
        assert await outer.spawn(Counter, name="counter").ask(Get()) == 0


@virtually
async def test_a_scope_inside_a_handler_is_the_handlers_own() -> None:
    class Patient(Actor):
        async def receive(self, message: Any) -> str:
            with anyio.move_on_after(1.0):
                await asyncio.sleep(100)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(asyncio.sleep, 100)
                tasks.cancel_scope.cancel()
            return "went on"

    async with ActorSystem() as system:
        ref = system.spawn(Patient, name="patient")
        assert [await ref.ask(Get()), await ref.ask(Get())] == ["went on", "went on"]
        assert ref.statistics().restarts == 0


@virtually
async def test_an_error_beside_the_block_reaches_every_actor_as_the_end() -> None:
    """In a task group of the program's: what fails there ends the system in good order, and is raised as it is."""
    diary: list[Any] = []

    async def live() -> None:
        async with ActorSystem() as system:
            system.spawn(lambda: Counter(diary), name="counter").tell_nowait(Pause(100))
            await asyncio.sleep(100)

    async def fail() -> None:
        await asyncio.sleep(1)
        raise ZeroDivisionError

    with pytest.raises(ExceptionGroup) as raised:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(live)
            tasks.start_soon(fail)
    assert raised.group_contains(ZeroDivisionError)
    assert diary == ["start", "pausing", "stop"]


def test_no_signal_is_touched() -> None:
    def handlers() -> list[Any]:
        return [signal.getsignal(number) for number in sorted(signal.valid_signals())]

    async def scene() -> None:
        before = handlers()
        async with ActorSystem() as system:
            await system.spawn(Counter, name="counter").ask(Get())
            assert handlers() == before

    asyncio.run(scene())


def test_systems_in_the_loops_of_several_threads_do_not_know_each_other() -> None:
    """Same names, one process: a ref of one is of no other, also where it went through bytes."""
    totals: dict[int, int] = {}
    together = threading.Barrier(3, timeout=20)

    async def scene(n: int) -> None:
        async with ActorSystem() as system:
            ref = system.spawn(Counter, name="counter")
            together.wait()
            for _ in range(50):
                await ref.tell(Add(n))
                await asyncio.sleep(0)
            totals[n] = await ref.ask(Get())
            assert (await ref.ask(Echo([ref])))[0] is ref
            together.wait()

    threads = [threading.Thread(target=asyncio.run, args=(scene(n),)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert totals == {0: 0, 1: 50, 2: 100}


def test_a_system_lives_in_a_loop_of_uvloops() -> None:
    """Asks, deadlines, timers, failures, a forced end: what touches the loop in other ways than awaiting."""

    class Ticking(Counter):
        async def on_start(self) -> None:
            self.context.after(0.01, Add(5))

    async def scene() -> None:
        async with ActorSystem() as system:
            ref = system.spawn(Ticking, name="ticking")
            assert await ref.ask(Pause(0.02)) == "paused"
            assert await ref.ask(Get()) == 5
            with pytest.raises(AskTimeout):
                await ref.ask(Pause(0.2), timeout=0.02)
            ref.kill()
            assert await ref.ask(Get()) == 0
            assert current_actor() is None
        assert system.report is not None and system.report.is_clean
        with anyio.move_on_after(0.02):
            async with ActorSystem() as other:
                other.spawn(Counter, name="busy").tell_nowait(Pause(100))
                ask = asyncio.ensure_future(other.actor("busy").ask(Get(), timeout=None))
                await asyncio.sleep(10)
        with pytest.raises(ActorStopped):
            await ask

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scene())


def test_a_handler_that_holds_up_uvloop_is_named() -> None:
    async def scene() -> None:
        with listening() as alarm:
            async with ActorSystem(blocking_s=0.02) as system:
                ref = system.spawn(lambda: Blocking(alarm), name="blocking")
                assert await ref.ask(Get())
                assert await ref.ask(Pause(0))
                found = [(one.actor, one.message, "in wait_here" in one.stack) for one in system.blockages]
                assert found == [("blocking", "Get", True), ("blocking", "Pause", True)]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scene())
