"""An actor in the hands of a test: what it receives waits until the test looks at it. Knows no test runner."""

from __future__ import annotations

import asyncio
import contextvars
import itertools
from collections.abc import Callable
from typing import Any, TypeVar, cast, overload

from cuebook.runtime.cells.actor import Actor, Delivery
from cuebook.runtime.cells.mailbox import MailboxSpec
from cuebook.runtime.cells.signals import Down
from cuebook.runtime.policy.restarts import Restart
from cuebook.runtime.refs.ref import ActorRef, as_actor, target_of
from cuebook.runtime.refs.target import Supervised
from cuebook.runtime.refs.typed import Accepts
from cuebook.wire.message import is_message

__all__ = ["Probe"]

_ROOMY = MailboxSpec(capacity=1 << 20, bytes_max=1 << 30)
_SHOWN = 20
_M = TypeVar("_M")


class Probe:
    """Takes every message, and lets the test say what it expects. It is spawned when its `ref` is first asked for.

    All times are the loop's: in virtual time waiting takes none.

    Parameters:
        place: where it lives: an ActorSystem, a Runtime, or the context of an actor.
        name: of the actor; by default "probe", "probe-2", ...
        timeout_s: seconds that an expectation waits by default.
    """

    def __init__(self, place: Any, name: str | None = None, *, timeout_s: float = 3.0) -> None:
        app = getattr(place, "app", None)
        self._place = place if app is None else app.system
        self._name = name
        self._timeout_s = timeout_s
        self._ref: ActorRef | None = None
        self._inbox: list[Delivery] = []
        self._last: Delivery | None = None
        self._ignored: list[Callable[[Any], bool]] = []
        self._watched: set[ActorRef] = set()
        self._arrival: asyncio.Future[None] | None = None

    @property
    def ref(self) -> ActorRef:
        """The probe as an actor: give it to whoever is to send to it."""
        if self._ref is None:
            name = self._name or _free_name(self._place)
            self._ref = self._place.spawn(
                lambda: _Taker(self._arrived), name=name, mailbox=_ROOMY, restart=Restart.TEMPORARY
            )
        return self._ref

    @property
    def last_sender(self) -> ActorRef | None:
        """Who sent the message that was expected or fished last; None where it came from outside of actors."""
        return None if self._last is None else self._last.sender

    @property
    def waiting(self) -> tuple[Any, ...]:
        """The messages that arrived and were not looked at yet, the oldest first."""
        return tuple(delivery.message for delivery in self._inbox)

    # What the test expects

    @overload
    async def expect(self, wanted: type[_M], timeout: float | None = None) -> _M: ...
    @overload
    async def expect(self, wanted: _M, timeout: float | None = None) -> _M: ...
    async def expect(self, wanted: Any, timeout: float | None = None) -> Any:
        """The next message, which must be the wanted one.

        Parameters:
            wanted: a type, of which it is to be; else a value, which it is to equal.
            timeout: seconds to wait for it; by default the probe's.

        Raises:
            AssertionError: another message came (it stays, first), or none in time.
        """
        message = (await self._next(_described(wanted), self._deadline(timeout))).message
        is_right = isinstance(message, wanted) if isinstance(wanted, type) else message == wanted
        if not is_right:
            raise AssertionError(f"{self._title} expected {_described(wanted)}, {self._got_instead()}")
        return self._took(self._inbox[0])

    async def expect_none(self, within: float = 0.1) -> None:
        """No message comes within so many seconds, and none is there; 0: none is there, in virtual time once everything
        waits.

        Raises:
            AssertionError: one did; it stays.
        """
        self._started()
        until_idle = getattr(asyncio.get_running_loop(), "until_idle", None)
        if until_idle is not None:
            await until_idle()
        else:
            await asyncio.sleep(0)
        if not self._inbox and within > 0:
            await self._wait(asyncio.get_running_loop().time() + within)
        if self._inbox:
            raise AssertionError(f"{self._title} expected nothing, {self._got_instead()}")

    async def fish(self, predicate: Callable[[Any], object] | type, timeout: float | None = None) -> Any:
        """The first message of a type, or that a predicate is true of; those before it are thrown away.

        Raises:
            AssertionError: none came in time. Names those that were thrown away.
        """
        fits = _predicate(predicate)
        deadline = self._deadline(timeout)
        passed: list[Any] = []
        while True:
            delivery = await self._next(_described(predicate), deadline, passed)
            if fits(delivery.message):
                return self._took(delivery)
            passed.append(delivery.message)
            self._inbox.pop(0)

    async def expect_terminated(self, ref: ActorRef, timeout: float | None = None) -> Down:
        """That actor ends for good, or has ended: its `Down`. Messages that wait stay.

        Raises:
            AssertionError: it did not in time. Says what state it is in.
        """
        self.watch(ref)
        deadline = self._deadline(timeout)
        seen = 0
        while True:
            for delivery in self._inbox[seen:]:
                down = delivery.message
                if isinstance(down, Down) and down.ref.name == ref.name:
                    self._inbox.remove(delivery)
                    self._watched.discard(ref)
                    return down
            seen = len(self._inbox)
            if not await self._wait(deadline):
                raise AssertionError(f"{self._title} expected {ref.name} to have ended, and it has not: {ref!r}")

    # What the test does

    def watch(self, ref: ActorRef) -> None:
        """Receive `Down(ref, reason, error)` when that actor ends; at once, where it has."""
        if ref not in self._watched:
            self._watched.add(ref)
            cast("Supervised", target_of(self.ref)).watch(ref, restarts=False)

    def ignore(self, what: Callable[[Any], object] | type | None) -> None:
        """From now on, drop messages of this type, or that a predicate is true of; None: ignore nothing any more."""
        if what is None:
            self._ignored.clear()
        else:
            self._ignored.append(_predicate(what))

    def send(self, ref: ActorRef[Accepts[_M]], message: _M) -> None:
        """`ref.tell_nowait(message)`, with the probe as its sender."""
        contextvars.copy_context().run(_send_as, self.ref, ref, message)

    def reply(self, value: Any = None) -> None:
        """Answer the message that was expected or fished last: its ask with plain data or a message; where it was
        told by an actor, tell that actor a message.

        Raises:
            AssertionError: no message was expected yet, or nobody waits for an answer.
        """
        last = self._taken("reply to")
        if last.is_open:
            last.reply(value)
        elif last.sender is not None and is_message(value):
            self.send(last.sender, value)
        else:
            raise AssertionError(f"nobody waits for an answer to {last.message!r}")

    def fail(self, error: BaseException) -> None:
        """Answer the ask that was expected or fished last with an error. Raises AssertionError as `reply`."""
        last = self._taken("fail")
        if not last.is_open:
            raise AssertionError(f"nobody waits for an answer to {last.message!r}")
        last.fail(error)

    # Within

    @property
    def _title(self) -> str:
        return self._name or (self._ref.name if self._ref is not None else "the probe")

    def _arrived(self, delivery: Delivery) -> None:
        if any(is_ignored(delivery.message) for is_ignored in self._ignored):
            delivery.reply(None)
            return
        self._inbox.append(delivery)
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    def _started(self) -> None:
        _ = self.ref

    def _deadline(self, timeout: float | None) -> float:
        return asyncio.get_running_loop().time() + (self._timeout_s if timeout is None else timeout)

    async def _next(self, wanted: str, deadline: float, passed: list[Any] | None = None) -> Delivery:
        self._started()
        while not self._inbox:
            if not await self._wait(deadline):
                thrown = f"; before that came {_list(passed)}" if passed else ""
                raise AssertionError(f"{self._title} expected {wanted}, and nothing came in time{thrown}")
        return self._inbox[0]

    async def _wait(self, deadline: float) -> bool:
        """Until something more arrives; False where nothing does before the deadline."""
        self._started()
        arrival = self._arrival = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout_at(deadline):
                await arrival
        except TimeoutError:
            return False
        finally:
            self._arrival = None
        return True

    def _took(self, delivery: Delivery) -> Any:
        self._inbox.remove(delivery)
        self._last = delivery
        return delivery.message

    def _taken(self, what: str) -> Delivery:
        if self._last is None:
            raise AssertionError(f"{self._title} has no message to {what}: expect one first")
        return self._last

    def _got_instead(self) -> str:
        first, *rest = self.waiting
        return f"and received {first!r}" + (f"; after it wait {_list(rest)}" if rest else "")


class _Taker(Actor):
    """Hands over whatever comes; each ask stays open until the test answers it."""

    def __init__(self, arrived: Callable[[Delivery], None]) -> None:
        self._arrived = arrived

    def receive(self, message: Any) -> None:
        self._arrived(self.context.defer())


def _send_as(sender: ActorRef, ref: ActorRef, message: object) -> None:
    as_actor(sender)
    ref.tell_nowait(message)


def _predicate(what: Callable[[Any], object] | type) -> Callable[[Any], bool]:
    if isinstance(what, type):
        return lambda message: isinstance(message, what)
    return lambda message: bool(what(message))


def _described(wanted: Any) -> str:
    if isinstance(wanted, type):
        return f"a {wanted.__qualname__}"
    return "a message that fits" if callable(wanted) else repr(wanted)


def _list(messages: Any) -> str:
    shown = ", ".join(map(repr, messages[:_SHOWN]))
    return shown + (f" and {len(messages) - _SHOWN} more" if len(messages) > _SHOWN else "")


def _free_name(place: Any) -> str:
    taken = getattr(place, "system", place).statistics()
    return next(
        name for number in itertools.count(1) if (name := "probe" if number == 1 else f"probe-{number}") not in taken
    )
