"""What follows a failure: directives, poison, parking, escalation, watches and links, dead letters."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import pytest

from cuebook.errors import ActorFailed, ActorStopped, MailboxFull, RestartLimitReached, UnhandledMessage
from cuebook.runtime.cells.actor import Actor, Delivery
from cuebook.runtime.cells.mailbox import MailboxSpec
from cuebook.runtime.cells.signals import Down, Restarted
from cuebook.runtime.cells.spec import ActorOptions
from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.policy.restarts import Backoff, RestartIntensity
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.reports.deadletters import DeadLetter, DeadReason
from cuebook.runtime.reports.readers import BEHIND_MAX
from cuebook.runtime.system import ActorSystem
from tests.support.cast import Add, Boom, Counter, Echo, Get, Pause
from tests.support.virtually import virtually

pytestmark = pytest.mark.quick

QUICK = Backoff(first_s=0.0, jitter=0.0)
NONE = RestartIntensity(0, 5.0)


async def letters_of(system: ActorSystem) -> tuple[list[DeadLetter], asyncio.Task[None]]:
    """Dead letters from now on, as they come."""
    letters: list[DeadLetter] = []

    async def read() -> None:
        async for letter in system.dead_letters.stream():
            letters.append(letter)

    task = asyncio.ensure_future(read())
    await asyncio.sleep(0)
    return letters, task


# Directives


@virtually
async def test_resume_keeps_the_state_and_loses_the_message() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Counter(diary), name="counter", directives={RuntimeError: "resume"})
        ref.tell_nowait(Add(4))
        with pytest.raises(ActorFailed, match="oh"):
            await ref.ask(Boom("oh"))
        assert await ref.ask(Get()) == 4
        assert ref.statistics().restarts == 0
    assert diary == ["start", 4, "stop"]


@virtually
async def test_resume_of_a_group_handler_answers_all_that_were_in_hand() -> None:
    class Many(Actor):
        def receive_many(self, deliveries: list[Delivery]) -> None:
            for delivery in deliveries:
                if isinstance(delivery.message, Boom):
                    raise OSError("many")
                delivery.reply("ok")

    async with ActorSystem() as system:
        ref = system.spawn(Many, name="many", directives={OSError: "resume"})
        outcomes = await asyncio.gather(*(ref.ask(m) for m in (Get(), Boom(), Get())), return_exceptions=True)
        assert [str(outcome)[:4] for outcome in outcomes] == ["ok", "many", "many"]
        assert await ref.ask(Get()) == "ok"
        assert ref.statistics().restarts == 0


@virtually
async def test_a_failure_to_start_and_a_kill_are_not_resumed() -> None:
    starts: list[int] = []

    class Weak(Counter):
        async def on_start(self) -> None:
            starts.append(1)
            if len(starts) == 1:
                raise RuntimeError("no start")

    async with ActorSystem() as system:
        ref = system.spawn(Weak, name="weak", directives={Exception: "resume"}, backoff=QUICK)
        assert await ref.ask(Get()) == 0
        ref.tell_nowait(Pause(9.0))
        await asyncio.sleep(0.1)
        ref.kill()
        assert await ref.ask(Get()) == 0
    assert len(starts) == 3


@virtually
async def test_stop_ends_it_for_good_whatever_its_restart_policy() -> None:
    ends: list[Any] = []
    async with ActorSystem() as system:
        ref = system.spawn(
            Counter, name="c", directives={RuntimeError: "stop"}, on_terminated=lambda _, error: ends.append(error)
        )
        with pytest.raises(ActorFailed):
            await ref.ask(Boom("final"))
        await asyncio.sleep(0.1)
        assert not ref.is_alive
    assert [str(error) for error in ends] == ["final"]


class Parent(Counter):
    """Starts a child with these options."""

    def __init__(self, diary: list[Any], **options: Any) -> None:
        super().__init__(diary)
        self.options = options

    async def on_start(self) -> None:
        await super().on_start()
        self.context.spawn(Counter, name="child", **self.options)


@virtually
async def test_escalate_ends_the_child_and_fails_its_parent_with_the_same_error() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        system.spawn(lambda: Parent(diary, directives={RuntimeError: "escalate"}), name="parent", backoff=QUICK)
        await asyncio.sleep(0.1)
        with pytest.raises(ActorFailed):
            await system.actor("child").ask(Boom("up"))
        await asyncio.sleep(0.1)
        assert await system.actor("child").ask(Get()) == 0
    assert [str(entry) for entry in diary] == ["start", "up", "start", "stop"]


@virtually
async def test_exhaustion_may_escalate() -> None:
    diary: list[Any] = []
    options: dict[str, Any] = {"on_exhausted": "escalate", "intensity": NONE}
    async with ActorSystem() as system:
        system.spawn(lambda: Parent(diary, **options), name="parent", backoff=QUICK)
        await asyncio.sleep(0.1)
        system.actor("child").tell_nowait(Boom("again"))
        await asyncio.sleep(0.1)
        assert system.actor("child").is_alive
    assert isinstance(diary[1], RestartLimitReached)
    assert isinstance(diary[1].__cause__, RuntimeError)


@virtually
async def test_an_escalation_at_the_root_is_an_end() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="c", directives={RuntimeError: "escalate"})
        ref.tell_nowait(Boom())
        await asyncio.sleep(0.1)
        assert not ref.is_alive
        assert await system.spawn(Counter, name="other").ask(Get()) == 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"directives": {RuntimeError: "weep"}}, "directive of 'c' for RuntimeError is resume, .* not 'weep'"),
        ({"directives": {"RuntimeError": "stop"}}, "directives of 'c' are by exception type, and 'RuntimeError'"),
        ({"attempts": 0}, "attempts of 'c' is 1 or more, not 0"),
        ({"attempts": 1.5}, "attempts of 'c' is 1 or more, not 1.5"),
        ({"on_exhausted": "cry"}, "on_exhausted of 'c' is one of stop, escalate, park, not 'cry'"),
        ({"restart": "never"}, "restart of 'c' is one of permanent, transient, temporary, not 'never'"),
        ({"mailbox": 100}, "mailbox of 'c' is a MailboxSpec, not 100"),
    ],
)
def test_options_that_make_no_sense_are_refused_by_name(options: dict[str, Any], text: str) -> None:
    @virtually
    async def scene() -> None:
        async with ActorSystem() as system:
            with pytest.raises((TypeError, ValueError), match=text):
                system.spawn(Counter, name="c", **options)

    scene()


# Poison


class Fragile(Actor):
    """Fails on Boom as often as the list says."""

    def __init__(self, tries: list[Any], fails: int) -> None:
        self.tries = tries
        self.fails = fails

    def receive(self, message: Any) -> Any:
        self.tries.append(message)
        if isinstance(message, Boom) and self.tries.count(message) <= self.fails:
            raise RuntimeError(message.text)
        return len(self.tries)


@pytest.mark.parametrize("attempts", [1, 2, 3])
@pytest.mark.parametrize("fails", [1, 2, 3, 9])
def test_a_message_is_tried_as_often_as_it_may_and_then_quarantined(attempts: int, fails: int) -> None:
    @virtually
    async def scene() -> None:
        tries: list[Any] = []
        async with ActorSystem() as system:
            letters, reading = await letters_of(system)
            ref = system.spawn(
                lambda: Fragile(tries, fails), name="fragile", attempts=attempts, backoff=QUICK,
                intensity=RestartIntensity(99, 1.0),
            )  # fmt: skip
            poison = asyncio.ensure_future(ref.ask(Boom("poison")))
            await asyncio.sleep(0)
            after = asyncio.ensure_future(ref.ask(Get()))
            outcome = (await asyncio.gather(poison, return_exceptions=True))[0]
            await after
            expected = min(attempts, fails + 1)
            assert tries == [Boom("poison")] * expected + [Get()], "it is first again, not last"
            assert isinstance(outcome, ActorFailed) == (fails >= attempts)
        await reading
        assert len(letters) == (1 if fails >= attempts else 0)
        for letter in letters:
            assert (letter.message, letter.reason, letter.target) == (Boom("poison"), DeadReason.POISON, "fragile")
            assert "RuntimeError: poison" in letter.traceback_text and "receive" in letter.traceback_text

    scene()


@virtually
async def test_a_message_that_waits_for_its_next_try_is_answered_when_there_is_none() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Fragile([], 9), name="f", attempts=5, intensity=NONE)
        with pytest.raises(ActorStopped) as caught:
            await ref.ask(Boom("p"), timeout=None)
        assert isinstance(caught.value.__cause__, RestartLimitReached)


# Parking


@virtually
async def test_a_parked_actor_keeps_what_it_was_told_and_refuses_asks() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="c", on_exhausted="park", intensity=NONE)
        ref.tell_nowait(Boom("enough"))
        ref.tell_nowait(Add(1))
        waiting = asyncio.ensure_future(ref.ask(Get()))
        with pytest.raises(ActorStopped, match="c is parked after RuntimeError"):
            await waiting
        assert ref.statistics().state == "parked"
        assert ref.is_alive
        ref.tell_nowait(Add(2))
        with pytest.raises(ActorStopped, match="c is parked"):
            await ref.ask(Get())
        ref.kill()
        assert ref.unpark()
        assert not ref.unpark()
        assert await ref.ask(Get()) == 3


@virtually
async def test_a_parked_actor_stops_at_once() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="c", on_exhausted="park", intensity=NONE)
        ref.tell_nowait(Boom())
        await asyncio.sleep(0.1)
        ref.tell_nowait(Add(2))
        assert not await ref.stop()
        assert asyncio.get_running_loop().time() < 0.2


# Watches


class Watcher(Actor):
    def __init__(self, target: ActorRef, seen: list[Any], *, restarts: bool = False) -> None:
        self.target = target
        self.seen = seen
        self.restarts = restarts

    async def on_start(self) -> None:
        self.context.watch(self.target, restarts=self.restarts)

    def receive(self, message: Any) -> Any:
        match message:
            case Get():
                return self.context.unwatch(self.target)
            case Boom():
                raise RuntimeError("watcher")
        self.seen.append(message)
        return None


@pytest.mark.parametrize("way", ["stop", "stop_self", "failure", "kill"])
def test_a_watcher_hears_of_the_end_once_with_its_reason(way: str) -> None:
    class Leaver(Counter):
        def receive(self, message: Any) -> Any:
            if isinstance(message, Pause):
                self.context.stop_self()
                return None
            return super().receive(message)

    @virtually
    async def scene() -> None:
        seen: list[Any] = []
        async with ActorSystem() as system:
            target = system.spawn(Leaver, name="target", restart="temporary" if way != "stop_self" else "transient")
            system.spawn(lambda: Watcher(target, seen), name="watcher")
            await asyncio.sleep(0.1)
            match way:
                case "stop":
                    await target.stop()
                case "stop_self":
                    target.tell_nowait(Pause(0))
                case "failure":
                    target.tell_nowait(Boom("dead"))
                case "kill":
                    target.kill()
            await asyncio.sleep(0.1)
            assert len(seen) == 1
            expected = {"stop": Exit.SHUTDOWN, "stop_self": Exit.NORMAL}.get(way, Exit.FAILURE)
            assert (type(seen[0]), seen[0].ref, seen[0].reason) == (Down, target, expected)
            assert (seen[0].error is None) == (expected is not Exit.FAILURE)
            late: list[Any] = []
            system.spawn(lambda: Watcher(target, late), name="latecomer")
            await asyncio.sleep(0.1)
            assert [(down.ref, down.reason) for down in late] == [(target, expected)], "at once, where it has ended"

    scene()


@virtually
async def test_restarts_are_told_to_those_who_want_to_know() -> None:
    some: list[Any] = []
    everything: list[Any] = []
    async with ActorSystem() as system:
        target = system.spawn(Counter, name="target", backoff=QUICK)
        system.spawn(lambda: Watcher(target, some), name="some")
        system.spawn(lambda: Watcher(target, everything, restarts=True), name="everything")
        await asyncio.sleep(0.1)
        target.tell_nowait(Boom("one"))
        target.tell_nowait(Boom("two"))
        await asyncio.sleep(0.1)
        assert some == []
        assert [(one.count, str(one.cause)) for one in everything] == [(1, "one"), (2, "two")]
        assert all(type(one) is Restarted and one.ref is target for one in everything)


@virtually
async def test_a_signal_comes_before_messages_and_never_after_unwatch() -> None:
    seen: list[Any] = []
    async with ActorSystem() as system:
        target = system.spawn(Counter, name="target")
        watcher = system.spawn(lambda: Watcher(target, seen), name="watcher")
        await asyncio.sleep(0.1)
        watcher.tell_nowait(Add(1))
        await target.stop()
        await asyncio.sleep(0.1)
        target2 = system.spawn(Counter, name="target2")
        watcher2 = system.spawn(lambda: Watcher(target2, seen), name="watcher2")
        await asyncio.sleep(0.1)
        assert await watcher2.ask(Get()) is True
        assert await watcher2.ask(Get()) is False
        await target2.stop()
        await asyncio.sleep(0.1)
    assert [type(one) for one in seen] == [Add, Down]


@virtually
async def test_watches_end_with_the_incarnation_that_made_them() -> None:
    class Once(Watcher):
        starts = 0

        async def on_start(self) -> None:
            Once.starts += 1
            if Once.starts == 1:
                await super().on_start()

    seen: list[Any] = []
    async with ActorSystem() as system:
        target = system.spawn(Counter, name="target")
        watcher = system.spawn(lambda: Once(target, seen), name="watcher", backoff=QUICK)
        await asyncio.sleep(0.1)
        watcher.tell_nowait(Boom())
        await asyncio.sleep(0.1)
        await target.stop()
        await asyncio.sleep(0.1)
        assert seen == []
        assert not target._target.bonds().watched_by


# Links


class Linked(Counter):
    def __init__(self, to: str | None, diary: list[Any]) -> None:
        super().__init__(diary)
        self.to = to

    async def on_start(self) -> None:
        await super().on_start()
        if self.to is not None:
            self.context.link(self.context.system.actor(self.to))


@pytest.mark.parametrize("who", ["a", "b", "c"])
def test_linked_actors_fail_together(who: str) -> None:
    @virtually
    async def scene() -> None:
        diaries: dict[str, list[Any]] = {"a": [], "b": [], "c": []}
        async with ActorSystem() as system:
            for name, to in (("a", None), ("b", "a"), ("c", "b")):
                system.spawn(
                    lambda to=to, name=name: Linked(to, diaries[name]), name=name, restart="temporary", backoff=QUICK
                )
                await asyncio.sleep(0.1)
            system.actor(who).tell_nowait(Boom("linked"))
            await asyncio.sleep(0.1)
            assert system.statistics() == {}
        assert all("linked" in str(diary[1]) for diary in diaries.values())

    scene()


@virtually
async def test_an_orderly_end_does_not_fail_who_is_linked() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        a = system.spawn(Counter, name="a")
        b = system.spawn(lambda: Linked("a", diary), name="b")
        await b.ask(Get())
        await a.stop()
        assert await b.ask(Get()) == 0
        assert diary == ["start"]


@virtually
async def test_a_link_to_who_has_stopped_is_refused() -> None:
    class Tries(Actor):
        def receive(self, message: Any) -> Any:
            try:
                self.context.link(gone)
            except ActorStopped as error:
                return str(error)

    async with ActorSystem() as system:
        gone = system.spawn(Counter, name="gone")
        await gone.stop()
        text = await system.spawn(Tries, name="tries").ask(Get())
        assert text == "gone has stopped, so tries cannot be linked to it"


# Dead letters


@virtually
async def test_every_way_to_nowhere_is_a_dead_letter() -> None:
    class Picky(Actor):
        def receive(self, message: Any) -> Any:
            match message:
                case Pause(seconds):
                    return asyncio.sleep(seconds)
                case Boom():
                    raise RuntimeError("x")
                case Echo():
                    return self.context.stash()
            self.unhandled(message)
            return None

    async with ActorSystem() as system:
        letters, reading = await letters_of(system)
        spec = MailboxSpec(capacity=1, overflow="drop_old", stash_capacity=0)
        ref = system.spawn(Picky, name="picky", mailbox=spec, backoff=QUICK)
        with pytest.raises(UnhandledMessage, match=r"picky \(.*Picky\) has no handler for Get"):
            await ref.ask(Get())
        assert ref.statistics().restarts == 0
        for sent in (Echo(1), Boom(), Pause(1.0)):
            await asyncio.sleep(0.1)
            ref.tell_nowait(sent)
        await asyncio.sleep(0.1)
        ref.tell_nowait(Add(1))
        ref.tell_nowait(Add(2))
        ref.forward_nowait(b"\xc1 garbage")
        await asyncio.sleep(2.0)
        ref.tell_nowait(Pause(9.0))
        await asyncio.sleep(0.1)
        ref.tell_nowait(Add(3))
        await ref.stop(1.0)
        with pytest.raises(ActorStopped):
            ref.tell_nowait(Add(4))
        counts = dict(system.dead_letters.counts)
    await reading
    assert [(letter.message, letter.reason.value) for letter in letters] == [
        (Get(), "unhandled"),
        (Echo(1), "dropped"),
        (Boom("boom"), "poison"),
        (Add(1), "dropped"),
        (Add(2), "dropped"),
        (b"\xc1 garbage", "refused"),
        (Pause(9.0), "poison"),
        (Add(3), "stopped"),
        (Add(4), "stopped"),
    ]
    assert sum(counts.values()) == len(letters)
    assert {letter.target for letter in letters} == {"picky"}


@virtually
async def test_what_was_in_hand_when_the_system_was_cancelled_is_a_dead_letter() -> None:
    system = ActorSystem()
    letters: list[DeadLetter] = []

    async def read() -> None:
        async for letter in system.dead_letters.stream():
            letters.append(letter)

    reading = asyncio.ensure_future(read())
    with anyio.move_on_after(1):
        async with system:
            system.spawn(Counter, name="counter").tell_nowait(Pause(100.0))
            await asyncio.sleep(50)
    await reading
    assert [(letter.message, letter.reason.value) for letter in letters] == [(Pause(100.0), "stopped")]


@virtually
async def test_what_an_actor_tells_itself_too_late_is_a_dead_letter_and_no_error() -> None:
    class Tells(Actor):
        async def on_stop(self) -> None:
            self.context.self_ref.tell_nowait(Add(1))

    async with ActorSystem() as system:
        letters, reading = await letters_of(system)
        ref = system.spawn(Tells, name="tells")
        await asyncio.sleep(1)
        assert await ref.stop()
    await reading
    assert [(letter.message, letter.sender, letter.reason.value) for letter in letters] == [
        (Add(1), "tells", "stopped")
    ]


@virtually
async def test_an_unhandled_message_of_another_actor_is_no_unhandled_message_here() -> None:
    class Asks(Actor):
        async def receive(self, message: Any) -> Any:
            return await other.ask(message)

    async with ActorSystem() as system:
        other = system.spawn(Actor, name="other")
        ref = system.spawn(Asks, name="asks", backoff=QUICK)
        with pytest.raises(ActorFailed, match="asks failed .* other .* has no handler") as failed:
            await ref.ask(Get())
        assert isinstance(failed.value.__cause__, UnhandledMessage)
        await asyncio.sleep(0.1)
        assert ref.statistics().restarts == 1
        assert other.statistics().restarts == 0


@virtually
async def test_a_reader_that_does_not_keep_up_loses_the_oldest_and_costs_no_memory() -> None:
    async with ActorSystem() as system:
        stream = system.dead_letters.stream()
        first = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        gone = system.spawn(Counter, name="gone")
        await gone.stop()
        for n in range(BEHIND_MAX + 10):
            with pytest.raises(ActorStopped):
                gone.tell_nowait(Add(n))
        got = [(await first).message.n, (await anext(stream)).message.n]
        assert got == [10, 11]
        await stream.aclose()
        assert system.dead_letters.counts[DeadReason.STOPPED] == BEHIND_MAX + 10


@virtually
async def test_a_flood_of_dead_letters_is_logged_sparingly(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "cuebook")
    async with ActorSystem() as system:
        gone = system.spawn(Counter, name="gone")
        await gone.stop()
        for n in range(100):
            with pytest.raises(ActorStopped):
                gone.tell_nowait(Add(n))
    counts = [record.cuebook["count"] for record in caplog.records]
    assert counts == [1, 2, 4, 8, 16, 32, 64]


@virtually
async def test_a_dropped_ask_is_told_and_a_dead_letter() -> None:
    async with ActorSystem() as system:
        letters, reading = await letters_of(system)
        ref = system.spawn(Counter, name="c", mailbox=MailboxSpec(capacity=1, overflow="drop_new"))
        ref.tell_nowait(Pause(1.0))
        await asyncio.sleep(0.1)
        ref.tell_nowait(Add(1))
        with pytest.raises(MailboxFull):
            await ref.ask(Get())
    await reading
    assert [(letter.message, letter.reason) for letter in letters] == [(Get(), DeadReason.DROPPED)]


@pytest.mark.parametrize(
    ("option", "text"),
    [
        (
            {"restart": "transent"},
            "restart of 'ActorOptions' is one of permanent, transient, temporary, not 'transent'",
        ),
        ({"on_exhausted": "cry"}, "on_exhausted of 'ActorOptions' is one of stop, escalate, park, not 'cry'"),
        ({"directives": {ValueError: "no"}}, "the directive of 'ActorOptions' for ValueError is"),
        ({"attempts": 0}, "attempts of 'ActorOptions' is 1 or more"),
        ({"shutdown_s": -1}, "shutdown_s of 'ActorOptions' is 0 or more seconds"),
        ({"start_s": 0}, "start_s of 'ActorOptions' is more than 0"),
    ],
)
def test_options_that_make_no_sense_are_refused_when_they_are_made(option: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        ActorOptions(**option)
