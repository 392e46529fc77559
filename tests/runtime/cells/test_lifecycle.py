"""Failures restart, stops drain, and whoever waits is answered, whatever moment either comes at."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import anyio
import pytest

from cuebook.errors import ActorFailed, ActorStopped, RestartLimitReached
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.policy.restarts import Backoff, Restart, RestartIntensity
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.refs.status import ActorState
from cuebook.runtime.system import ActorSystem
from tests.support.cast import Add, Boom, Counter, Echo, Get, Pause
from tests.support.virtually import virtually

pytestmark = pytest.mark.quick

QUICK = Backoff(first_s=0.0, jitter=0.0)
SLOW = Backoff(first_s=1.0, max_s=60.0, jitter=0.0)


class Ends:
    """What on_terminated was called with."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, BaseException | None]] = []

    def __call__(self, ref: ActorRef, error: BaseException | None) -> None:
        assert not ref.is_alive
        self.seen.append((ref.name, error))


# Failures


@virtually
async def test_the_mailbox_survives_a_restart_and_the_failing_message_does_not() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Counter(diary), name="counter")
        for message in (Add(1), Boom(), Add(2), Add(3)):
            ref.tell_nowait(message)
        assert await ref.ask(Get()) == 5
        assert ref.statistics().restarts == 1
    assert [str(entry) for entry in diary] == ["start", "1", "boom", "start", "2", "3", "stop"]


@virtually
async def test_a_failure_in_an_awaiting_handler_is_a_failure() -> None:
    class Slow(Counter):
        async def pause(self, seconds: float) -> str:
            await asyncio.sleep(seconds)
            raise RuntimeError("late")

    async with ActorSystem() as system:
        ref = system.spawn(Slow, name="slow")
        with pytest.raises(ActorFailed, match="late"):
            await ref.ask(Pause(1.0))
        assert await ref.ask(Get()) == 0


@virtually
async def test_a_cancelled_error_of_the_handlers_own_is_a_failure_not_a_cancellation() -> None:
    class Awaits(Counter):
        async def pause(self, seconds: float) -> str:
            future = asyncio.get_running_loop().create_future()
            future.cancel()
            return await future  # type: ignore[no-any-return]

    async with ActorSystem() as system:
        ref = system.spawn(Awaits, name="awaits")
        with pytest.raises(ActorFailed) as caught:
            await ref.ask(Pause(1.0))
        assert isinstance(caught.value.__cause__, asyncio.CancelledError)
        assert await ref.ask(Get()) == 0


@virtually
async def test_restarts_wait_longer_each_time_and_messages_wait_with_them() -> None:
    loop = asyncio.get_running_loop()
    moments: list[float] = []

    class Failing(Actor):
        async def on_start(self) -> None:
            moments.append(loop.time())
            if len(moments) < 4:
                raise OSError("not yet")

        def receive(self, message: Any) -> Any:
            return "here"

    async with ActorSystem() as system:
        ref = system.spawn(Failing, name="failing", backoff=SLOW)
        assert await ref.ask(Get()) == "here"
        assert moments == [0.0, 1.0, 3.0, 7.0]


@virtually
async def test_too_many_restarts_end_it_with_the_last_failure_as_cause() -> None:
    ends, tries = Ends(), 0

    class Failing(Counter):
        async def on_start(self) -> None:
            nonlocal tries
            tries += 1
            raise OSError(f"try {tries}")

    async with ActorSystem() as system:
        ref = system.spawn(
            Failing, name="failing", backoff=QUICK, intensity=RestartIntensity(2, 5.0), on_terminated=ends
        )
        with pytest.raises(ActorStopped, match="failing needed more than 2 restarts within 5 s") as caught:
            await ref.ask(Get())
        assert caught.value.undelivered == Get()
        ((name, error),) = ends.seen
        assert (name, tries) == ("failing", 3)
        assert isinstance(error, RestartLimitReached)
        assert str(error.__cause__) == "try 3"
        with pytest.raises(ActorStopped):
            ref.tell_nowait(Get())
        with pytest.raises(KeyError, match="failing"):
            system.actor("failing")


@virtually
async def test_failures_far_apart_never_exhaust() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter")
        for _ in range(20):
            ref.tell_nowait(Boom())
            await asyncio.sleep(11)
        assert await ref.ask(Get()) == 0
        assert ref.statistics().restarts == 20


@virtually
async def test_a_factory_that_raises_or_gives_no_actor_is_a_failed_start() -> None:
    ends = Ends()
    made = iter([ValueError("no"), object(), Counter()])

    def factory() -> Any:
        thing = next(made)
        if isinstance(thing, Exception):
            raise thing
        return thing

    async with ActorSystem() as system:
        ref = system.spawn(factory, name="counter", on_terminated=ends)
        assert await ref.ask(Get()) == 0
        assert ref.statistics().restarts == 2
    assert ends.seen == [("counter", None)]


@pytest.mark.parametrize("restart", Restart)
def test_a_failure_restarts_by_policy(restart: Restart) -> None:
    @virtually
    async def scene() -> None:
        ends = Ends()
        async with ActorSystem() as system:
            ref = system.spawn(Counter, name="counter", restart=restart.value, on_terminated=ends)
            with pytest.raises(ActorFailed):
                await ref.ask(Boom("bang"))
            await asyncio.sleep(1)
            assert ref.is_alive is (restart is not Restart.TEMPORARY)
            if restart is Restart.TEMPORARY:
                assert repr(ends.seen[0][1]) == "RuntimeError('bang')"

    scene()


@pytest.mark.parametrize("restart", Restart)
def test_stopping_oneself_ends_by_policy(restart: Restart) -> None:
    class Quitter(Counter):
        def receive(self, message: Any) -> Any:
            if isinstance(message, Boom):
                self.context.stop_self()
            return super().receive(Echo("done") if isinstance(message, Boom) else message)

    @virtually
    async def scene() -> None:
        diary: list[Any] = []
        ends = Ends()
        async with ActorSystem() as system:
            ref = system.spawn(lambda: Quitter(diary), name="quitter", restart=restart, on_terminated=ends)
            ref.tell_nowait(Add(1))
            quitting = asyncio.ensure_future(ref.ask(Boom()))
            await asyncio.sleep(0)
            ref.tell_nowait(Add(2))
            assert await quitting == "done"
            await asyncio.sleep(1)
            if restart is Restart.PERMANENT:
                assert diary == ["start", 1, "stop", "start", 2]
                assert ends.seen == []
            else:
                assert diary == ["start", 1, 2, "stop"]
                assert ends.seen == [("quitter", None)]

    scene()


@virtually
async def test_a_kill_interrupts_the_handler_and_restarts() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Counter(diary), name="counter")
        ask = asyncio.ensure_future(ref.ask(Pause(60.0)))
        await asyncio.sleep(1)
        ref.tell_nowait(Add(1))
        ref.kill()
        with pytest.raises(ActorFailed, match="counter was killed"):
            await ask
        assert await ref.ask(Get()) == 1
        assert asyncio.get_running_loop().time() < 2
    assert [str(entry) for entry in diary] == ["start", "pausing", "counter was killed", "start", "1", "stop"]


@virtually
async def test_a_kill_that_comes_before_the_handlers_first_step_interrupts_it() -> None:
    """Between the decision to await and the first step of the task there is a moment; it was once lost."""
    for turns in range(4):
        async with ActorSystem() as system:
            started = asyncio.get_running_loop().time()
            ref = system.spawn(Counter, name="counter")
            await ref.ask(Get())
            ask = asyncio.ensure_future(ref.ask(Pause(60.0)))
            for _ in range(turns + 1):
                await asyncio.sleep(0)
            ref.kill()
            await asyncio.gather(ask, return_exceptions=True)
            assert asyncio.get_running_loop().time() - started < 1 or turns == 0


@virtually
async def test_a_kill_of_an_idle_actor_restarts_it_once() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter")
        await ref.ask(Add(5))
        ref.kill(ValueError("why"))
        ref.kill()
        assert await ref.ask(Get()) == 0
        assert ref.statistics().restarts == 1


@virtually
async def test_a_kill_comes_before_what_is_queued() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Counter(diary), name="counter")
        await ref.ask(Get())
        ref.tell_nowait(Add(1))
        ref.kill(ValueError("why"))
        assert await ref.ask(Get()) == 1
    assert [str(entry) for entry in diary] == ["start", "why", "start", "1", "stop"]


@virtually
async def test_a_handler_that_ends_although_killed_is_answered_and_the_next_is_not_hit() -> None:
    class Stubborn(Counter):
        async def pause(self, seconds: float) -> str:
            try:
                await asyncio.sleep(seconds)
            except asyncio.CancelledError:
                return "survived"
            return "slept"

    async with ActorSystem() as system:
        ref = system.spawn(Stubborn, name="stubborn")
        first = asyncio.ensure_future(ref.ask(Pause(60.0)))
        await asyncio.sleep(1)
        second = asyncio.ensure_future(ref.ask(Pause(1.0)))
        await asyncio.sleep(0)
        ref.kill()
        assert await first == "survived"
        assert await second == "slept"
        assert ref.statistics().restarts == 1


@virtually
async def test_a_kill_during_start_is_a_failed_start() -> None:
    class SlowStart(Counter):
        async def on_start(self) -> None:
            await asyncio.sleep(10)

    async with ActorSystem() as system:
        ref = system.spawn(SlowStart, name="slow", backoff=QUICK)
        await asyncio.sleep(1)
        ref.kill()
        assert await ref.ask(Get()) == 0
        assert ref.statistics().restarts == 1
        assert asyncio.get_running_loop().time() == pytest.approx(11.0)


@virtually
async def test_a_kill_before_the_first_step_of_an_incarnation_is_a_failed_start_and_nothing_of_it_runs() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Counter(diary), name="counter", restart="permanent", backoff=Backoff(first_s=1.0))
        ref.kill(ValueError("why"))  # its start was ordered, and has not begun
        assert await ref.ask(Get()) == 0
        assert (ref.statistics().restarts, ref.statistics().last_error) == (1, "ValueError('why')")

        once = system.spawn(lambda: Counter(diary), name="once", restart="temporary")
        once.kill(ValueError("why"))
        with pytest.raises(ActorStopped, match="why"):
            await once.ask(Get())
    assert diary == ["start", "stop"]


@virtually
async def test_a_kill_in_the_moment_of_a_restart_is_a_failure_too() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter", backoff=QUICK)
        await ref.ask(Get())
        ref.kill()
        while ref.statistics().state is not ActorState.STARTING:
            await asyncio.sleep(0)
        ref.kill()  # the next start was ordered, and has not begun
        assert await ref.ask(Get()) == 0
        assert ref.statistics().restarts == 2


@virtually
async def test_an_exception_that_has_no_text_is_a_failure_as_any_other() -> None:
    class Wordless(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

        __repr__ = __str__

    class Wordy(Actor):
        def receive(self, message: Any) -> None:
            raise Wordless

    async with ActorSystem() as system:
        once = RestartIntensity(1, 60.0)
        ways: list[dict[str, Any]] = [{}, {"directives": {Wordless: "resume"}}, {"on_exhausted": "park"}]
        for number, way in enumerate(ways):
            ref = system.spawn(Wordy, name=f"wordy-{number}", backoff=QUICK, intensity=once, **way)
            with pytest.raises(ActorFailed, match="Wordless"):
                await ref.ask(Get())
            for _ in range(3):
                with pytest.raises((ActorFailed, ActorStopped)):
                    await ref.ask(Get())
            assert ref.statistics().failures in (0, 2)
        assert await system.spawn(Counter, name="another").ask(Get()) == 0


@virtually
async def test_hooks_that_raise_change_nothing() -> None:
    class Clumsy(Counter):
        async def on_stop(self) -> None:
            raise RuntimeError("in on_stop")

        async def on_failure(self, error: BaseException) -> None:
            await asyncio.sleep(1)
            raise RuntimeError("in on_failure")

    ends = Ends()
    async with ActorSystem() as system:
        ref = system.spawn(Clumsy, name="clumsy", on_terminated=ends)
        ref.tell_nowait(Boom())
        assert await ref.ask(Get()) == 0
    assert ends.seen == [("clumsy", None)]


@virtually
async def test_a_hook_that_awaits_what_was_cancelled_changes_nothing() -> None:
    class Clumsy(Counter):
        async def on_failure(self, error: BaseException) -> None:
            raise asyncio.CancelledError

        async def on_stop(self) -> None:
            raise asyncio.CancelledError

    ends = Ends()
    async with ActorSystem() as system:
        ref = system.spawn(Clumsy, name="clumsy", on_terminated=ends)
        ref.tell_nowait(Boom())
        assert await ref.ask(Get()) == 0
    assert ends.seen == [("clumsy", None)]


@virtually
async def test_on_terminated_that_raises_is_logged_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    def ended(ref: ActorRef, error: BaseException | None) -> None:
        raise RuntimeError("in on_terminated")

    async with ActorSystem() as system:
        system.spawn(Counter, name="counter", on_terminated=ended)
    assert "on_terminated failed" in caplog.text


# Stops


@virtually
async def test_a_stop_handles_what_is_queued_answers_everyone_and_then_ends() -> None:
    diary: list[Any] = []
    ends = Ends()
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Counter(diary), name="counter", on_terminated=ends)
        ref.tell_nowait(Add(1))
        ask = asyncio.ensure_future(ref.ask(Pause(1.0)))
        await asyncio.sleep(0)
        ref.tell_nowait(Add(2))
        stopping = asyncio.ensure_future(ref.stop())
        await asyncio.sleep(0)
        with pytest.raises(ActorStopped, match="counter is stopping") as caught:
            ref.tell_nowait(Add(3))
        assert caught.value.undelivered == Add(3)
        assert await stopping is True
        assert ask.result() == "paused"
        assert diary == ["start", 1, "pausing", "paused", 2, "stop"]
        assert ends.seen == [("counter", None)]
        assert await ref.stop() is True
        with pytest.raises(ActorStopped, match="has stopped"):
            await ref.ask(Get())


@virtually
async def test_a_stop_right_after_spawn_and_tell_loses_nothing() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Counter(diary), name="counter")
        ref.tell_nowait(Add(1))
        assert await ref.stop() is True
    assert diary == ["start", 1, "stop"]


@virtually
async def test_an_actor_stopped_before_it_began_is_never_made() -> None:
    made: list[int] = []

    def factory() -> Actor:
        made.append(1)
        return Counter()

    async with ActorSystem() as system:
        assert await system.spawn(factory, name="counter").stop() is True
    assert made == []


@virtually
async def test_a_stop_without_drain_answers_what_is_queued() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter")
        first, second = (asyncio.ensure_future(ref.ask(Pause(1.0))) for _ in range(2))
        await asyncio.sleep(0.5)
        assert await ref.stop(drain=False) is False
        assert first.result() == "paused"
        with pytest.raises(ActorStopped) as caught:
            second.result()
        assert caught.value.undelivered == Pause(1.0)


@virtually
async def test_the_deadline_of_a_stop_cancels_the_handler_and_answers_everyone() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Counter(diary), name="counter")
        asks = [asyncio.ensure_future(ref.ask(Pause(60.0))) for _ in range(3)]
        await asyncio.sleep(1)
        assert await ref.stop(timeout=2.0) is False
        assert asyncio.get_running_loop().time() == pytest.approx(3.0)
        for outcome in await asyncio.gather(*asks, return_exceptions=True):
            assert isinstance(outcome, ActorStopped)
    assert [type(entry) for entry in diary] == [str, str, ActorStopped]


@virtually
async def test_an_actor_that_obeys_no_cancellation_ends_without_its_handler() -> None:
    class Deaf(Counter):
        async def pause(self, seconds: float) -> str:
            with anyio.CancelScope(shield=True):
                await asyncio.sleep(seconds)
            return "paused"

    loop = asyncio.get_running_loop()
    async with ActorSystem() as system:
        ref = system.spawn(Deaf, name="deaf")
        ask = asyncio.ensure_future(ref.ask(Pause(60.0), timeout=None))
        await asyncio.sleep(0.5)
        assert await ref.stop(timeout=1.0) is False
        assert loop.time() == pytest.approx(2.5)
        with pytest.raises(ActorStopped):
            await ask
    assert loop.time() == pytest.approx(2.5)


@virtually
async def test_a_stop_gets_in_between_two_attempts_to_start() -> None:
    class Failing(Counter):
        async def on_start(self) -> None:
            raise OSError("never")

    async with ActorSystem() as system:
        ref = system.spawn(Failing, name="failing", backoff=Backoff(first_s=100.0, max_s=100.0))
        ask = asyncio.ensure_future(ref.ask(Get(), timeout=None))
        await asyncio.sleep(1)
        assert ref.statistics().state is ActorState.RESTARTING
        assert await ref.stop() is False
        with pytest.raises(ActorStopped):
            await ask
        assert asyncio.get_running_loop().time() == pytest.approx(1.0)


@virtually
async def test_a_failure_while_draining_is_one_as_at_any_other_time() -> None:
    ends, diary = Ends(), []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Counter(diary), name="counter", on_terminated=ends)
        asks = [asyncio.ensure_future(ref.ask(message)) for message in (Boom("bad"), Get())]
        await asyncio.sleep(0)
        ref.tell_nowait(Add(1))
        assert await ref.stop() is False, "one message was not handled"
        failed, answer = await asyncio.gather(*asks, return_exceptions=True)
        assert isinstance(failed, ActorFailed)
        assert answer == 0
        assert [type(entry) for entry in diary] == [str, RuntimeError, str, int, str]
        assert ends.seen[0][1] is None


@virtually
async def test_the_last_message_of_a_drain_that_fails_ends_it() -> None:
    ends = Ends()
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter", on_terminated=ends)
        ref.tell_nowait(Boom("last"))
        assert await ref.stop() is False
        assert str(ends.seen[0][1]) == "last"
        assert asyncio.get_running_loop().time() == 0.0


@virtually
async def test_an_actor_may_stop_itself_through_its_ref() -> None:
    class Self(Counter):
        async def pause(self, seconds: float) -> str:
            assert await self.context.self_ref.stop() is False
            return "said so"

    async with ActorSystem() as system:
        ref = system.spawn(Self, name="self")
        assert await ref.ask(Pause(0.0)) == "said so"
        assert await ref.stop() is True


@virtually
async def test_what_an_actor_tells_itself_while_it_drains_is_dropped() -> None:
    class Ticking(Counter):
        def receive(self, message: Any) -> Any:
            self.context.self_ref.tell_nowait(Add(1))
            self.context.after(0.0, Add(1), key="tick")
            return super().receive(message)

    async with ActorSystem() as system:
        ref = system.spawn(Ticking, name="ticking")
        ref.tell_nowait(Add(1))
        for _ in range(3):
            await asyncio.sleep(0)
        assert await ref.stop() is True
        assert ref.statistics().restarts == 0


@virtually
async def test_a_cancelled_stopper_leaves_the_stop_and_its_deadline() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter")
        ref.tell_nowait(Pause(60.0))
        stopping = asyncio.ensure_future(ref.stop(timeout=3.0))
        await asyncio.sleep(1)
        stopping.cancel()
        assert await ref.stop(timeout=60.0) is False
        assert asyncio.get_running_loop().time() == pytest.approx(3.0)


# Children


class Parent(Actor):
    """Has two children; what they and it go through is in one diary."""

    def __init__(self, diary: list[str]) -> None:
        self.diary = diary

    async def on_start(self) -> None:
        self.diary.append("parent start")
        self.children = [self.context.spawn(lambda n=n: Child(self.diary, n), name=f"child {n}") for n in (1, 2)]

    async def on_stop(self) -> None:
        self.diary.append("parent stop")

    async def on_failure(self, error: BaseException) -> None:
        self.diary.append("parent failure")

    def receive(self, message: Any) -> Any:
        if isinstance(message, Boom):
            raise RuntimeError(message.text)
        return self.children[0].ask(message)


class Child(Counter):
    def __init__(self, diary: list[str], number: int) -> None:
        super().__init__()
        self.names = diary
        self.number = number

    async def on_start(self) -> None:
        self.names.append(f"child {self.number} start")

    async def on_stop(self) -> None:
        self.names.append(f"child {self.number} stop")


STARTED = ["parent start", "child 1 start", "child 2 start"]


@virtually
async def test_children_stop_before_their_parent_in_reverse_order() -> None:
    diary: list[str] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Parent(diary), name="parent")
        assert await ref.ask(Get()) == 0
    assert diary == [*STARTED, "child 2 stop", "child 1 stop", "parent stop"]


@virtually
async def test_children_die_with_the_incarnation_and_the_next_has_its_own() -> None:
    diary: list[str] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Parent(diary), name="parent")
        await ref.ask(Add(5))
        old = system.actor("child 1")
        ref.tell_nowait(Boom())
        assert await ref.ask(Get()) == 0
        assert not old.is_alive
        assert system.actor("child 1") is not old
        assert str(system.tree()).split() == str(system.tree()).split()
        assert [child.name for child in system.tree().children[0].children] == ["child 1", "child 2"]
    middle = ["child 2 stop", "child 1 stop", "parent failure"]
    assert diary == [*STARTED, *middle, *STARTED, "child 2 stop", "child 1 stop", "parent stop"]


@virtually
async def test_a_child_that_is_exhausted_leaves_its_parent_alone() -> None:
    diary: list[str] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Parent(diary), name="parent")
        await ref.ask(Get())
        for _ in range(4):
            system.actor("child 1").kill()
            await asyncio.sleep(0.5)
        assert [child.name for child in system.tree().children[0].children] == ["child 2"]
        assert ref.is_alive


@virtually
async def test_the_deadline_of_a_parent_holds_for_its_children() -> None:
    diary: list[str] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Parent(diary), name="parent")
        await ref.ask(Get())
        system.actor("child 1").tell_nowait(Pause(1000.0))
        await asyncio.sleep(1)
        await ref.stop(timeout=2.0)
        assert asyncio.get_running_loop().time() == pytest.approx(3.0, abs=0.1)
        assert system.statistics() == {}


@virtually
async def test_a_parent_that_ends_starts_no_child() -> None:
    refused: list[Exception] = []

    class Late(Counter):
        async def on_stop(self) -> None:
            try:
                self.context.spawn(Counter, name="late")
            except ActorStopped as error:
                refused.append(error)

    async with ActorSystem() as system:
        await system.spawn(Late, name="parent").stop()
        ref = system.spawn(Late, name="other")
        ref.tell_nowait(Add(1))
        await ref.stop()
    assert len(refused) == 1


@virtually
async def test_a_child_without_a_name_is_given_one_of_its_own() -> None:
    class Parent(Actor):
        async def on_start(self) -> None:
            self.kids = [self.context.spawn(kind) for kind in (Counter, partial(Counter, None), lambda: Counter())]

        def receive(self, message: Any) -> Any:
            return [kid.name for kid in self.kids]

    async with ActorSystem() as system:
        first, second = system.spawn(Parent, name="first"), system.spawn(Parent, name="second")
        names = [*await first.ask(Get()), *await second.ask(Get())]
        assert len(set(names)) == 6
        assert [name.rstrip("0123456789") for name in names[:3]] == ["first/counter-", "first/counter-", "first/child-"]


@virtually
async def test_a_parent_that_dies_takes_a_thousand_children_with_it_and_all_who_asked_them_are_answered() -> None:
    class Crowded(Counter):
        async def on_start(self) -> None:
            self.kids = [self.context.spawn(Counter, name=f"kid {number}") for number in range(1000)]

    async with ActorSystem() as system:
        parent = system.spawn(Crowded, name="parent", restart=Restart.TEMPORARY)
        await parent.ask(Get())
        kids = [system.actor(f"kid {number}") for number in range(1000)]
        for kid in kids:
            kid.tell_nowait(Pause(3.0))
        asks = [asyncio.ensure_future(kid.ask(Get(), timeout=None)) for kid in kids]
        await asyncio.sleep(1)
        parent.kill()
        outcomes = await asyncio.gather(*asks, return_exceptions=True)
        await asyncio.sleep(10)
        assert all(outcome == 0 or isinstance(outcome, ActorStopped | ActorFailed) for outcome in outcomes)
        assert system.statistics() == {}
