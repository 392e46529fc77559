"""What a command handler wants done, as plain data: events to keep, an answer, an end. Carries out nothing."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, overload

from cuebook.durable.owed.duties import Duty, delivery, forgotten, reminder
from cuebook.errors import Rejected
from cuebook.runtime.refs.typed import AcceptsDeliveries

if TYPE_CHECKING:
    from typing_extensions import TypeVar  # what checkers bring along: defaults of type variables

    R_co = TypeVar("R_co", covariant=True, default=Any)
else:
    from typing import TypeVar

    R_co = TypeVar("R_co", covariant=True)

M = TypeVar("M")
R = TypeVar("R")
V = TypeVar("V", contravariant=True)

__all__ = ["NOTHING", "Effect", "as_effect", "made_now", "persist"]

made_now: ContextVar[list[Effect] | None] = ContextVar("cuebook_effects", default=None)
"""What the handler at work has made so far, but for what it has refined since."""


class Settleable(Protocol[V]):
    """A promise."""

    def settlement(self, value: V) -> Duty:
        """What is owed to it so that it has this value."""


@dataclass(frozen=True, slots=True)
class Effect(Generic[R_co]):
    """What follows a command: all of it, or (when the commit fails) nothing. `Effect()` is no effect.

    Made by `persist(...)` or `Effect()`, and refined by its methods, each of which gives a new one; their order does
    not matter. Nothing leaves the actor (answer, callbacks, deliveries) before the events are on disk.

    `Effect[int]`, for a type checker: whoever asked gets an int. `Effect` alone says nothing of that.

    Attributes:
        events: what is kept, in order.
        answer: for whoever asked: a value, or a function that takes the state with these events in it.
        after: functions of that state, called once the events are on disk; at most once, and never in a recovery.
        duties: reminders and deliveries, set and cleared.
        rejection: why the command is refused; then there is nothing else.
        stops: whether the actor stops after it.
    """

    events: tuple[Any, ...] = ()
    answer: Any = None
    after: tuple[Callable[[Any], object], ...] = ()
    duties: tuple[Duty, ...] = ()
    rejection: Rejected | None = None
    stops: bool = False

    def __post_init__(self) -> None:
        made = made_now.get()
        if made is not None:
            made.append(self)

    if TYPE_CHECKING:

        def _answers(self) -> R_co:
            raise NotImplementedError

    def _refined(self, **changes: Any) -> Effect[R_co]:
        return self._in_place(replace(self, **changes))

    def _in_place(self, refined: Effect[R]) -> Effect[R]:
        """Another effect has been made of this one, which is not to be missed."""
        made = made_now.get()
        if made is not None:
            made[:] = [effect for effect in made if effect is not self]
        return refined

    def persist(self, *events: Any) -> Effect[R_co]:
        """Keep these events too, all or none of them."""
        return self._refined(events=(*self.events, *events))

    @overload
    def reply(self, answer: Callable[[Any], R]) -> Effect[R]: ...
    @overload
    def reply(self, answer: R) -> Effect[R]: ...
    def reply(self, answer: Any) -> Effect[Any]:
        """Answer whoever asked.

        Args:
            answer: plain data, a message, or a function that takes the state with this effect's events in it and gives
                one.
        """
        made: Effect[Any] = Effect(
            self.events, answer, self.after, self.duties, self.rejection, self.stops
        )  # half of replace()
        return self._in_place(made)

    def then(self, callback: Callable[[Any], object]) -> Effect[R_co]:
        """Call a plain function with the state, after the commit and the answer. Where it raises, the actor fails; the
        events stay.

        Raises:
            TypeError: it is no function, or a coroutine function, which nobody would await.
        """
        if not callable(callback):
            raise TypeError(f"then() takes a function of the state, not {callback!r}")
        if inspect.iscoroutinefunction(callback):
            name = getattr(callback, "__qualname__", repr(callback))
            raise TypeError(
                f"then() takes a plain function, not `async def {name}`: tell an actor, or deliver a message"
            )
        return self._refined(after=(*self.after, callback))

    def remind(
        self,
        key: str,
        message: object,
        *,
        after: float | None = None,
        at: float | None = None,
        every: float | None = None,
        missed: Literal["all", "one", "none"] = "one",
    ) -> Effect[R_co]:
        """Receive a message later, also after a restart of the program; a reminder of the same key is replaced.

        Args:
            key: names it among the reminders of this actor.
            message: handled as a command; what its handler wants is kept together with its being done.
            after: seconds from now, 0 or more.
            at: instead, seconds since 1970 in UTC.
            every: again every so many seconds, more than 0, until `forget(key)`: a whole number of periods after the
                first time, which is one period from now where neither `after` nor `at` says another.
            missed: what becomes of the ticks of `every` that were due while the program did not run, or their handler
                failed: "all" are received, "one" for all of them (the default), or "none" of those that are more than
                a minute, or half a period, late.

        Raises:
            ValueError: none of the three is given, or both `after` and `at`, or `missed` without `every`; or one
                of them makes no sense.
            TypeError: it is no message, or a time is no number.
        """
        duty = reminder(key, message, after=after, at=at, every=every, missed=missed)
        return self._refined(duties=(*self.duties, duty))

    def forget(self, key: str) -> Effect[R_co]:
        """Take back the reminder of this key; no effect where there is none."""
        return self._refined(duties=(*self.duties, forgotten(key)))

    def deliver(self, actor: type[AcceptsDeliveries[M]], id: str, message: M) -> Effect[R_co]:
        """Send a message to another durable actor until it has handled it, through failures and restarts of both.

        It is handled once: the receiver keeps, together with what its handler wants, which deliveries it had.
        Deliveries to one receiver arrive in order; one that it rejects counts as handled, and is logged.

        Args:
            actor: class of the receiver. id: which one.

        Raises:
            TypeError: `actor` is no class of durable actors, or has no handler for it, or it is no message. ValueError:
                the id is no string, or empty.
        """
        return self._refined(duties=(*self.duties, delivery(actor, id, message)))

    def fulfil(self, promise: Settleable[V], value: V) -> Effect[R_co]:
        """Set a promise: it gets the value once the events of this effect are on disk, whatever happens then. One that
        has a value already keeps that.

        Args:
            promise: as `runtime.promise(id)` gives it. value: what a result of a call may be.

        Raises:
            ValueNotKept: the value cannot be kept; the part is named. TypeError: it is no promise.
        """
        if not hasattr(promise, "settlement"):
            raise TypeError(f"fulfil() sets a promise, as runtime.promise(id) gives it, not {promise!r}")
        return self._refined(duties=(*self.duties, promise.settlement(value)))

    def stop(self) -> Effect[R_co]:
        """Stop the actor after it. An entity comes back with the next message to it."""
        return self._refined(stops=True)

    def reject(self, reason: str) -> Effect[Any]:
        """Refuse the command, as `raise Rejected(reason)` does.

        Raises:
            ValueError: this effect has events or duties.
        """
        if self.events or self.duties:
            raise ValueError("a command is either rejected or has events and duties, not both")
        return self._refined(rejection=Rejected(reason))

    def answer_of(self, state: Any) -> Any:
        """The answer, where `state` is the one with the events in it."""
        return self.answer(state) if callable(self.answer) else self.answer


NOTHING: Effect[None] = Effect()
"""No effect: whoever asked gets None."""


def persist(*events: Any) -> Effect[None]:
    """The effect that keeps events, all of them or none; refined by its methods:

        return persist(Deposited(5)).reply(lambda state: state.balance)

    Args:
        events: dataclasses (messages are), or any values that a result may be.
    """
    return Effect(events)


def as_effect(outcome: Any) -> Effect:
    """What a handler gave back, as an effect: a value that is none is the answer.

    Raises:
        TypeError: several effects.
    """
    if type(outcome) is Effect:
        return outcome
    if type(outcome) in (list, tuple) and outcome and type(outcome[0]) is Effect:
        raise TypeError("a handler gives back one effect: persist(first, second) keeps several events")
    if outcome is None:
        return NOTHING
    return Effect(answer=(lambda _state: outcome) if callable(outcome) else outcome)
