"""A system ends in order, however it ends: drained, stopped by an error, or cancelled from any side."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import anyio
import pytest

from cuebook.errors import ActorStopped
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.mailbox import MailboxSpec
from cuebook.runtime.policy.restarts import Restart
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.system import ActorSystem
from tests.support.cast import Add, Boom, Counter, Get, Pause
from tests.support.virtually import virtually

pytestmark = pytest.mark.quick


@virtually
async def test_names_are_unique_among_the_living() -> None:
    async with ActorSystem("stage") as system:
        ref = system.spawn(Counter, name="counter")
        with pytest.raises(ValueError, match="'counter' lives already in 'stage'"):
            system.spawn(Counter, name="counter")
        assert system.actor("counter") is ref
        await ref.stop()
        with pytest.raises(KeyError, match="there are: none"):
            system.actor("counter")
        assert system.spawn(Counter, name="counter") is not ref


@virtually
async def test_the_end_of_the_block_drains_in_reverse_order_of_start() -> None:
    order: list[str] = []

    class Named(Counter):
        async def on_stop(self) -> None:
            order.append(f"{self.context.self_ref.name} {self.total}")

    async with ActorSystem() as system:
        for n in range(4):
            system.spawn(Named, name=f"actor {n}").tell_nowait(Add(n))
    assert order == ["actor 3 3", "actor 2 2", "actor 1 1", "actor 0 0"]


@virtually
async def test_each_actor_has_its_own_deadline_at_the_end() -> None:
    loop = asyncio.get_running_loop()
    async with ActorSystem() as system:
        for n in range(3):
            system.spawn(Counter, name=f"actor {n}", shutdown_s=2.0).tell_nowait(Pause(1000.0))
        await asyncio.sleep(1)
    assert loop.time() == pytest.approx(7.0)


@virtually
async def test_an_error_in_the_block_is_raised_as_it_is_and_nothing_is_drained() -> None:
    diary: list[Any] = []
    with pytest.raises(ZeroDivisionError):
        async with ActorSystem() as system:
            ref = system.spawn(lambda: Counter(diary), name="counter")
            await ref.ask(Add(1))
            ref.tell_nowait(Add(2))
            raise ZeroDivisionError
    assert diary == ["start", 1, "stop"]


@virtually
async def test_nothing_starts_in_a_system_that_stops_or_has_not_begun() -> None:
    system = ActorSystem()
    with pytest.raises(RuntimeError, match="async with"):
        system.spawn(Counter, name="early")
    async with system:
        await system.stop()
        with pytest.raises(ActorStopped):
            system.spawn(Counter, name="late")
    with pytest.raises(RuntimeError, match="entered once"):
        async with system:
            pass


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"name": ""}, ValueError),
        ({"name": "x", "shutdown_s": -1}, ValueError),
        ({"name": "x", "restart": "always"}, ValueError),
        ({"name": "x", "mailbocks": 5}, TypeError),
    ],
)
def test_a_spec_that_makes_no_sense_is_refused_before_anything_starts(options: Any, error: type) -> None:
    @virtually
    async def scene() -> None:
        async with ActorSystem() as system:
            with pytest.raises(error):
                system.spawn(Counter, **options)
            with pytest.raises(TypeError, match="a class or a callable"):
                system.spawn(Counter(), name="x")
            assert system.statistics() == {}

    scene()


def test_a_mailbox_that_makes_no_sense_is_refused() -> None:
    for wrong in ({"capacity": 0}, {"bytes_max": 0}, {"overflow": "explode"}):
        with pytest.raises(ValueError):
            MailboxSpec(**wrong)  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def _native_cancel(after_s: float) -> Any:
    task = asyncio.current_task()
    assert task is not None
    timer = asyncio.get_running_loop().call_later(after_s, task.cancel)
    try:
        yield
    except asyncio.CancelledError:
        task.uncancel()
    else:
        pytest.fail("the cancellation was swallowed")
    timer.cancel()


@contextlib.asynccontextmanager
async def _anyio_scope(after_s: float) -> Any:
    with anyio.move_on_after(after_s) as scope:
        yield
        pytest.fail("the cancellation was swallowed")
    assert scope.cancelled_caught


@contextlib.asynccontextmanager
async def _asyncio_timeout(after_s: float) -> Any:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(after_s):
            yield
            pytest.fail("the cancellation was swallowed")


@pytest.mark.parametrize("cancel", [_native_cancel, _anyio_scope, _asyncio_timeout])
@pytest.mark.parametrize("where", ["body", "shutdown"])
def test_cancellation_from_outside_stops_everything_and_goes_on(cancel: Any, where: str) -> None:
    @virtually
    async def scene() -> None:
        diary: list[Any] = []
        loop = asyncio.get_running_loop()
        outcomes: list[Any] = []

        async def asking(ref: Any, message: Any) -> None:
            outcomes.extend(await asyncio.gather(ref.ask(message, timeout=None), return_exceptions=True))

        async with cancel(2.0), ActorSystem() as system:
            busy = system.spawn(lambda: Counter(diary), name="busy", shutdown_s=100.0)
            idle = system.spawn(lambda: Counter(diary), name="idle")
            await idle.ask(Add(1))
            asks = [asyncio.ensure_future(asking(busy, message)) for message in (Pause(1000.0), Get())]
            await asyncio.sleep(1)
            if where == "body":
                await asyncio.sleep(1000)
        assert loop.time() == pytest.approx(2.0)
        await asyncio.gather(*asks)
        assert [type(outcome) for outcome in outcomes] == [ActorStopped, ActorStopped]
        assert sorted(map(str, diary)) == ["1", "pausing", "start", "start", "stop", "stop"]
        assert not busy.is_alive
        assert not idle.is_alive
        assert len(asyncio.all_tasks()) == 1
        await asyncio.sleep(0)  # nothing of the cancellation is left over

    scene()


@virtually
async def test_on_stop_has_its_time_also_when_cancelled() -> None:
    ended: list[str] = []

    class Careful(Counter):
        async def on_stop(self) -> None:
            await asyncio.sleep(1.0)
            ended.append("saved")

    with anyio.move_on_after(1.0):
        async with ActorSystem() as system:
            system.spawn(Careful, name="careful")
            await asyncio.sleep(1000)
    assert ended == ["saved"]
    assert asyncio.get_running_loop().time() == pytest.approx(2.0)


@virtually
async def test_a_failure_whose_end_is_cut_off_by_cancellation_still_reaches_on_failure() -> None:
    diary: list[Any] = []

    class SlowToEnd(Counter):
        async def on_stop(self) -> None:
            await asyncio.sleep(3)

    class Parent(Counter):
        async def on_start(self) -> None:
            self.context.spawn(SlowToEnd, name="child")

    with anyio.move_on_after(2.0):
        async with ActorSystem() as system:
            await system.spawn(lambda: Parent(diary), name="parent").ask(Get())
            await asyncio.sleep(1)
            system.actor("parent").tell_nowait(Boom())
            await asyncio.sleep(1000)
    assert [type(entry) for entry in diary] == [ActorStopped]


@virtually
async def test_an_overdue_stop_that_is_cut_off_by_cancellation_still_reaches_its_last_hook() -> None:
    diary: list[Any] = []

    class SlowToEnd(Counter):
        async def on_stop(self) -> None:
            with anyio.CancelScope(shield=True):
                await asyncio.sleep(3)

    class Parent(Counter):
        async def on_start(self) -> None:
            self.context.spawn(SlowToEnd, name="child")

    with anyio.move_on_after(1.5):
        async with ActorSystem() as system:
            parent = system.spawn(lambda: Parent(diary), name="parent")
            await parent.ask(Get())
            await parent.stop(timeout=1.0)
    assert [type(entry) for entry in diary] == [ActorStopped]


@virtually
async def test_a_second_cancellation_cuts_the_hooks_short() -> None:
    class Slow(Counter):
        async def on_stop(self) -> None:
            await asyncio.sleep(1000.0)

    outcomes: list[BaseException] = []

    class Deferring(Actor):
        def receive(self, message: Any) -> None:
            self.context.defer()

    async def asking(ref: ActorRef) -> None:
        try:
            await ref.ask(Get(), timeout=None)
        except ActorStopped as error:
            outcomes.append(error)

    async def run() -> None:
        async with ActorSystem() as system:
            asks.append(asyncio.ensure_future(asking(system.spawn(Deferring, name="deferring"))))
            system.spawn(Slow, name="slow", shutdown_s=900.0)
            await asyncio.sleep(1000)

    asks: list[asyncio.Task[None]] = []
    task = asyncio.ensure_future(run())
    for _ in range(2):
        await asyncio.sleep(1)
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.gather(*asks)
    assert len(outcomes) == 1
    assert asyncio.get_running_loop().time() == pytest.approx(2.0)
    assert len(asyncio.all_tasks()) == 1


@virtually
async def test_a_cancelled_handler_of_one_system_leaves_another_alone() -> None:
    async with ActorSystem("one") as one:
        ref = one.spawn(Counter, name="counter")
        with anyio.move_on_after(1.0):
            async with ActorSystem("two") as two:
                two.spawn(Counter, name="counter").tell_nowait(Pause(50.0))
                await asyncio.sleep(100)
        assert await ref.ask(Get()) == 0


@virtually
async def test_the_system_does_not_cancel_its_block_when_actors_fail() -> None:
    class Failing(Actor):
        async def on_start(self) -> None:
            raise OSError("never")

    async with ActorSystem() as system:
        system.spawn(Failing, name="failing", restart=Restart.TEMPORARY)
        await asyncio.sleep(1)
        assert system.statistics() == {}


@virtually
async def test_the_tree_and_the_statistics_show_every_actor() -> None:
    class Parent(Counter):
        async def on_start(self) -> None:
            self.context.spawn(Counter, name="child")

    async with ActorSystem("stage") as system:
        ref = system.spawn(Parent, name="parent")
        await ref.ask(Add(1))
        await asyncio.sleep(1)
        assert str(system.tree()) == (
            "stage\n  parent (Parent) running "
            "depth=0/1024 processed=1\n    child (Counter) running depth=0/1024 processed=0"
        )
        assert list(system.statistics()) == ["parent", "child"]
        assert repr(system) == "<ActorSystem stage actors=2>"


@virtually
async def test_the_end_of_a_system_stops_the_youngest_first_and_what_comes_too_late_is_a_dead_letter() -> None:
    stopped: list[str] = []

    class Named(Actor):
        async def on_stop(self) -> None:
            stopped.append(self.context.self_ref.name)

        def receive(self, message: Any) -> None:
            with pytest.raises(ActorStopped):
                refs[-1].tell_nowait(message)

    async with ActorSystem() as system:
        refs = [system.spawn(Named, name=name) for name in ("a", "b", "c")]
        await asyncio.sleep(1)
        await refs[0].tell(Get())
    assert stopped == ["c", "b", "a"]
    assert system.dead_letters.counts["stopped"] == 1
