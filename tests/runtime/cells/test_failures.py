"""What follows a failure: directives, poison, parking, escalation, watches and links, dead letters."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cuebook.errors import ActorFailed, ActorStopped, RestartLimitReached
from cuebook.runtime.cells.actor import Actor, Delivery
from cuebook.runtime.cells.mailbox import MailboxSpec
from cuebook.runtime.cells.spec import ActorOptions
from cuebook.runtime.policy.restarts import RestartIntensity
from cuebook.runtime.reports.deadletters import DeadReason
from cuebook.runtime.system import ActorSystem
from tests.runtime.cells.failing import QUICK
from tests.runtime.cells.letters import letters_of
from tests.support.cast import Add, Boom, Counter, Get, Pause
from tests.support.virtually import virtually

pytestmark = pytest.mark.quick


NONE = RestartIntensity(0, 5.0)


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
        with pytest.raises(ActorStopped, match=r"c is parked after RuntimeError.*: unpark\(\) begins anew"):
            await ref.ask(Get())
        ref.kill()
        assert ref.unpark()
        assert not ref.unpark()
        assert await ref.ask(Get()) == 3


@virtually
@pytest.mark.parametrize("many", [False, True])
async def test_questions_that_wait_for_room_are_refused_when_the_actor_is_parked_and_tells_wait_on(many: bool) -> None:
    async with ActorSystem() as system:
        small = MailboxSpec(capacity=2)
        ref = system.spawn(Counter, name="c", on_exhausted="park", intensity=NONE, mailbox=small)
        ref.tell_nowait(Boom("enough"))
        ref.tell_nowait(Add(1))

        async def asked(timeout: float | None) -> Any:
            return await (ref.batch([Get()], timeout) if many else ref.ask(Get(), timeout))

        telling = asyncio.ensure_future(ref.tell(Add(5)))
        waiting = [asyncio.ensure_future(asked(timeout)) for timeout in (None, 60.0)]
        telling_more = asyncio.ensure_future(ref.tell(Add(7)))
        await asyncio.sleep(0.1)
        for each in waiting:
            with pytest.raises(ActorStopped, match=r"c is parked after RuntimeError.*: unpark\(\) begins anew"):
                await each
        with pytest.raises(ActorStopped, match="c is parked"):  # one that comes when it is full
            await asked(None)
        assert ref.unpark()
        await asyncio.gather(telling, telling_more)
        assert await ref.ask(Get()) == 13


@virtually
async def test_a_parked_actor_stops_at_once() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="c", on_exhausted="park", intensity=NONE)
        ref.tell_nowait(Boom())
        await asyncio.sleep(0.1)
        ref.tell_nowait(Add(2))
        assert not await ref.stop()
        assert asyncio.get_running_loop().time() < 0.2


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


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ({"intensity": 3}, r"intensity of 'ActorOptions' is a RestartIntensity\(\.\.\.\), not 3"),
        ({"backoff": 1.0}, r"backoff of 'ActorOptions' is a Backoff\(\.\.\.\), not 1\.0"),
        ({"mailbox": 10}, "the mailbox of 'ActorOptions' is a MailboxSpec, not 10"),
    ],
)
def test_options_that_are_something_else_are_refused_when_they_are_made(option: dict[str, Any], text: str) -> None:
    with pytest.raises(TypeError, match=text):
        ActorOptions(**option)


@pytest.mark.parametrize("name", ["capacity", "bytes_max", "stash_capacity"])
def test_bounds_of_a_mailbox_are_whole_numbers(name: str) -> None:
    for wrong in ("10", 1.5, True):
        with pytest.raises(TypeError, match=f"{name} of a mailbox is a whole number, not {wrong!r}"):
            MailboxSpec(**{name: wrong})  # type: ignore[arg-type]
