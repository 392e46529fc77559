"""A traced actor is seen at its work, whole and in order; the others, and a system without traces, pay nothing."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any

import pytest

from cuebook.errors import ActorFailed, ActorStopped, MailboxFull
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.local import Local
from cuebook.runtime.cells.mailbox import Mailbox, MailboxSpec
from cuebook.runtime.cells.ports import CellCore
from cuebook.runtime.cells.spec import make_spec
from cuebook.runtime.policy.restarts import Backoff
from cuebook.runtime.refs.ref import ActorRef, target_of
from cuebook.runtime.reports.readers import BEHIND_MAX
from cuebook.runtime.reports.trace_context import TraceContext
from cuebook.runtime.seeing.tracing import TraceEvent, TraceKind
from cuebook.runtime.system import ActorSystem
from tests.support.cast import Add, Boom, Counter, Echo, Get, Pause
from tests.support.virtually import virtually


async def those(stream: Any, count: int) -> list[TraceEvent]:
    return [await asyncio.wait_for(anext(stream), 5) for _ in range(count)]


def brief(event: TraceEvent) -> tuple[str, str, Any, str | None]:
    return event.actor, event.kind.value, event.message, event.peer


def is_looked_at(ref: ActorRef) -> bool:
    """Whether what the actor receives goes another way than without any trace; nothing of that is left afterwards."""
    cell = target_of(ref)
    other_ways = [cell.observer, cell.gate, cell.mailbox.mark]
    assert len({way is None for way in other_ways}) == 1
    return cell.gate is not None


class Forwarder(Actor):
    def __init__(self, other: ActorRef) -> None:
        self.other = other

    async def receive(self, message: Any) -> Any:
        await asyncio.sleep(0.25)
        return await self.other.ask(message)


@virtually
async def test_what_an_actor_receives_sends_and_answers_is_seen_in_its_order() -> None:
    async with ActorSystem() as system:
        counter = system.spawn(Counter, name="counter")
        front = system.spawn(lambda: Forwarder(counter), name="front")
        events = system.traces()
        front.trace()
        assert await front.ask(Get()) == 0
        counter.tell_nowait(Add(7))
        seen = await those(events, 3)
        assert [brief(event) for event in seen] == [
            ("front", "received", Get(), None),
            ("front", "sent", Get(), "counter"),
            ("front", "replied", Get(), None),
        ]
        assert seen[2].seconds == pytest.approx(0.25)
        assert len({event.trace_id for event in seen}) == 1


@virtually
async def test_a_trace_id_goes_from_actor_to_actor_and_is_new_from_outside() -> None:
    async with ActorSystem() as system:
        counter = system.spawn(Counter, name="counter")
        front = system.spawn(lambda: Forwarder(counter), name="front")
        events = system.traces()
        for ref in (front, counter):
            ref.trace()
        await front.ask(Get())
        first = await those(events, 5)
        await front.ask(Get())
        second = await those(events, 5)
        assert [event.actor for event in first] == ["front", "front", "counter", "counter", "front"]
        assert [event.peer for event in first][2] == "front"
        assert len({event.trace_id for event in first}) == len({event.trace_id for event in second}) == 1
        assert first[0].trace_id != second[0].trace_id
        assert len(first[0].trace_id) == 32


@virtually
async def test_a_failure_is_seen_with_its_error_and_the_next_incarnation_too() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter", backoff=Backoff(0.0))
        ref.trace()
        events = system.traces()
        with pytest.raises(ActorFailed):
            await ref.ask(Boom("no"))
        assert await ref.ask(Get()) == 0
        seen = await those(events, 4)
        assert [event.kind for event in seen] == ["received", "failed", "received", "replied"]
        assert repr(seen[1].error) == "RuntimeError('no')"
        assert str(seen[1]) == "counter failed Boom after 0 s: RuntimeError('no')"


@virtually
async def test_a_cancelled_handler_is_seen_as_failed() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter", backoff=Backoff(0.0))
        ref.trace()
        events = system.traces()
        ref.tell_nowait(Pause(100))
        await asyncio.sleep(1)
        ref.kill()
        seen = await those(events, 2)
        assert (seen[1].kind, type(seen[1].error)) == (TraceKind.FAILED, asyncio.CancelledError)
        assert seen[1].seconds == pytest.approx(1.0)


@virtually
async def test_what_waits_in_the_mailbox_says_how_long() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter")
        ref.trace()
        events = system.traces()
        ref.tell_nowait(Pause(2))
        ref.tell_nowait(Add(1))
        seen = await those(events, 4)
        assert seen[2].seconds == pytest.approx(2.0)
        assert str(seen[2]) == "counter received Add from outside waited 2 s"
        assert seen[3].kind is TraceKind.HANDLED


@virtually
async def test_a_message_that_is_not_taken_is_a_failure_of_its_sender() -> None:
    async with ActorSystem() as system:
        full = system.spawn(Counter, name="full", mailbox=MailboxSpec(capacity=1))
        full.tell_nowait(Pause(100))
        await asyncio.sleep(1)
        full.tell_nowait(Add(1))

        class Sender(Actor):
            def receive(self, message: Any) -> None:
                with pytest.raises(MailboxFull):
                    full.tell_nowait(message)

        ref = system.spawn(Sender, name="sender")
        events = system.traces()
        system.trace("sender")
        ref.tell_nowait(Add(2))
        seen = await those(events, 3)
        assert brief(seen[1]) == ("sender", "failed", Add(2), "full")
        assert isinstance(seen[1].error, MailboxFull)
        await full.stop(0.0)


@virtually
async def test_a_deferred_answer_is_no_reply_yet() -> None:
    class Later(Actor):
        def receive(self, message: Any) -> None:
            self.context.defer().reply(1)

    async with ActorSystem() as system:
        ref = system.spawn(Later, name="later")
        ref.trace()
        events = system.traces()
        assert await ref.ask(Get()) == 1
        assert [event.kind for event in await those(events, 2)] == ["received", "handled"]


@virtually
async def test_a_batch_is_one_event_that_says_how_many() -> None:
    class Many(Actor):
        def receive_many(self, deliveries: Any) -> None:
            for delivery in deliveries:
                delivery.reply(len(deliveries))

    async with ActorSystem() as system:
        ref = system.spawn(Many, name="many")
        ref.trace()
        events = system.traces()
        asks = [asyncio.ensure_future(ref.ask(Echo(n))) for n in range(5)]
        assert await asyncio.gather(*asks) == [5] * 5
        seen = await those(events, 2)
        assert [(event.kind, event.count, event.message) for event in seen] == [
            ("received", 5, Echo(0)),
            ("handled", 5, Echo(0)),
        ]
        assert "received Echo and 4 more from outside" in str(seen[0])


@virtually
async def test_a_handler_that_was_exchanged_is_seen_too() -> None:
    class Changing(Actor):
        def receive(self, message: Any) -> str:
            self.context.become(lambda _: "other")
            return "one"

    async with ActorSystem() as system:
        ref = system.spawn(Changing, name="changing")
        events = system.traces()
        ref.trace()
        assert [await ref.ask(Get()), await ref.ask(Get())] == ["one", "other"]
        assert len(await those(events, 4)) == 4
        ref.trace(False)
        assert await ref.ask(Get()) == "other"


@virtually
async def test_nothing_is_seen_after_it_is_switched_off_and_the_actors_are_what_they_were() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter")
        other = system.spawn(Counter, name="other")
        await ref.ask(Get())
        events = system.traces()
        ref.trace()
        late = system.spawn(Counter, name="late")
        assert all(is_looked_at(one) for one in (ref, other, late))
        await ref.ask(Get())
        await those(events, 2)
        ref.trace(False)
        assert await ref.ask(Get()) == await late.ask(Get()) == 0
        assert not any(is_looked_at(one) for one in (ref, other, late))
        with pytest.raises(TimeoutError):
            await those(events, 1)


@virtually
async def test_actors_with_bodies_and_mailboxes_of_their_own_are_looked_at_too() -> None:
    """As those of other processes."""

    class OtherBody(Local):
        def new_mailbox(self, spec: MailboxSpec) -> OtherMailbox:
            return OtherMailbox(spec)

        def kind(self, cell: CellCore) -> str:
            return f"other {super().kind(cell)}"

    class OtherMailbox(Mailbox):
        pass

    async with ActorSystem() as system:
        spec = replace(make_spec(Counter, "other", {}), body=lambda _system, _spec: OtherBody())
        other = system.start(spec, None)
        system.spawn(Counter, name="plain")
        mailbox = target_of(other).mailbox
        events = system.traces()
        for _ in range(2):
            other.trace()
            assert await other.ask(Get()) == 0
            assert len({event.trace_id for event in await those(events, 2)}) == 1
            assert other.statistics().kind == "other Counter"
            other.trace(False)
            assert not is_looked_at(other)
            assert await other.ask(Get()) == 0
        assert target_of(other).mailbox is mailbox
        assert type(mailbox) is OtherMailbox


@virtually
async def test_a_trace_ends_with_its_actor_and_is_no_one_elses_of_that_name() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter")
        ref.trace()
        await ref.stop()
        ref.trace()
        events = system.traces()
        again = system.spawn(Counter, name="counter")
        await again.ask(Get())
        assert not is_looked_at(again)
        with pytest.raises(TimeoutError):
            await those(events, 1)
        with pytest.raises(KeyError, match="there are: counter"):
            system.trace("nobody")


@virtually
async def test_the_streams_end_with_the_system_also_for_those_who_come_late() -> None:
    async with ActorSystem() as system:
        events = system.traces()
    assert [event async for event in events] == []
    assert [event async for event in system.traces()] == []
    assert [letter async for letter in system.dead_letters.stream()] == []


@virtually
async def test_a_slow_reader_loses_the_oldest_and_holds_up_nobody() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter")
        ref.trace()
        events = system.traces()
        for n in range(BEHIND_MAX):
            await ref.tell(Add(n))
            await asyncio.sleep(0)
        assert await ref.ask(Get()) == sum(range(BEHIND_MAX))
        assert (await anext(events)).message == Add(BEHIND_MAX // 2 + 1)


@virtually
async def test_a_trace_is_in_the_log_for_whoever_listens(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "cuebook.trace")
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter")
        ref.trace()
        await ref.ask(Get())
        with pytest.raises(ActorStopped):
            await ref.stop()
            await ref.ask(Get())
    lines = [record.getMessage() for record in caplog.records if record.name == "cuebook.trace"]
    assert lines[0].startswith("counter received Get from outside waited")
    assert lines[1].startswith("counter replied Get after")
    assert "trace_id='" in lines[0]


@virtually
async def test_a_handler_keeps_its_context_while_it_is_looked_at() -> None:
    """Marks are set and taken back in the right places, across awaits, failures and switches in between."""
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter")
        asks = [asyncio.ensure_future(ref.ask(Pause(0.1))) for _ in range(6)]
        for on in (True, False) * 3:
            ref.trace(on)
            await asyncio.sleep(0.1)
        assert await asyncio.gather(*asks) == ["paused"] * 6


def test_a_trace_context_is_told_to_others_as_the_standard_has_it() -> None:
    context = TraceContext(0xABC, 0x12, 1)
    assert context.traceparent == "00-00000000000000000000000000000abc-0000000000000012-01"
    step = TraceContext.fresh().step()
    assert len(step.traceparent) == 55
    assert step.traceparent.split("-")[1] == step.trace_id


@virtually
async def test_an_observer_that_fails_is_logged_and_reaches_no_actor(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            def fail(*_: Any) -> None:
                raise LookupError(name)

            return fail

    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter", backoff=Backoff(0.0))
        broken: Any = Broken()
        system.observation.add(broken)
        await ref.tell(Add(2))
        assert await ref.ask(Get()) == 2
        assert await ref.ask(Pause(0.1)) == "paused"
        ref.kill()
        assert await ref.ask(Get()) == 0
        system.observation.remove(broken)
    failed = {record.cuebook["at"] for record in caplog.records if "observer failed" in record.getMessage()}  # type: ignore[attr-defined]
    assert failed == {"sending", "sent", "begins", "enters", "leaves", "ends", "restarted"}
