"""A bench for one actor: it receives message by message, and its whole world is written down instead of done.

Knows no test; `behaviour` is its face.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine, Hashable
from typing import Any

from cuebook.errors import ActorStopped, CuebookError, MailboxFull, Rejected, UnhandledMessage
from cuebook.persistence.values.in_messages import carry_values
from cuebook.runtime.cells.actor import Actor, Delivery
from cuebook.runtime.cells.answers import Answers
from cuebook.runtime.cells.context import Context
from cuebook.runtime.cells.envelope import Envelope
from cuebook.runtime.cells.mailbox import Mailbox, MailboxSpec
from cuebook.runtime.cells.spec import Factory, SpawnOptions
from cuebook.runtime.refs.ready import ReadyQueue
from cuebook.runtime.refs.ref import ActorRef, as_actor
from cuebook.runtime.refs.reply import FailedReply, failure_of, seal, told, unseal
from cuebook.runtime.tasks.hold import Hold
from cuebook.runtime.tasks.tasks import Tasks
from cuebook.runtime.tasks.timers import Timer, Timers
from cuebook.testing.bench_system import BenchSystem
from cuebook.testing.effects import (
    Became,
    Effect,
    Failed,
    Linked,
    Ran,
    Replied,
    Stashed,
    StoppedItself,
    TimerCancelled,
    TimerSet,
    Unstashed,
    Unwatched,
    Watched,
)
from cuebook.testing.stub import StubTarget
from cuebook.testing.virtual_time import VirtualClock, VirtualTimeLoop
from cuebook.wire.message import decode, encode, outgoing

__all__ = ["Bench"]


class _Me(StubTarget):
    """The actor on the bench as its own ref sees it: what it tells itself waits for the test to run it."""

    def __init__(self, bench: Bench, name: str) -> None:
        super().__init__(
            name, bench.system.id, bench.system.deadlines, ready=bench.system.ready, sent=bench.system.sent
        )
        self._bench = bench

    def post(self, frame: Any, reply: asyncio.Future[Any] | None = None, *, urgent: bool = False) -> None:
        """Written down, and left in the mailbox."""
        super().post(frame, reply, urgent=urgent)
        self._bench.enqueue(Envelope(frame, reply=reply), urgent=urgent)

    def report(self, message: Any) -> None:
        """What the runtime says of others."""
        self._bench.enqueue(Envelope(message))


class _Timers(Timers):
    """Timers that are written down."""

    __slots__ = ("_record",)

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._record = bench.record

    def set(self, delay_s: float, frame: Any, key: Hashable | None, *, every_s: float | None = None) -> Hashable:
        chosen = super().set(delay_s, frame, key, every_s=every_s)
        self._record(TimerSet(delay_s, decode(frame) if type(frame) is bytes else frame, chosen, every_s))
        return chosen


class _Context(Context):
    """A context whose cancelled timers are written down."""

    __slots__ = ()

    def cancel_timer(self, key: Hashable) -> bool:
        was_there = super().cancel_timer(key)
        if was_there:
            self._owner.record(TimerCancelled(key))  # type: ignore[attr-defined]
        return was_there


class Bench:
    """The owner of one actor's context, on a loop of its own that runs only while the test waits for it.

    Parameters:
        factory: gives the Actor, for each incarnation.
    """

    def __init__(self, factory: Factory[Any], name: str, mailbox: MailboxSpec) -> None:
        self.loop = VirtualTimeLoop(stall_s=1.0)
        self.clock = VirtualClock()
        self.effects: list[Effect] = []
        self.system = BenchSystem("bench", self.record, self.clock, ReadyQueue(self.loop, self.loop.time))
        self.me = _Me(self, name)
        self.system.stubs[name] = self.me
        self.mailbox = Mailbox(mailbox)
        self.answers = Answers(name)
        self.owed: dict[Delivery, None] = {}
        self.actor: Actor | None = None
        self.failure: BaseException | None = None
        self.handler: Callable[[Any], Any] | None = None
        self._factory = factory
        self._variables = contextvars.copy_context()
        self._variables.run(as_actor, self.me.ref)
        self._current: Envelope | None = None
        self._message: Any = None
        self._arrival: asyncio.Future[None] | None = None
        self._tasks = Tasks(self.loop, self.kill)
        carry_values()

    def do(self, step: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Run one step to its end, in the actor's own context."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return self.loop.run_until_complete(self.loop.create_task(step(), context=self._variables))
        raise RuntimeError("this kit has a loop of its own: use it in a plain test function, not in an async one")

    def record(self, effect: Effect) -> None:
        """Write down what the actor did."""
        self.effects.append(effect)

    def enqueue(self, envelope: Envelope, *, urgent: bool = False) -> None:
        """Leave a message in the mailbox."""
        self.mailbox.put_unbounded(envelope, urgent=urgent)
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    def taken(self) -> tuple[Effect, ...]:
        """What was written down since the last time."""
        effects, self.effects = tuple(self.effects), []
        return effects

    # Steps

    async def begin(self) -> tuple[Effect, ...]:
        """A new incarnation. Raises what it raises."""
        self._timers = _Timers(self)
        self.failure = None
        actor = self._factory()
        if not isinstance(actor, Actor):
            raise TypeError(f"the factory gave a {type(actor).__qualname__}, not an Actor")
        actor.context = _Context(self, self.me.ref, self.system, self.clock, timers=self._timers)
        self.handler = None
        self.prepare(actor)
        self.actor = actor
        try:
            await actor.on_start()
        except BaseException as error:
            self.failure = error
            raise
        return self.taken()

    def prepare(self, actor: Actor) -> None:
        """Before `on_start`."""

    def ran(self, ran: Ran) -> Ran:
        """What the test gets of one message."""
        return ran

    async def end(self, error: BaseException | None) -> tuple[Effect, ...]:
        """The end of the incarnation: in good order, or as a failure."""
        assert self.actor is not None
        self._timers.cancel_all()
        if error is None:
            await self.actor.on_stop()
        else:
            await self.actor.on_failure(error)
        name = self.me.name
        if error is None:
            owed: CuebookError = ActorStopped(f"{name} ended before it answered")
        else:
            owed = failure_of(name, error) if error is self.failure else told(name, error)
        for delivery in list(self.owed):
            delivery.refuse(owed)
        self.mailbox.unstash()
        return self.taken()

    async def receive(self, message: Any, sender: ActorRef | None) -> Ran:
        """One message from outside, after its way through the codec."""
        return await self._handle(Envelope(_travelled(message), sender, self.loop.create_future()))

    async def receive_waiting(self) -> list[Ran]:
        """All that waits, and what comes of it without time passing."""
        runs: list[Ran] = []
        await self.loop.until_idle()
        while self.failure is None and (entry := self.mailbox.take()) is not None:
            envelope = Envelope._make(entry)
            if envelope.timer is None or self._timers.is_due(envelope.timer):
                runs.append(await self._handle(envelope))
            await self.loop.until_idle()
        return runs

    async def advance(self, seconds: float) -> list[Ran]:
        """Let time pass; what falls due is received at its moment."""
        deadline = self.loop.time() + seconds
        runs = await self.receive_waiting()
        while self.failure is None:
            self._arrival = self.loop.create_future()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._arrival
            except TimeoutError:
                break
            finally:
                self._arrival = None
            runs += await self.receive_waiting()
        return [*runs, *await self.receive_waiting()]

    async def _handle(self, envelope: Envelope) -> Ran:
        assert self.actor is not None
        message = decode(envelope.frame) if type(envelope.frame) is bytes else envelope.frame
        self._current, self._message = envelope, message
        try:
            outcome = self._handler_of(self.actor, envelope, message)
            if hasattr(outcome, "__await__"):
                outcome = await outcome
        except (UnhandledMessage, Rejected):
            raise
        except BaseException as error:
            self.failure = error
            raise
        is_deferred = self._current is None
        self._current = None
        effects = self.taken()
        if not is_deferred:
            reply = unseal(seal(outcome))
            if envelope.reply is not None and not envelope.reply.done():
                envelope.reply.set_result(seal(outcome))
            return self.ran(Ran(message, reply, is_deferred, effects))
        answer = next((one for one in effects if isinstance(one, Replied) and one.message is message), None)
        return self.ran(Ran(message, None if answer is None else answer.value, answer is None, effects))

    def _handler_of(self, actor: Actor, envelope: Envelope, message: Any) -> Any:
        many = getattr(actor, "receive_many", None)
        if many is not None:
            return many([self._open(message, envelope)])
        return (self.handler or actor.receive)(message)

    def _open(self, message: Any, envelope: Envelope) -> Delivery:
        self._current = None
        delivery = _WatchedDelivery(self, message, envelope)
        if envelope.reply is not None:
            self.owed[delivery] = None
        return delivery

    # What the context asks for

    def spawn_child(self, factory: Factory[Any], name: str, options: SpawnOptions) -> ActorRef:
        """Written down."""
        return self.system.spawn(factory, name=name, **options)

    def stop_self(self) -> None:
        """Written down."""
        self.record(StoppedItself())

    def defer(self) -> Delivery:
        """As in a cell."""
        if self._current is None:
            raise RuntimeError(f"{self.me.name} has no message in hand to defer")
        return self._open(self._message, self._current)

    def start_task(self, work: Callable[[], Coroutine[Any, Any, None]], hold: Hold) -> None:
        """Run it whenever the bench runs."""
        self._tasks.hold(work, hold, name=self.me.name)

    def kill(self, error: BaseException | None = None) -> None:
        """Written down; the incarnation has failed."""
        self.failure = error
        self.record(Failed(error))

    def become(self, handler: Callable[[Any], Any] | None) -> None:
        """Another handler, from the next message on."""
        self.handler = handler
        self.record(Became(None if handler is None else getattr(handler, "__name__", repr(handler))))

    def watch(self, ref: ActorRef, *, restarts: bool) -> None:
        """Written down: the test sends the Down."""
        self.record(Watched(ref.name))

    def unwatch(self, ref: ActorRef) -> bool:
        """Written down."""
        self.record(Unwatched(ref.name))
        return True

    def link(self, ref: ActorRef) -> None:
        """Written down."""
        self.record(Linked(ref.name))

    def stash(self) -> bool:
        """As in a cell."""
        envelope, self._current = self._current, None
        if envelope is None:
            raise RuntimeError(f"{self.me.name} has no message in hand to stash")
        envelope = envelope._replace(timer=None)
        if self.mailbox.stash(envelope):
            self.record(Stashed())
            return True
        full = MailboxFull(f"the stash of {self.me.name} is full: {self.mailbox.stashed} messages")
        self.answers.refuse(envelope, full)
        self.record(Replied(self._message, error=full))
        return False

    def unstash(self) -> int:
        """What was put aside waits to be run again."""
        count = self.mailbox.unstash()
        self.record(Unstashed(count))
        return count

    def sender(self) -> ActorRef | None:
        """Who sent the message in hand."""
        return self._current.sender if self._current is not None else None

    def post_timer(self, frame: Any, timer: Timer) -> None:
        """What is due waits to be run."""
        self.enqueue(Envelope(frame, timer=timer))


def _travelled(message: object) -> Any:
    """A message after its way between two processes; one that is for a process alone, as it is."""
    content = outgoing(message)
    try:
        return decode(content if type(content) is bytes else encode(content))
    except TypeError:
        return content


class _WatchedDelivery(Delivery):
    """A delivery whose answer is written down."""

    __slots__ = ("_bench",)

    def __init__(self, bench: Bench, message: Any, envelope: Envelope) -> None:
        super().__init__(bench.answers, message, envelope)
        self._bench = bench

    def settle(self, outcome: Any) -> None:
        was_open = self.is_open
        self._bench.owed.pop(self, None)
        super().settle(outcome)
        if was_open:
            error = outcome.error if isinstance(outcome, FailedReply) else None
            self._bench.record(Replied(self.message, None if error is not None else unseal(outcome), error))
