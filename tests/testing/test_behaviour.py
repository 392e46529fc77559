"""The kit for one actor: it does what a cell would do, and writes down what a system would have to do."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import Any

import pytest

from cuebook.errors import ActorFailed, ActorStopped, AskTimeout, MailboxFull, UnhandledMessage
from cuebook.runtime.cells.actor import Actor, Delivery
from cuebook.runtime.cells.mailbox import MailboxSpec
from cuebook.runtime.cells.services import ServiceKey
from cuebook.runtime.cells.signals import Down
from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.refs.ref import ActorRef
from cuebook.testing.behaviour import ActorKit
from cuebook.testing.effects import (
    Became,
    Linked,
    Replied,
    Sent,
    Spawned,
    Stashed,
    StoppedItself,
    TimerCancelled,
    TimerSet,
    Unstashed,
    Watched,
)
from tests.support.cast import Add, Boom, Counter, Echo, Get, Pause


class Act(Actor):
    """Does what it is told, by name."""

    def __init__(self, diary: list[str] | None = None) -> None:
        self.diary = [] if diary is None else diary
        self.held: list[Delivery] = []

    async def on_start(self) -> None:
        self.diary.append("start")
        self.context.after(60, Get(), key="heartbeat")

    async def on_stop(self) -> None:
        self.diary.append("stop")

    async def on_failure(self, error: BaseException) -> None:
        self.diary.append(f"failure {error}")

    def receive(self, message: Any) -> Any:
        match message:
            case Echo([word, *arguments]):
                return getattr(self, word)(*arguments)
            case Echo(word) if isinstance(word, str):
                return getattr(self, word)()
            case Boom(text):
                raise RuntimeError(text)
            case Down(ref, reason):
                return f"{ref.name} {reason}"
            case Get():
                return "beat"
            case _:
                return self.unhandled(message)

    def tell(self, ref: ActorRef) -> None:
        ref.tell_nowait(Add(1))

    async def ask(self, ref: ActorRef) -> Any:
        return await ref.ask(Get(), timeout=10)

    def answer_sender(self) -> None:
        assert self.context.sender is not None
        self.context.sender.tell_nowait(Add(2))

    def spawn(self) -> None:
        child = self.context.spawn(Counter, name="child", shutdown_s=1.0)
        self.context.watch(child)
        self.context.link(child)
        child.tell_nowait(Add(3))

    def defer(self) -> str:
        self.held.append(self.context.defer())
        return "ignored"

    def defer_and_answer(self) -> None:
        self.context.defer().reply([1, 2])

    def release(self) -> None:
        for delivery in self.held:
            delivery.reply("late")

    def stash(self) -> bool:
        return self.context.stash()

    def unstash(self) -> int:
        return self.context.unstash()

    def cancel(self) -> bool:
        return self.context.cancel_timer("heartbeat")

    def become(self) -> None:
        self.context.become(self.other)

    def other(self, message: Any) -> str:
        self.context.unbecome()
        return "other"

    def quit(self) -> None:
        self.context.stop_self()

    def remind(self) -> None:
        self.context.self_ref.tell_nowait(Echo("quit"))

    def pipe(self) -> None:
        async def work() -> int:
            await asyncio.sleep(5)
            return 7

        self.context.pipe_to_self(work(), lambda value, error: Echo(["piped", value]))

    def piped(self, value: int) -> int:
        return value

    def register(self) -> int:
        self.context.register(ServiceKey("act"))
        return len(self.context.system.services.find(ServiceKey("act")))


def test_a_reply_and_the_state_are_there_at_once() -> None:
    kit = ActorKit(Counter)
    assert kit.run(Add(2)).reply is None
    assert kit.run(Get()).reply == 2
    assert kit.actor.total == 2  # type: ignore[attr-defined]


def test_an_async_handler_runs_to_its_end_in_virtual_time() -> None:
    kit = ActorKit(Counter)
    assert kit.run(Pause(3600)).reply == "paused"
    assert kit.now == 3600


def test_messages_replies_and_what_is_sent_go_through_the_codec() -> None:
    kit = ActorKit(Counter)
    given = [1, (2, 3)]
    assert kit.run(Echo(given)).reply == [1, [2, 3]]
    with pytest.raises(TypeError, match=r"Echo\.value cannot travel"):
        kit.run(Echo(threading.Lock()))
    assert kit.run(Get()).reply == 0  # nothing of it was received


def test_a_reply_that_cannot_travel_is_an_error() -> None:
    class Odd(Actor):
        def receive(self, message: Any) -> Any:
            return threading.Lock()

    with pytest.raises(TypeError):
        ActorKit(Odd).run(Get())


def test_what_is_sent_is_written_down_with_its_receiver() -> None:
    kit = ActorKit(Act)
    friend = kit.stub("friend")
    assert kit.run(Echo(["tell", friend])).sent == (Sent("friend", Add(1)),)
    assert kit.run(Echo("answer_sender"), sender=friend).sent == (Sent("friend", Add(2)),)


def test_the_factory_may_take_stubs_of_the_kit_itself() -> None:
    class Teller(Actor):
        def __init__(self, friend: ActorRef) -> None:
            self.friend = friend

        def receive(self, message: Any) -> None:
            self.friend.tell_nowait(message)

    kit = ActorKit(lambda: Teller(kit.stub("friend")))
    assert kit.run(Add(1)).sent == (Sent("friend", Add(1)),)


def test_an_ask_of_a_stub_is_answered_by_plan_or_ends_by_its_deadline() -> None:
    kit = ActorKit(Act)
    friend = kit.stub("friend", lambda message: {"got": 5})
    ran = kit.run(Echo(["ask", friend]))
    assert ran.reply == {"got": 5}
    assert ran.sent == (Sent("friend", Get(), is_ask=True),)
    with pytest.raises(AskTimeout, match="silent did not answer Get within 10 s"):
        kit.run(Echo(["ask", kit.stub("silent")]))
    assert kit.now == pytest.approx(10, abs=0.1)

    def refuse(message: Any) -> Any:
        raise KeyError("no")

    kit.restart()
    with pytest.raises(ActorFailed, match="KeyError"):
        kit.run(Echo(["ask", kit.stub("friend", refuse)]))


def test_children_watches_and_links_are_written_down_and_not_made() -> None:
    effects = ActorKit(Act).run(Echo("spawn")).effects
    assert effects == (
        Spawned("child", Counter, {"shutdown_s": 1.0}),
        Watched("child"),
        Linked("child"),
        Sent("child", Add(3)),
    )


def test_a_spawn_that_makes_no_sense_is_refused_as_in_a_system() -> None:
    class Parent(Actor):
        def receive(self, message: Any) -> None:
            self.context.spawn(Counter, name="child", restart="sometimes")

    with pytest.raises(ValueError, match="restart of 'child'"):
        ActorKit(Parent).run(Get())


def test_a_signal_is_run_like_any_message() -> None:
    kit = ActorKit(Act)
    assert kit.run(Down(kit.stub("friend"), Exit.NORMAL, None)).reply == "friend normal"


def test_a_deferred_answer_is_an_effect_of_the_message_that_gives_it() -> None:
    kit = ActorKit(Act)
    first = kit.run(Echo("defer"))
    assert first.is_deferred
    assert first.reply is None
    assert kit.run(Echo("release")).effects == (Replied(Echo("defer"), "late"),)
    at_once = kit.run(Echo("defer_and_answer"))
    assert (at_once.reply, at_once.is_deferred) == ([1, 2], False)


def test_what_is_owed_at_the_end_of_an_incarnation_fails() -> None:
    kit = ActorKit(Act)
    kit.run(Echo("defer"))
    (owed,) = kit.stop()
    assert isinstance(owed, Replied)
    assert isinstance(owed.error, ActorStopped)


def test_timers_fire_when_time_is_let_pass_and_never_after_a_cancel() -> None:
    kit = ActorKit(Act)
    assert kit.started == (TimerSet(60, Get(), "heartbeat"),)
    assert kit.advance(59.9) == ()
    (beat,) = kit.advance(0.2)
    assert (beat.message, beat.reply) == (Get(), "beat")
    kit.restart()
    assert kit.run(Echo("cancel")).effects == (TimerCancelled("heartbeat"),)
    assert kit.advance(1000) == ()


def test_what_was_stashed_is_received_again_after_unstash() -> None:
    kit = ActorKit(Act)
    assert kit.run(Echo("stash")).effects == (Stashed(),)
    assert kit.run_waiting() == ()
    assert Unstashed(1) in kit.run(Echo("unstash")).effects
    assert kit.waiting == 1
    (again,) = kit.run_waiting()
    assert again.effects == (Stashed(),)


def test_a_full_stash_answers_whoever_asked() -> None:
    kit = ActorKit(Act, mailbox=MailboxSpec(stash_capacity=0))
    (refused,) = kit.run(Echo("stash")).effects
    assert isinstance(refused, Replied)
    assert isinstance(refused.error, MailboxFull)


def test_another_handler_receives_until_it_says_otherwise() -> None:
    kit = ActorKit(Act)
    assert kit.run(Echo("become")).effects == (Became("other"),)
    ran = kit.run(Get())
    assert (ran.reply, ran.effects) == ("other", (Became(None),))
    assert kit.run(Get()).reply == "beat"


def test_what_it_tells_itself_waits_until_it_is_run() -> None:
    kit = ActorKit(Act)
    assert kit.run(Echo("remind")).sent == (Sent("actor", Echo("quit")),)
    (ran,) = kit.run_waiting()
    assert ran.effects == (StoppedItself(),)


def test_what_is_piped_arrives_when_its_time_has_passed() -> None:
    kit = ActorKit(Act)
    kit.run(Echo("pipe"))
    assert kit.run_waiting() == ()
    (ran,) = kit.advance(6)
    assert ran.reply == 7


def test_services_are_there_to_be_found() -> None:
    assert ActorKit(Act).run(Echo("register")).reply == 1


def test_a_failure_is_the_tests_and_ends_the_incarnation() -> None:
    diary: list[str] = []
    kit = ActorKit(lambda: Act(diary))
    kit.run(Echo("stash"))
    with pytest.raises(RuntimeError, match="ouch"):
        kit.run(Boom("ouch"))
    with pytest.raises(ActorFailed, match=r"restart\(\) it first"):
        kit.run(Get())
    before = kit.actor
    kit.restart()
    assert kit.actor is not before
    assert diary == ["start", "failure ouch", "start"]
    assert kit.waiting == 1  # its stash
    assert kit.run(Get()).reply == "beat"
    kit.stop()
    assert diary[-1] == "stop"


def test_a_message_without_a_handler_is_an_error_and_no_failure() -> None:
    kit = ActorKit(Act)
    with pytest.raises(UnhandledMessage):
        kit.run(Add(1))
    assert kit.run(Get()).reply == "beat"


def test_an_actor_that_receives_many_gets_one() -> None:
    class Many(Actor):
        async def receive_many(self, deliveries: list[Delivery]) -> None:
            for delivery in deliveries:
                delivery.reply(len(deliveries))

    assert ActorKit(Many).run(Get()).reply == 1


def test_a_failing_start_is_the_tests() -> None:
    class Broken(Actor):
        async def on_start(self) -> None:
            raise OSError("no start")

    with pytest.raises(OSError, match="no start"):
        _ = ActorKit(Broken).actor
    gc.collect()


def test_within_a_loop_it_says_where_it_belongs() -> None:
    async def scene() -> None:
        with pytest.raises(RuntimeError, match="plain test function"):
            ActorKit(Counter).run(Get())

    asyncio.run(scene())
    gc.collect()


def test_what_is_piped_and_cannot_be_wrapped_fails_the_incarnation() -> None:
    class Piper(Actor):
        def receive(self, message: Any) -> None:
            def wrap(value: Any, error: BaseException | None) -> object:
                raise KeyError("no message")

            self.context.pipe_to_self(asyncio.sleep(1), wrap)

    kit = ActorKit(Piper)
    kit.run(Get())
    kit.advance(2)
    with pytest.raises(ActorFailed, match="has failed"):
        kit.run(Get())
