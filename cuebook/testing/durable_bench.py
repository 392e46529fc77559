"""A bench for one durable actor: what it keeps goes through the codec of a journal, there and back, and is checked.

Knows no disk: every commit is well.
"""

from __future__ import annotations

from typing import Any

from cuebook.clock import TimerHandle
from cuebook.durable.effects import Effect, as_effect
from cuebook.durable.events.folding import applied
from cuebook.durable.owed.duties import Duty
from cuebook.durable.owed.repeating import Repeated, next_due
from cuebook.durable.persistent_actor import PersistentActor
from cuebook.errors import Rejected
from cuebook.persistence.values import ValueDecoder, ValueEncoder
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.envelope import Envelope
from cuebook.testing.bench import Bench
from cuebook.testing.effects import Delivers, DurableRan, Forgot, Ran, Reminded
from cuebook.wire.message import decode

__all__ = ["Book", "DurableBench"]


class Book:
    """The events of one durable actor, as a journal would hold them.

    Attributes:
        kept: name and bytes of each event.
    """

    def __init__(self) -> None:
        self.kept: list[tuple[str, bytes]] = []
        self._encoder = ValueEncoder(label="event")
        self._encode = self._encoder.encode
        self._decoder = ValueDecoder(trusted=True)

    def fold(self, actor: PersistentActor[Any]) -> tuple[Any, int]:
        """The state that the events make, and how many there are."""
        state = self._checked_state(actor.initial_state())
        for name, body in self.kept:
            for event in actor.event_types.maker(name)(self._decoder.decode(body)):
                state = self._applied(actor, state, event)
        return state, len(self.kept)

    def keep(self, actor: PersistentActor[Any], state: Any, event: Any) -> tuple[Any, list[Any]]:
        """Keep one event: the state with it in it, and what it comes back as.

        Raises:
            TypeError, ValueNotKept: it cannot be kept; the field is named.
            AssertionError: it, or the state, does not come back as it was; or `apply` changed what it was given.
        """
        name, body = actor.event_types.encode(event, self._encoder)
        events = list(actor.event_types.maker(name)(self._decoder.decode(body)))
        if len(events) == 1 and type(events[0]) is type(event) and not _same(events[0], event):
            raise AssertionError(f"an event is kept as {event!r}, and comes back from the journal as {events[0]!r}")
        for each in events:
            state = self._applied(actor, state, each)
        self.kept.append((name, body))
        return state, events

    def keep_old(self, name: str, fields: dict[str, Any]) -> None:
        """Keep an event as an earlier version of the program did."""
        self.kept.append((name, self._encode(fields)))

    def all_events(self, actor: PersistentActor[Any]) -> list[Any]:
        """All that is kept, as it is read today."""
        return [
            event for name, body in self.kept for event in actor.event_types.maker(name)(self._decoder.decode(body))
        ]

    def is_same_state(self, one: Any, other: Any) -> bool:
        """Whether two states are equal, by themselves or as bytes."""
        return _same(one, other) or self._encode(one) == self._encode(other)

    def _applied(self, actor: PersistentActor[Any], state: Any, event: Any) -> Any:
        before = self._encode(state)
        new = applied(actor.apply, state, event)
        if self._encode(state) != before:
            kind = type(event).__qualname__
            raise AssertionError(
                f"{type(actor).__qualname__} changed the state that it applied a {kind} to: apply gives a new state, "
                "and leaves the old one as it is"
            )
        return self._checked_state(new)

    def _checked_state(self, state: Any) -> Any:
        back = self._decoder.decode(self._encode(state))
        if not _same(back, state) and self._encode(back) != self._encode(state):
            raise AssertionError(f"a snapshot of the state is kept as {state!r}, and comes back as {back!r}")
        return state


class _BenchKeeper:
    """In place of the keeper that works with a journal: the same steps, and every commit is well."""

    def __init__(self, actor: PersistentActor[Any], bench: DurableBench) -> None:
        self._actor = actor
        self._bench = bench

    def receive(self, message: Any) -> Any:
        """Handle one command; an awaitable where its handler is one."""
        try:
            outcome = self._actor.handle(message)
            if type(outcome) is not Effect and hasattr(outcome, "__await__"):
                return self._finish(outcome)
            return self._conclude(as_effect(outcome))
        except Rejected as rejection:
            return self._refuse(rejection)

    async def settle(self) -> None:
        """Nothing is on its way."""

    def give_up(self) -> None:
        """Nothing is on its way."""

    async def _finish(self, pending: Any) -> Any:
        try:
            return self._conclude(as_effect(await pending))
        except Rejected as rejection:
            return self._refuse(rejection)

    def _refuse(self, rejection: Rejected) -> None:
        self._bench.rejection = rejection

    def _conclude(self, effect: Effect) -> Any:
        if effect.rejection is not None:
            return self._refuse(effect.rejection)
        actor, bench = self._actor, self._bench
        state, before = actor.state, len(bench.book.kept)
        try:
            events: list[Any] = []
            for event in effect.events:
                state, back = bench.book.keep(actor, state, event)
                events += back
            answer = effect.answer_of(state)
        except BaseException:
            del bench.book.kept[before:]  # all of them, or none
            raise
        actor.state, actor.sequence_number = state, len(bench.book.kept)
        bench.events = tuple(events)
        for duty in effect.duties:
            bench.owe(duty)
        for callback in effect.after:
            callback(state)
        if effect.stops:
            actor.context.stop_self()
        return answer


class DurableBench(Bench):
    """A Bench whose actor keeps its events in a Book, which outlives its incarnations.

    Attributes:
        book: of events. events, rejection: of the command in hand.
    """

    def __init__(self, factory: Any, name: str, mailbox: Any) -> None:
        super().__init__(factory, name, mailbox)
        self.book = Book()
        self.events: tuple[Any, ...] = ()
        self.rejection: Rejected | None = None
        self._reminders: dict[str, TimerHandle] = {}

    def prepare(self, actor: Actor) -> None:
        """Fold the book, as a recovery does."""
        if not isinstance(actor, PersistentActor):
            raise TypeError(f"a DurableKit is for a PersistentActor, not for a {type(actor).__qualname__}")
        keeper: Any = _BenchKeeper(actor, self)
        actor.state, actor.sequence_number = self.book.fold(actor)
        actor._keeper = keeper  # noqa: SLF001 - a public name for it would be one of every user's class

    def ran(self, ran: Ran) -> DurableRan:
        """With the events of the command in it."""
        assert isinstance(self.actor, PersistentActor)
        events, self.events = self.events, ()
        rejection, self.rejection = self.rejection, None
        return DurableRan(ran.message, ran.reply, ran.is_deferred, ran.effects, events, self.actor.state, rejection)

    def owe(self, duty: Duty) -> None:
        """Write down a reminder or a delivery; a reminder comes when its time has passed, restarts or not."""
        if duty.target is not None:
            self.record(Delivers(duty.target.type, duty.target.id, decode(duty.frame or b"")))
            return
        earlier = self._reminders.pop(duty.key, None)
        if earlier is not None:
            earlier.cancel()
        if duty.frame is None:
            self.record(Forgot(duty.key))
            return
        due = duty.due_from(self.clock.time())
        delay_s = max(due - self.clock.time(), 0.0)
        message = decode(duty.frame)
        repeated = message if type(message) is Repeated else None
        shown = message if repeated is None else decode(repeated.frame)
        self.record(Reminded(duty.key, shown, delay_s, None if repeated is None else repeated.every_s))
        self._wait(duty.key, due, duty.frame if repeated is None else repeated)

    def _wait(self, key: str, due: float, what: bytes | Repeated) -> None:
        delay_s = max(due - self.clock.time(), 0.0)
        self._reminders[key] = self.clock.call_later(delay_s, self._remind, key, due, what)

    def _remind(self, key: str, due: float, what: bytes | Repeated) -> None:
        del self._reminders[key]
        if isinstance(what, Repeated):
            self._wait(key, next_due(what, due, self.clock.time()), what)
        self.enqueue(Envelope(what.frame if isinstance(what, Repeated) else what))


def _same(one: Any, other: Any) -> bool:
    try:
        return type(one) is type(other) and bool(one == other)
    except Exception:
        return False  # arrays, and whatever else does not say whether it is equal
