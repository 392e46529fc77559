"""What an actor may do: the world from inside one incarnation. Knows only what it asks of a cell."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Any, Protocol, TypeVar, Unpack

from cuebook.clock import Clock
from cuebook.logs import Log, get_logger
from cuebook.runtime.cells.answers import Delivery
from cuebook.runtime.cells.services import ServiceKey, Services
from cuebook.runtime.cells.spec import ActorSpec, Factory, SpawnOptions
from cuebook.runtime.refs.deadlines import Deadlines
from cuebook.runtime.refs.ready import ReadyQueue
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.refs.status import ActorStatistics, TreeNode
from cuebook.runtime.refs.typed import Accepts
from cuebook.runtime.refs.waiting import in_hand
from cuebook.runtime.reports.deadletters import DeadLetters
from cuebook.runtime.reports.log_context import actor_context
from cuebook.runtime.reports.shutdown import Shutdown
from cuebook.runtime.tasks.exits import called, is_exit, own
from cuebook.runtime.tasks.hold import Hold
from cuebook.runtime.tasks.tasks import Tasks
from cuebook.runtime.tasks.timers import Timers
from cuebook.wire.message import outgoing

__all__ = ["NO_CHILDREN", "CellPort", "Context", "Parent", "SystemPort", "SystemView"]

_A = TypeVar("_A", bound=Accepts[Any])


class SystemView(Protocol):
    """The system as its actors see it."""

    name: str
    services: Services
    extensions: dict[str, Any]

    def spawn(self, factory: Factory[_A], *, name: str, **options: Unpack[SpawnOptions]) -> ActorRef[_A]:
        """Start an actor that is no one's child."""

    def actor(self, name: str) -> ActorRef:
        """The living actor of this name; KeyError where there is none."""

    def next_serial(self) -> int:
        """A number that no other actor of the system has."""

    def tree(self) -> TreeNode:
        """Every actor, by parent."""

    def statistics(self) -> dict[str, ActorStatistics]:
        """Counts by name."""


NO_CHILDREN: dict[str, Any] = {}
"""What an actor has that never had children: never written to."""


class Parent(Protocol):
    """An actor that has children."""

    children: dict[str, Any]

    def kill(self, error: BaseException | None = None) -> None:
        """End the incarnation as a failure."""


class SystemPort(SystemView, Protocol):
    """The system as its cells see it."""

    id: bytes
    loop: asyncio.AbstractEventLoop
    clock: Clock
    deadlines: Deadlines
    ready: ReadyQueue
    dead_letters: DeadLetters
    shutdown: Shutdown
    observation: Any
    is_cut_short: bool
    """Whether the system ends by force, and has cancelled all that was under way before."""

    def tasks(self) -> Tasks:
        """What awaits for its actors."""

    def now(self) -> float:
        """Monotonic seconds."""

    def next_serial(self) -> int:
        """A number that no other actor of the system has."""

    def draw(self) -> float:
        """Chance, 0 to 1."""

    def start(self, spec: ActorSpec, parent: Parent | None) -> ActorRef:
        """Start an actor."""

    def forget(self, name: str) -> None:
        """An actor has ended for good."""

    def is_traced(self, name: str) -> bool:
        """Whether what this actor does is told."""

    def trace(self, name: str, on: bool = True) -> None:
        """Trace an actor, or not any more."""

    def fail(self, error: BaseException) -> None:
        """The system itself is broken: end the block that it lives in with this error."""


class CellPort(Protocol):
    """What a context needs of its cell."""

    def spawn_child(self, factory: Factory[Any], name: str, options: SpawnOptions) -> ActorRef:
        """Start a child."""

    def stop_self(self) -> None:
        """End this incarnation as NORMAL."""

    def defer(self) -> Delivery:
        """Take the message in hand out of the handler's duty."""

    def start_task(self, work: Callable[[], Coroutine[Any, Any, None]], hold: Hold) -> None:
        """Run this beside the handlers, until it ends or is cancelled."""

    def kill(self, error: BaseException | None = None) -> None:
        """End the incarnation as a failure."""

    def become(self, handler: Callable[[Any], Any] | None) -> None:
        """Receive by another handler; None: by the class's own."""

    def watch(self, ref: ActorRef, *, restarts: bool) -> None:
        """Be told of its end."""

    def unwatch(self, ref: ActorRef) -> bool:
        """Whether there was a watch."""

    def link(self, ref: ActorRef) -> None:
        """Fail with it, and it with this."""

    def stash(self) -> bool:
        """Put the message in hand aside; False where there is no room for it."""

    def unstash(self) -> int:
        """Receive next what was put aside."""

    def sender(self) -> ActorRef | None:
        """Who sent the message in hand."""


class Context:
    """An actor's own door to the runtime. It is the incarnation's: what it made ends with it.

    Attributes:
        self_ref: the actor's ref. system: where it lives. clock: its time.
    """

    __slots__ = ("_log", "_owner", "_timers", "clock", "self_ref", "system")

    def __init__(
        self, owner: CellPort, self_ref: ActorRef, system: SystemView, clock: Clock, *, timers: Timers
    ) -> None:
        self._owner = owner
        self._timers = timers
        self._log: Log | None = None
        self.self_ref = self_ref
        self.system = system
        self.clock = clock

    @property
    def log(self) -> Log:
        """A logger whose events carry the actor's name, the type of the message in hand, and the trace if there is
        one. Costs nothing while nobody listens.
        """
        if self._log is None:
            self._log = get_logger("actor", around=actor_context).bind(actor=self.self_ref.name)
        return self._log

    @property
    def sender(self) -> ActorRef | None:
        """Who sent the message that is being received; None where it came from outside of actors."""
        return self._owner.sender()

    def spawn(self, factory: Factory[_A], *, name: str | None = None, **options: Unpack[SpawnOptions]) -> ActorRef[_A]:
        """Start a child: it ends before this incarnation does.

        Parameters:
            factory: an Actor class without parameters, or what gives an Actor: `partial(Counter, 5)`.
            name: unique in the whole system; by default made of this actor's, the class's and a number.
            options: as `ActorSystem.spawn`; `**ActorOptions(...).given()` are some.

        Raises:
            SupervisionError: this actor has as many children as it may have (`children_max`).
        """
        if name is None:
            kind = getattr(factory, "func", factory)
            word = getattr(kind, "__name__", "child").lower()
            word = word if word.isidentifier() else "child"
            name = f"{self.self_ref.name}/{word}-{self.system.next_serial()}"
        return self._owner.spawn_child(factory, name, options)

    def after(self, delay_s: float, message: object, key: Hashable | None = None) -> Hashable:
        """Receive a message after `delay_s` seconds (>= 0), unless cancelled; the bounds of the mailbox do
        not apply.

        Parameters:
            key: names the timer; a new one of the same key replaces it. None makes a key.

        Returns:
            The key.
        """
        return self._timers.set(delay_s, outgoing(message), key)

    def every(self, period_s: float, message: object, key: Hashable | None = None) -> Hashable:
        """Receive a message again and again, until it is cancelled or the incarnation ends: first after `period_s`
        seconds (> 0), then always so many seconds after it was received, so that it never piles up.

        Parameters:
            key: as for `after`; the two share their keys.

        Returns:
            The key.

        Raises:
            ValueError: the period is not more than 0.
        """
        if not period_s > 0:
            raise ValueError(f"the period of {self.self_ref.name}'s timer is more than 0 seconds, not {period_s!r}")
        return self._timers.set(period_s, outgoing(message), key, every_s=period_s)

    def cancel_timer(self, key: Hashable) -> bool:
        """Whether there was such a timer. Its message never arrives, even from within the mailbox."""
        return self._timers.cancel(key)

    def stop_self(self) -> None:
        """End as NORMAL, after the message in hand.

        A PERMANENT actor is restarted, its mailbox kept; any other handles what is queued and stops for good.
        """
        self._owner.stop_self()

    def defer(self) -> Delivery:
        """Answer the message in hand later, through the Delivery, and go on receiving: the handler's value is
        ignored.

        What is still open when the incarnation ends fails.
        """
        return self._owner.defer()

    def pipe_to_self(self, awaitable: Awaitable[Any], wrap: Callable[[Any, BaseException | None], object]) -> None:
        """Go on receiving while something is awaited, and receive what became of it as a message.

        It is cancelled when the incarnation ends. The bounds of the mailbox do not apply to the message.

        Parameters:
            wrap: makes the message, as `wrap(value, None)` or `wrap(None, error)`; where it raises, or gives
                no message, the incarnation fails.
        """
        hold = Hold()
        timer = self._timers.expect(hold)

        async def pipe() -> None:
            in_hand.set(None)  # no handler waits for it
            error: BaseException | None = None
            try:
                value = await awaitable
            except BaseException as raised:
                if hold.is_end(raised):
                    raise
                value, error = None, own(raised)
            try:
                self._timers.arrive(timer, outgoing(called(wrap, value, error)))
            except BaseException as raised:
                if is_exit(raised):
                    raise
                self._owner.kill(raised)

        self._owner.start_task(pipe, hold)

    def become(self, handler: Callable[[Any], Any]) -> None:
        """Receive the next messages by this handler, plain or async, in place of `receive`; until `unbecome`,
        another `become`, or the end of the incarnation.
        """
        self._owner.become(handler)

    def unbecome(self) -> None:
        """Receive by the class's own `receive` again."""
        self._owner.become(None)

    def register(self, key: ServiceKey) -> None:
        """Offer a service: `system.services.find(key)` finds this actor, until it ends for good."""
        self.system.services.register(key, self.self_ref)

    def subscribe(self, key: ServiceKey) -> None:
        """Receive a `Listing(key, refs)` now and whenever it changes who offers this service."""
        self.system.services.subscribe(key, self.self_ref)

    def stash(self) -> bool:
        """Put the message in hand aside, to be received again after `unstash`; the handler's value is ignored.

        What was put aside comes first in the mailbox of the next incarnation; after the last one it is
        answered ActorStopped.

        Returns:
            False where the stash is full (`MailboxSpec.stash_capacity`): whoever asked gets MailboxFull, and
            the actor goes on.
        """
        return self._owner.stash()

    def unstash(self) -> int:
        """Receive next all that was put aside, in its order, before what waits. Returns how many."""
        return self._owner.unstash()

    def watch(self, ref: ActorRef, *, restarts: bool = False) -> None:
        """Receive `Down(ref, reason, error)` once that actor has ended for good; at once, where it has.

        The watch ends with this incarnation, and with `unwatch`. Its signals come before all messages.

        Parameters:
            restarts: receive `Restarted(ref, count, cause)` of each new incarnation too.
        """
        self._owner.watch(ref, restarts=restarts)

    def unwatch(self, ref: ActorRef) -> bool:
        """Whether there was such a watch. Its signals never arrive, even from within the mailbox."""
        return self._owner.unwatch(ref)

    def link(self, ref: ActorRef) -> None:
        """Fail when that actor's incarnation fails, and it when this one does; orderly ends do not count.

        Raises:
            ActorStopped: it has stopped.
        """
        self._owner.link(ref)
