"""The handle of an actor: all that others ever hold of it, valid across restarts. Knows no cell."""

from __future__ import annotations

import asyncio
import copyreg
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from operator import attrgetter
from typing import Any, Generic, Protocol, TypeVar, overload
from weakref import WeakValueDictionary

from cuebook.errors import ActorStopped, CuebookError, MalformedMessage
from cuebook.runtime.refs.absent import Absent
from cuebook.runtime.refs.backpressure import check_seconds, room_in_time, room_or_full, timed_out
from cuebook.runtime.refs.batch import Way, ask_all, tell_all
from cuebook.runtime.refs.deadlines import EXPIRED
from cuebook.runtime.refs.ready import Pending
from cuebook.runtime.refs.reply import IMMUTABLE, FailedReply, unseal
from cuebook.runtime.refs.status import ActorStatistics, named_status
from cuebook.runtime.refs.target import Target
from cuebook.runtime.refs.typed import A_co, Accepts, Asks, Collect, Raise, Time
from cuebook.runtime.refs.waiting import Activation, in_hand, refuse_cycle
from cuebook.wire.codec import pack, unpack
from cuebook.wire.message import extend, outgoing

__all__ = [
    "ActorRef",
    "Finder",
    "address_of",
    "current_actor",
    "find_ref",
    "homes",
    "post_as",
    "routes",
    "sender_now",
    "target_of",
]

REF_CODE = 1
"""Of refs among the extension types inside messages."""
_M = TypeVar("_M")
_R = TypeVar("_R")

_current: ContextVar[ActorRef | None] = ContextVar("cuebook_current_actor", default=None)

sender_now = _current.get
"""`current_actor`, without the cost of a call in Python."""


def current_actor() -> ActorRef | None:
    """The actor whose code runs here, also in tasks that it started; None outside of actors."""
    return _current.get()


class ActorRef(Generic[A_co]):
    """Sends to one actor, whichever incarnation of it is there.

    `ActorRef[Counter]`, for a type checker: of an actor of that class. Where the class says what it takes, as in
    `class Counter(Actor[Add | Get])`, the checker finds every other message. `ActorRef` alone takes all.

    Only for the event loop that the actor's system runs on; `asyncio.run_coroutine_threadsafe` gets there
    from threads. A ref may travel inside messages and pickles; within its process it comes out as itself.
    """

    __slots__ = ("__weakref__", "_target", "name")

    def __init__(self, target: Target) -> None:
        self._target = target
        self.name = target.name

    def tell_nowait(self: ActorRef[Accepts[_M]], message: _M, urgent: bool = False) -> None:
        """Put a message into the mailbox and go on.

        Parameters:
            urgent: before all other messages and beyond the bounds: for a few small ones, such as exits.

        Raises:
            MailboxFull, ActorStopped: it was not delivered.
            TypeError, MessageTooLarge: it cannot be encoded.
        """
        content = outgoing(message)
        target = self._target
        if not urgent and target.offer(content):
            return
        try:
            target.post(content, urgent=urgent)
        except ActorStopped as error:
            error.undelivered = message
            raise

    def forward_nowait(self, frame: bytes) -> None:
        """`tell_nowait` of an encoded message, unopened; the target drops and counts what does not decode."""
        self._target.post(frame)

    async def tell(self: ActorRef[Accepts[_M]], message: _M, timeout: float | None = None) -> None:
        """Put a message into the mailbox, and wait for room there before that: in a handler too, which receives nothing
        meanwhile. For the mailbox of an actor in another process, or from there, a handler waits only with a timeout.

        Parameters:
            timeout: seconds to wait for room; None: no bound.

        Raises:
            MailboxFull: no room in time; the mailbox is the handler's own, or its actor waits for the handler's, itself
                or through others (the text has the circle); sent over to another process without a timeout.
            ActorStopped, TypeError, MessageTooLarge: as `tell_nowait`.
        """
        content = outgoing(message)
        if self._target.offer(content):
            return
        check_seconds(timeout)
        size = len(content) if type(content) is bytes else 0
        current = _current.get()
        if not self._target.has_room(size) and self._may_wait(current, timeout):
            await room_or_full(self._target, message, size, timeout=timeout, asker=_activation(current))
        try:
            self._target.post(content)
        except ActorStopped as error:
            error.undelivered = message
            raise

    @overload
    async def ask(self: ActorRef[Accepts[_M]], message: Asks[_M, _R], timeout: float | None = 30.0) -> _R: ...
    @overload
    async def ask(self: ActorRef[Accepts[_M]], message: Asks[_M, Any], timeout: float | None = 30.0) -> object: ...
    @overload
    async def ask(self: ActorRef[Accepts[_M]], message: _M, timeout: float | None = 30.0) -> Any: ...
    async def ask(self, message: object, timeout: float | None = 30.0) -> Any:
        """Send a message and wait for what its handler returns: a copy of one's own. Ends in any case.

        Parameters:
            timeout: seconds, met 0.02 s late at most; waiting for room counts. None: no deadline.

        Raises:
            AskTimeout: no reply in time; whether the target acts on the message is unknown.
            ActorStopped: the target has stopped or stopped before it replied.
            Rejected, ActorFailed: the target said no; its handler raised, or was killed, while it had this message.
            AskCycle: asked in a handler, and the target waits for that handler's actor (or is it): at once.
            MailboxFull, TypeError, MessageTooLarge: as `tell`.
        """
        if timeout is not None and (type(timeout) is not float or timeout != timeout):
            check_seconds(timeout)
        content = outgoing(message)
        target = self._target
        current = _current.get()
        asker = None if current is None else _activation(current)
        doubt = None if asker is None else refuse_cycle(asker, target, type(message).__qualname__)
        answer = Pending(loop=target.loop)
        answer.ready, answer.waiter, answer.context = target.ready, None, None
        if doubt is not None:
            await doubt(answer, type(message).__qualname__)
        left = timeout
        if not target.offer(content, answer):
            left = await self._post_ask(message, content, answer, timeout)
        if asker is not None:
            asker.waits_for[answer] = target
        due = 0.0
        try:
            if left is not None:
                due = target.deadlines.add(answer, left)
            outcome = await answer
        finally:
            if left is not None:
                target.deadlines.discard(answer, left)
            if asker is not None:
                del asker.waits_for[answer]
        if type(outcome) in IMMUTABLE:
            return outcome
        return self._open(outcome, message, timeout, due - (timeout or 0.0))

    @overload
    async def batch(
        self: ActorRef[Accepts[_M]], messages: Iterable[Asks[_M, _R]], timeout: Time = 30.0, *, errors: Raise = ...
    ) -> list[_R]: ...
    @overload
    async def batch(
        self: ActorRef[Accepts[_M]], messages: Iterable[Asks[_M, Any]], timeout: Time = 30.0, *, errors: Raise = ...
    ) -> list[object]: ...
    @overload
    async def batch(
        self: ActorRef[Accepts[_M]], messages: Iterable[_M], timeout: Time = 30.0, *, errors: Collect = ...
    ) -> list[Any]: ...
    async def batch(self, messages: Any, timeout: float | None = 30.0, *, errors: Collect = "raise") -> list[Any]:
        """Ask several messages in one go: they are received one after the other, and all answers come together.

        None is sent where one cannot be encoded. A failure of one does not keep the others from being handled.

        Parameters:
            timeout: seconds for all of them together.
            errors: "raise": the first failure in their order is raised, once all have ended; "collect": a failure
                takes the place of its answer.

        Returns:
            The answers, in the order of the messages.

        Raises:
            as `ask`. ValueError: no such `errors`.

        Cost: about that of a `tell` each, and one wake-up for every 256 of them.
        """
        if errors not in ("raise", "collect"):
            raise ValueError(f'errors is "raise" or "collect", not {errors!r}')
        sent = list(messages)
        asked_at = self._target.loop.time()
        outcomes = await ask_all(self._way(timeout), sent)
        answers: list[Any] = []
        for message, outcome in zip(sent, outcomes, strict=True):
            if type(outcome) in IMMUTABLE:
                answers.append(outcome)
                continue
            try:
                answers.append(self._open(outcome, message, timeout, asked_at))
            except CuebookError as error:
                if errors == "raise":
                    raise
                answers.append(error)
        return answers

    async def tell_batch(self: ActorRef[Accepts[_M]], messages: Iterable[_M], timeout: float | None = None) -> None:
        """Put several messages into the mailbox, in their order; each as `tell` does. None is sent where one cannot be
        encoded.

        Parameters:
            timeout: seconds to wait for room, for each of them.

        Raises:
            MailboxFull, ActorStopped: as `tell`; the text says how many were delivered before.
            TypeError, MessageTooLarge: as `tell`.
        """
        await tell_all(self._way(timeout), list(messages))

    async def drain(self, timeout: float = 30.0) -> bool:
        """Take no more messages, handle all that is queued, and stop: `stop` with time for the queue.

        Returns:
            Whether everything that was queued was handled within `timeout` seconds.
        """
        return await self.stop(timeout)

    async def stop(self, timeout: float = 5.0, *, drain: bool = True) -> bool:
        """Take no more messages, handle what is queued, answer everyone, run `on_stop`; wait until that is
        done.

        Called by the actor itself it does not wait. Restart policies do not apply.
        Parameters:
            timeout: seconds for all of it; then the handler is cancelled and what is left is answered
                ActorStopped.
            drain: False answers what is queued with ActorStopped, after the message in hand.

        Returns:
            Whether everything that was queued was handled.
        """
        check_seconds(timeout)
        self._target.request_stop(timeout, drain=drain)
        if _current.get() is self:
            return False
        return await self._target.wait_until_ended()

    def kill(self, error: BaseException | None = None) -> None:
        """End this incarnation as if it had crashed, in the middle of its handler; the restart policy
        applies.

        No effect on an actor that has stopped or is between two incarnations.

        Parameters:
            error: what it failed with; default an ActorFailed.
        """
        self._target.kill(error)

    def unpark(self) -> bool:
        """Begin a new incarnation of an actor that is parked, with a clean record. Whether it was parked."""
        return self._target.unpark()

    def trace(self, on: bool = True) -> None:
        """Let what it receives, sends, answers and fails on be seen in `Runtime.traces()` and the log "cuebook.trace".

        From its next message on, across restarts, until `trace(False)` or its end. No effect once it has ended.
        """
        self._target.trace(on)

    @property
    def is_alive(self) -> bool:
        """False once it has stopped for good."""
        return self._target.is_alive

    def statistics(self) -> ActorStatistics:
        """Counts and state now."""
        return self._target.statistics()

    def __repr__(self) -> str:
        return f"<ActorRef {named_status(self.name, self.statistics())}>"

    async def _post_ask(self, message: object, content: Any, answer: asyncio.Future[Any], timeout: Time) -> Time:
        """Put a question into a mailbox where something is special; what is left of the timeout then."""
        size = len(content) if type(content) is bytes else 0
        current = _current.get()
        if not self._target.has_room(size) and self._may_wait(current, timeout):
            asker = _activation(current)
            timeout = await room_in_time(self._target, message, size, timeout=timeout, asker=asker)
            if asker is not None:
                refuse_cycle(asker, self._target, type(message).__qualname__)  # much may have begun meanwhile
        try:
            self._target.post(content, answer)
        except ActorStopped as error:
            error.undelivered = message
            raise
        return timeout

    def _way(self, timeout: float | None) -> Way:
        check_seconds(timeout)
        current = _current.get()
        return Way(self._target, timeout, asker=_activation(current), may_wait=self._may_wait(current, timeout))

    def _may_wait(self, current: ActorRef | None, timeout: float | None) -> bool:
        return current is None or self._target.lets_actors_wait(timeout)

    def _open(self, outcome: Any, message: object, timeout: float | None, asked_at: float) -> Any:
        if outcome is EXPIRED:
            raise timed_out(self._target, message, timeout, asked_at)
        if type(outcome) is FailedReply and outcome.is_undelivered and isinstance(outcome.error, ActorStopped):
            outcome.error.undelivered = message
        return unseal(outcome)


def _activation(current: ActorRef | None) -> Activation | None:
    """The open handler of this actor in whose name the code runs."""
    asker = in_hand.get() if current is not None else None
    if asker is None or not asker.is_open or asker.actor is not target_of(current):  # type: ignore[arg-type]
        return None
    return asker


target_of: Callable[[ActorRef], Target] = attrgetter("_target")
"""The actor behind a ref, for the runtime itself: users have no door to it."""


class Finder(Protocol):
    """A system as a place where refs are looked up."""

    def find(self, name: str, serial: int) -> ActorRef | None:
        """The living actor that was given this number; None where it is gone."""


homes: WeakValueDictionary[bytes, Finder] = WeakValueDictionary()
"""The actor systems of this process by their id, for refs that come out of messages and pickles."""
routes: list[Callable[[bytes, str, int], ActorRef | None]] = []
"""Ways to actors whose system is not in `homes`, asked in turn."""


def find_ref(home: bytes, name: str, serial: int) -> ActorRef:
    """The ref of an actor of this process, or of one that there is a way to; else a ref that says so."""
    system = homes.get(home)
    if system is None:
        for route in routes if home else ():
            found = route(home, name, serial)
            if found is not None:
                return found
        return _ref_to_gone(name, "lives in no actor system of this process" if home else "is not there any more")
    return system.find(name, serial) or _ref_to_gone(name, "has stopped")


def _ref_to_gone(name: str, why: str) -> ActorRef:
    gone = Absent(name, why)
    gone.ref = ActorRef(gone)
    return gone.ref  # type: ignore[no-any-return]


def address_of(ref: ActorRef) -> tuple[bytes, str, int]:
    """What `find_ref` takes: the actor's system, its name, its number."""
    target = target_of(ref)
    return target.home, ref.name, target.serial


def _pack_ref(ref: ActorRef) -> bytes:
    return pack(address_of(ref))


def _unpack_ref(data: bytes) -> ActorRef:
    parts = unpack(data)
    if type(parts) is not list or [type(part) for part in parts] != [bytes, str, int]:
        raise MalformedMessage("the address of an actor is its system, its name and its number")
    return find_ref(*parts)


extend(ActorRef, REF_CODE, _pack_ref, _unpack_ref)
copyreg.pickle(ActorRef, lambda ref: (find_ref, address_of(ref)))


def as_actor(ref: ActorRef) -> None:
    """From here on, in this context, code runs as this actor."""
    _current.set(ref)


def post_as(sender: ActorRef | None, target: Target, frame: Any, reply: Any, *, urgent: bool = False) -> None:
    """Queue a message in the name of an actor of another process. Raises as `Target.post`."""
    token = _current.set(sender)
    try:
        target.post(frame, reply, urgent=urgent)
    finally:
        _current.reset(token)
