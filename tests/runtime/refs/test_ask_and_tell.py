"""Messages arrive in order, one at a time; every ask ends: by a reply, the target's end, or its deadline."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any

import pytest

from cuebook.errors import ActorFailed, ActorStopped, AskTimeout, UnknownMessage
from cuebook.runtime.cells.actor import Actor, Delivery
from cuebook.runtime.cells.mailbox import MailboxSpec
from cuebook.runtime.policy.restarts import Backoff, RestartIntensity
from cuebook.runtime.refs.ref import current_actor
from cuebook.runtime.system import ActorSystem
from cuebook.wire.codec import pack
from tests.support.cast import Add, Boom, Counter, Echo, Get, Pause
from tests.support.virtually import virtually

pytestmark = pytest.mark.quick


@virtually
async def test_messages_of_one_sender_arrive_in_order() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Counter(diary), name="counter", mailbox=MailboxSpec(capacity=2000))
        for n in range(1500):
            ref.tell_nowait(Add(n))
        assert await ref.ask(Get()) == sum(range(1500))
    assert diary == ["start", *range(1500), "stop"]


@virtually
async def test_one_message_at_a_time_also_across_awaits() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Counter(diary), name="counter")
        asks = [asyncio.ensure_future(ref.ask(Pause(1.0))) for _ in range(2)]
        ref.tell_nowait(Add(7))
        assert await asyncio.gather(*asks) == ["paused", "paused"]
    # the tell came before the asks' tasks ran
    assert diary == ["start", 7, "pausing", "paused", "pausing", "paused", "stop"]


@virtually
async def test_an_async_handler_answers_like_a_plain_one() -> None:
    class Slow(Actor):
        async def receive(self, message: Any) -> Any:
            return message.value

    async with ActorSystem() as system:
        ref = system.spawn(Slow, name="slow")
        assert await asyncio.gather(*(ref.ask(Echo(n)) for n in range(600))) == list(range(600))


@pytest.mark.parametrize(
    "value", [None, True, 5, 2.5, "text", b"raw", [1, [2]], {"a": [1]}, Add(3), Echo({"k": [1]})], ids=repr
)
def test_an_answer_is_equal_and_ones_own(value: Any) -> None:
    @virtually
    async def scene() -> None:
        async with ActorSystem() as system:

            class Keeper(Actor):
                def receive(self, message: Any) -> Any:
                    return value

            answer = await system.spawn(Keeper, name="keeper").ask(Get())
            assert answer == value
            if isinstance(value, list | dict | Echo):  # an Add holds nothing that could be changed
                assert answer is not value

    scene()


@virtually
async def test_no_mutable_state_is_shared() -> None:
    kept: list[Any] = []

    class Keeper(Actor):
        def receive(self, message: Any) -> Any:
            kept.append(message.value)
            return kept[-1]

    async with ActorSystem() as system:
        ref = system.spawn(Keeper, name="keeper")
        sent = [1, 2]
        got = await ref.ask(Echo(sent))
        sent.append(3)
        got.append(4)
        assert kept == [[1, 2]]


@virtually
async def test_an_answer_that_cannot_travel_fails_the_actor_and_its_asker() -> None:
    class Odd(Actor):
        def receive(self, message: Any) -> Any:
            return threading.Lock()

    async with ActorSystem() as system:
        ref = system.spawn(Odd, name="odd")
        with pytest.raises(ActorFailed) as caught:
            await ref.ask(Get())
        assert isinstance(caught.value.__cause__, TypeError)
        assert "lock" in str(caught.value.__cause__)


@virtually
async def test_a_message_that_cannot_travel_fails_at_its_sender() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter")
        for send in (ref.tell_nowait, ref.tell, ref.ask):
            with pytest.raises(TypeError, match=r"Echo\.value cannot travel"):
                result = send(Echo(threading.Lock()))
                if result is not None:
                    await result
        assert await ref.ask(Get()) == 0


@virtually
async def test_a_handler_that_raises_fails_its_asker_with_the_cause() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter")
        with pytest.raises(ActorFailed, match="counter failed on this message: RuntimeError: oh") as caught:
            await ref.ask(Boom("oh"))
        assert isinstance(caught.value.__cause__, RuntimeError)


@virtually
async def test_an_ask_ends_at_its_deadline_and_the_late_reply_is_counted() -> None:
    async with ActorSystem() as system:
        loop = asyncio.get_running_loop()
        ref = system.spawn(Counter, name="counter")
        started = loop.time()
        with pytest.raises(AskTimeout, match=r"counter did not answer Pause within 2 s \(running .*\)"):
            await ref.ask(Pause(10.0), timeout=2.0)
        assert 2.0 <= loop.time() - started <= 2.03
        assert await ref.ask(Get()) == 0
        assert ref.statistics().late_replies == 1


@virtually
async def test_an_ask_without_deadline_waits() -> None:
    async with ActorSystem() as system:
        assert await system.spawn(Counter, name="counter").ask(Pause(1e6), timeout=None) == "paused"


@virtually
async def test_a_cancelled_asker_harms_nobody() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter")
        ask = asyncio.ensure_future(ref.ask(Pause(5.0)))
        await asyncio.sleep(1)
        ask.cancel()
        assert await ref.ask(Get()) == 0
        assert len(system.deadlines) == 0


@virtually
async def test_pending_asks_hold_no_memory_once_answered() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter")
        for _ in range(300):
            await ref.ask(Get())
        assert len(system.deadlines) == 0


@virtually
async def test_the_sender_is_known_and_code_knows_which_actor_it_is() -> None:
    class Who(Actor):
        def receive(self, message: Any) -> Any:
            sender = self.context.sender
            assert current_actor() is self.context.self_ref
            return sender.name if sender is not None else "outside"

    class Asker(Actor):
        async def receive(self, message: Any) -> Any:
            return await self.context.system.actor("who").ask(Get())

    async with ActorSystem() as system:
        who = system.spawn(Who, name="who")
        assert await who.ask(Get()) == "outside"
        assert await system.spawn(Asker, name="asker").ask(Get()) == "asker"
        assert current_actor() is None


@virtually
async def test_context_variables_are_the_actors_own_and_last() -> None:
    variable = contextvars.ContextVar("variable", default=0)

    class Keeper(Actor):
        def receive(self, message: Any) -> Any:
            if isinstance(message, Add):
                variable.set(variable.get() + message.n)
                return None
            return variable.get() if isinstance(message, Get) else self.later(message)

        async def later(self, message: Pause) -> None:
            await asyncio.sleep(message.seconds)
            variable.set(variable.get() + 100)

    variable.set(1)
    async with ActorSystem() as system:
        one, two = (system.spawn(Keeper, name=name) for name in ("one", "two"))
        variable.set(50)
        for message in (Add(10), Pause(1.0), Add(5)):
            await one.ask(message)
            await asyncio.sleep(1)
        assert await one.ask(Get()) == 116
        assert await two.ask(Get()) == 1
        assert variable.get() == 50


@virtually
async def test_a_group_of_messages_is_received_and_answered_as_one() -> None:
    sizes: list[int] = []

    class Group(Actor):
        async def receive_many(self, deliveries: list[Delivery]) -> None:
            sizes.append(len(deliveries))
            await asyncio.sleep(1)
            for place, delivery in enumerate(deliveries):
                if isinstance(delivery.message, Boom):
                    delivery.fail(ValueError("no"))
                else:
                    delivery.reply([place, delivery.sender is None])

    async with ActorSystem() as system:
        ref = system.spawn(Group, name="group")
        first = await asyncio.gather(*(ref.ask(Get()) for _ in range(300)), ref.ask(Boom()), return_exceptions=True)
        assert sizes == [256, 45]
        assert first[:3] == [[0, True], [1, True], [2, True]]
        assert isinstance(first[-1], ActorFailed)
        assert isinstance(first[-1].__cause__, ValueError)
        assert ref.statistics().processed == 301


@virtually
async def test_a_delivery_may_be_answered_after_its_handler() -> None:
    class Later(Actor):
        def __init__(self) -> None:
            self.open: list[Delivery] = []

        def receive(self, message: Any) -> Any:
            if isinstance(message, Get):
                self.open.append(self.context.defer())
                return "ignored"
            for delivery in self.open:
                assert delivery.is_open
                delivery.reply(message.n)
                delivery.reply("a second answer has no effect")
                assert not delivery.is_open
            return None

    async with ActorSystem() as system:
        ref = system.spawn(Later, name="later")
        asks = [asyncio.ensure_future(ref.ask(Get())) for _ in range(3)]
        await asyncio.sleep(1)
        assert not any(ask.done() for ask in asks)
        ref.tell_nowait(Add(9))
        assert await asyncio.gather(*asks) == [9, 9, 9]


@virtually
async def test_open_deliveries_fail_with_their_incarnation() -> None:
    class Later(Actor):
        def receive(self, message: Any) -> Any:
            if isinstance(message, Boom):
                raise RuntimeError(message.text)
            return self.context.defer().is_open

    async with ActorSystem() as system:
        ref = system.spawn(Later, name="later")
        ask = asyncio.ensure_future(ref.ask(Get()))
        await asyncio.sleep(1)
        ref.tell_nowait(Boom())
        with pytest.raises(ActorFailed):
            await ask
        ask = asyncio.ensure_future(ref.ask(Get()))
        await asyncio.sleep(1)
        await ref.stop()
        with pytest.raises(ActorStopped):
            await ask


@virtually
async def test_a_forwarded_frame_is_received_and_a_bad_one_refused_and_counted() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter")
        ref.forward_nowait(pack([60_001, 5]))
        ref.forward_nowait(pack([60_001, "five"]))
        ref.forward_nowait(b"\xc1")
        ref.forward_nowait(pack([65_534]))
        assert await ref.ask(Get()) == 5
        statistics = ref.statistics()
        assert (statistics.processed, statistics.refused, statistics.restarts) == (2, 3, 0)


@virtually
async def test_an_asked_message_unknown_here_is_named_to_its_asker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cuebook.runtime.refs.ref.outgoing", lambda _message: pack([65_534]))
    async with ActorSystem() as system:
        with pytest.raises(UnknownMessage, match="65534"):
            await system.spawn(Counter, name="counter").ask(Get())


@virtually
async def test_a_busy_actor_lets_others_run_between_slices() -> None:
    turns: list[str] = []

    class Busy(Actor):
        def receive(self, message: Any) -> None:
            turns.append("busy")

    async with ActorSystem() as system:
        ref = system.spawn(Busy, name="busy", mailbox=MailboxSpec(capacity=2000))
        for _ in range(1000):
            ref.tell_nowait(Get())
        while len(turns) < 1000:
            await asyncio.sleep(0)
            turns.append("other")
    others = [place for place, turn in enumerate(turns) if turn == "other"]
    assert len(others) >= 4
    assert max(b - a for a, b in zip(others, others[1:], strict=False)) <= 257


@virtually
async def test_an_async_actor_lets_others_run_between_slices() -> None:
    turns: list[str] = []

    class Busy(Actor):
        async def receive(self, message: Any) -> None:
            turns.append("busy")

    async with ActorSystem() as system:
        ref = system.spawn(Busy, name="busy", mailbox=MailboxSpec(capacity=2000))
        for _ in range(1000):
            ref.tell_nowait(Get())
        while turns.count("busy") < 1000:
            await asyncio.sleep(0)
            turns.append("other")
    assert turns.count("other") >= 3


@virtually
async def test_an_idle_actor_has_no_task() -> None:
    async with ActorSystem() as system:
        refs = [system.spawn(Counter, name=f"counter {n}") for n in range(10)]
        for ref in refs:
            await ref.ask(Pause(0.1))
        await asyncio.sleep(1)
        assert len(asyncio.all_tasks()) == 1


@virtually
async def test_a_ref_shows_its_state() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter")
        assert repr(ref) == "<ActorRef counter starting depth=0/1024 processed=0>"
        await ref.ask(Get())
        assert repr(ref) == "<ActorRef counter running depth=0/1024 processed=1>"
    assert repr(ref) == "<ActorRef counter stopped depth=0/1024 processed=1>"
    assert not ref.is_alive


@virtually
async def test_a_timeout_that_is_no_number_of_seconds_is_refused_before_anything_is_sent() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter")
        bad: Any
        for bad in ("1", [1], True):
            for call in (
                lambda bad=bad: ref.ask(Add(1), timeout=bad),
                lambda bad=bad: ref.batch([Add(1)], timeout=bad),
                lambda bad=bad: ref.tell_batch([Add(1)], timeout=bad),
                lambda bad=bad: ref.stop(bad),
            ):
                with pytest.raises(TypeError, match="a timeout is a number of seconds, or None for none, not"):
                    await call()
        with pytest.raises(ValueError, match="nan"):
            await ref.ask(Add(1), timeout=float("nan"))
        assert await ref.ask(Get(), timeout=1) == 0


@virtually
async def test_an_ask_that_is_too_late_says_what_its_target_failed_with() -> None:
    class Fails(Actor):
        async def on_start(self) -> None:
            raise OSError("the disk is gone")

    async with ActorSystem() as system:
        ref = system.spawn(
            Fails, name="fails", intensity=RestartIntensity(100, 5.0), backoff=Backoff(first_s=0.5, jitter=0.0)
        )
        with pytest.raises(AskTimeout, match=r"its last failure: OSError\('the disk is gone'\)"):
            await ref.ask(Get(), timeout=2.0)
