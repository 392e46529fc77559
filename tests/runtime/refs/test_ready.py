"""What can go on does so at once, and no longer than its share; an answer that is waited for is a Future like any."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.mailbox import MailboxSpec
from cuebook.runtime.refs.ready import TURN_STEPS, Pending, ReadyQueue
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.system import ActorSystem
from cuebook.testing.virtual_time import VirtualTimeLoop
from tests.support.cast import Add, Get
from tests.support.virtually import virtually


class Passer(Actor):
    """Passes on what it gets."""

    def __init__(self, to: Callable[[], ActorRef[Any]]) -> None:
        self.to = to

    def receive(self, message: Any) -> None:
        self.to().tell_nowait(message)


class Note(Actor):
    """Notes what it gets."""

    def __init__(self, diary: list[Any]) -> None:
        self.diary = diary

    def receive(self, message: Any) -> None:
        self.diary.append(message)


def virtual_loop() -> VirtualTimeLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    return loop


@virtually
async def test_a_hundred_hops_cost_one_iteration_of_the_loop() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        refs: list[ActorRef[Any]] = [system.spawn(lambda: Note(diary), name="last")]
        for number in range(100):
            refs.append(system.spawn(lambda to=refs[-1]: Passer(lambda: to), name=f"passer-{number}"))
        await asyncio.sleep(0.001)
        refs[-1].tell_nowait(Add(1))
        await asyncio.sleep(0)
        assert diary == [Add(1)]


@virtually
async def test_an_asker_goes_on_within_the_iteration_that_answers_it() -> None:
    iterations = 0

    async def count() -> None:
        nonlocal iterations
        while True:
            await asyncio.sleep(0)
            iterations += 1

    class Echoing(Actor):
        def receive(self, message: Any) -> int:
            return 1

    async with ActorSystem() as system:
        ref = system.spawn(Echoing, name="echo")
        await ref.ask(Get())
        counter = asyncio.ensure_future(count())
        for _ in range(100):
            await ref.ask(Get())
        counter.cancel()
    assert iterations < 10


@virtually
async def test_two_actors_that_never_rest_leave_the_others_their_turn() -> None:
    passed = 0

    class Player(Passer):
        def receive(self, message: Any) -> None:
            nonlocal passed
            passed += 1
            super().receive(message)

    async with ActorSystem() as system:
        ping: ActorRef[Any] = system.spawn(lambda: Player(lambda: pong), name="ping", shutdown_s=0.1)
        pong: ActorRef[Any] = system.spawn(lambda: Player(lambda: ping), name="pong", shutdown_s=0.1)
        ping.tell_nowait(Get())
        for _ in range(5):
            before = passed
            await asyncio.sleep(0)
            assert passed - before <= TURN_STEPS
        assert passed > 2 * TURN_STEPS


@virtually
async def test_a_turn_ends_after_its_time() -> None:
    loop = virtual_loop()
    passed = 0

    class Slow(Passer):
        def receive(self, message: Any) -> None:
            nonlocal passed
            passed += 1
            loop.advance(0.002)
            if passed < 100:
                super().receive(message)

    async with ActorSystem() as system:
        ping: ActorRef[Any] = system.spawn(lambda: Slow(lambda: pong), name="ping")
        pong: ActorRef[Any] = system.spawn(lambda: Slow(lambda: ping), name="pong")
        await asyncio.sleep(0.001)
        ping.tell_nowait(Get())
        await asyncio.sleep(0)
        assert passed <= 4


@virtually
async def test_slow_messages_among_quick_ones_are_noticed_after_four() -> None:
    loop = virtual_loop()
    received = 0

    class Uneven(Actor):
        def receive(self, message: Any) -> None:
            nonlocal received
            received += 1
            if received > 50:
                loop.advance(0.1)

    async with ActorSystem() as system:
        ref = system.spawn(Uneven, name="uneven", mailbox=MailboxSpec(capacity=1000))
        await asyncio.sleep(0.001)
        for _ in range(60):
            ref.tell_nowait(Get())
        steps = []
        while received < 60:
            before = received
            await asyncio.sleep(0)
            steps.append(received - before)
    assert 50 < steps[0] <= 54
    assert all(step <= 1 for step in steps[1:])


def test_a_step_that_ends_the_program_does_not_lose_the_others() -> None:
    done: list[str] = []

    class Step:
        def __init__(self, name: str) -> None:
            self.name = name

        def step(self) -> None:
            done.append(self.name)
            if self.name == "bang":
                raise SystemExit(3)

    loop = asyncio.new_event_loop()
    ready = ReadyQueue(loop, loop.time)
    for name in ("a", "bang", "b"):
        ready.add(Step(name))
    loop.call_soon(loop.stop)
    with pytest.raises(SystemExit):
        loop.run_forever()
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    assert done == ["a", "bang", "b"]


# An answer that is waited for


def plain() -> asyncio.Future[Any]:
    return asyncio.get_running_loop().create_future()


def pending() -> asyncio.Future[Any]:
    loop = asyncio.get_running_loop()
    made = Pending(loop=loop)
    made.ready, made.waiter, made.context = ReadyQueue(loop, loop.time), None, None
    return made


async def awaited(future: asyncio.Future[Any]) -> Any:
    return await future


async def twice(future: asyncio.Future[Any]) -> Any:
    return await asyncio.gather(awaited(future), awaited(future))


async def shielded(future: asyncio.Future[Any]) -> Any:
    return await asyncio.shield(future)


async def gathered(future: asyncio.Future[Any]) -> Any:
    return await asyncio.gather(future, return_exceptions=True)


async def within(future: asyncio.Future[Any]) -> Any:
    async with asyncio.timeout(1):
        return await future


async def waited(future: asyncio.Future[Any]) -> Any:
    done, _ = await asyncio.wait([future], timeout=1)
    return len(done), future.cancelled()


def settle(future: asyncio.Future[Any], how: str) -> None:
    if how == "result":
        future.set_result(5)
    elif how == "error":
        future.set_exception(KeyError("no"))
    elif how == "cancel":
        assert future.cancel("why")


async def outcome_of(work: Any) -> str:
    try:
        return repr(await work)
    except BaseException as error:
        return repr(error)


@pytest.mark.parametrize("how", ["result", "error", "cancel", "never"])
@pytest.mark.parametrize("wait", [awaited, twice, shielded, gathered, within, waited])
@pytest.mark.parametrize("is_early", [True, False])
def test_a_pending_answer_is_a_future_like_any(wait: Any, how: str, is_early: bool) -> None:
    @virtually
    async def scene() -> None:
        outcomes = []
        for make in (plain, pending):
            future = make()
            if is_early:
                settle(future, how)
            work = asyncio.ensure_future(wait(future))
            await asyncio.sleep(0.01)
            if not is_early:
                settle(future, how)
            await asyncio.sleep(2)
            work.cancel("too long")
            outcomes.append((await outcome_of(work), future.done(), future.cancelled()))
            if future.done() and not future.cancelled():
                future.exception()
        assert outcomes[0] == outcomes[1]

    scene()


@virtually
async def test_a_callback_that_was_taken_back_is_not_called() -> None:
    called: list[str] = []
    for future in (plain(), pending()):
        keep, drop = (lambda _: called.append("keep")), (lambda _: called.append("drop"))
        future.add_done_callback(drop)
        future.add_done_callback(keep)
        assert future.remove_done_callback(drop) == 1
        assert future.remove_done_callback(drop) == 0
        future.set_result(None)
        await asyncio.sleep(0.01)
    assert called == ["keep", "keep"]


@virtually
async def test_a_waiter_that_leaves_a_pending_answer_is_not_woken_by_it() -> None:
    future = pending()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(future), 0.5)
    future.set_result(1)
    assert await future == 1


def test_a_loop_that_refuses_a_callback_once_takes_the_next_and_nothing_waits_for_ever() -> None:
    stepped: list[str] = []

    class Refusing:
        """As a loop in debug mode, called from another thread."""

        callbacks: list[Callable[[], None]] | None = None

        def call_soon(self, callback: Callable[[], None]) -> None:
            if self.callbacks is None:
                raise RuntimeError("Non-thread-safe operation")
            self.callbacks.append(callback)

    class Noted:
        def __init__(self, name: str) -> None:
            self.name = name

        def step(self) -> None:
            stepped.append(self.name)

    loop = Refusing()
    ready = ReadyQueue(loop, lambda: 0.0)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="Non-thread-safe"):
        ready.add(Noted("first"))
    loop.callbacks = []
    ready.add(Noted("second"))
    for callback in loop.callbacks:
        callback()
    assert stepped == ["first", "second"]
