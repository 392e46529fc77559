"""An actor as others see it: what its ref sends to, what its context asks, and the parts that it is made of.

A cell has a mailbox, a driver, its work on messages, a life (its incarnations) and a body (where they are).
Restarts and ending are made when they are first needed. Knows no handler.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from typing import Any

from cuebook.clock import Clock
from cuebook.errors import ActorStopped
from cuebook.runtime.cells.answers import Delivery
from cuebook.runtime.cells.bonds import Bonds, Watch
from cuebook.runtime.cells.context import NO_CHILDREN, Context, Parent, SystemPort
from cuebook.runtime.cells.driver import Driver
from cuebook.runtime.cells.ending import NOT_ENDED, Ending
from cuebook.runtime.cells.envelope import REFERENCE_BYTES, Envelope
from cuebook.runtime.cells.lifecycle import Lifecycle
from cuebook.runtime.cells.local import CLOSED, KEEPS, LOCAL
from cuebook.runtime.cells.ports import CellObserver, Gate
from cuebook.runtime.cells.receiving import Receiving
from cuebook.runtime.cells.restarting import Restarting
from cuebook.runtime.cells.signals import Down
from cuebook.runtime.cells.spec import ActorSpec, Factory, SpawnOptions
from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.policy.phases import PhaseEvent, after
from cuebook.runtime.refs.ref import ActorRef, as_actor, sender_now, target_of
from cuebook.runtime.refs.status import ActorState, ActorStatistics, TreeNode
from cuebook.runtime.refs.waiting import Activation, in_hand
from cuebook.runtime.reports.deadletters import DeadReason
from cuebook.runtime.tasks.hold import Hold
from cuebook.runtime.tasks.timers import Timer, Timers

__all__ = ["Cell"]

_PARKED = ActorState.PARKED  # a name of a module costs a tenth of a member of an enum


class Cell:
    """One actor.

    Attributes:
        state: its phase. is_stopping: whether it takes no more messages. children: by name.
        gate: stands before the mailbox; None: messages go the short way. observer: who looks; None: nobody.
        bonded: what it has to do with others; None: nothing so far.
        past: its restarts; None: no incarnation has ended so far.
    """

    __slots__ = (
        "_ending",
        "activation",
        "body",
        "bonded",
        "children",
        "deadlines",
        "driver",
        "gate",
        "is_stopping",
        "life",
        "loop",
        "mailbox",
        "name",
        "now",
        "observer",
        "parent",
        "past",
        "ready",
        "receiving",
        "ref",
        "serial",
        "spec",
        "state",
        "system",
    )

    def __init__(self, system: SystemPort, spec: ActorSpec, parent: Parent | None) -> None:
        self.system = system
        self.spec = spec
        self.parent = parent
        self.name = spec.name
        self.loop = system.loop
        self.now = system.now
        self.ready = system.ready
        self.deadlines = system.deadlines
        self.body = body = LOCAL if spec.body is None else spec.body(system, spec)
        self.serial = body.number(system)
        self.state = ActorState.STARTING
        self.mailbox = body.new_mailbox(spec.mailbox)
        self.children: dict[str, Any] = NO_CHILDREN
        self.is_stopping = False
        self.activation: Activation | None = None
        self.observer: CellObserver | None = None
        self.bonded: Bonds | None = None
        self._ending: Ending | None = None
        self.past: Restarting | None = None
        self.life = Lifecycle(self)
        self.ref: ActorRef = ActorRef(self)
        self.receiving = Receiving(self, self.life)
        context = contextvars.copy_context()
        context.run(as_actor, self.ref)
        self.driver = Driver(self.receiving, context)
        self.gate: Gate | None = body.gate
        body.settle_in(self)
        self.driver.wake()

    @property
    def ending(self) -> Ending:
        """How it ends for good."""
        if self._ending is None:
            self._ending = Ending(self)
        return self._ending

    @property
    def restarting(self) -> Restarting:
        """What follows the ends of its incarnations."""
        if self.past is None:
            self.past = Restarting(self)
        return self.past

    # What refs ask for

    def offer(self, frame: Any, reply: asyncio.Future[Any] | None = None) -> bool:
        """`post` where nothing is special: there is room, and nobody waits for it. Else False, and nothing was done."""
        if self.gate is not None:
            frame = self.gate.offer(self, frame, reply)
            if frame is True or frame is False:
                return frame
        mailbox = self.mailbox
        user = mailbox.user
        if user is None:
            user = mailbox.open_lane()
        size = mailbox.size + (len(frame) if type(frame) is bytes else REFERENCE_BYTES)
        depth = len(user)
        is_full = depth and (depth >= mailbox.spec.capacity or size > mailbox.spec.bytes_max)
        if is_full or mailbox.waiters or self.state is _PARKED:
            return False
        user.append((frame, sender_now(), reply, None, self.now(), 0))
        mailbox.size = size
        if depth >= mailbox.high_water:
            mailbox.high_water = depth + 1
        driver = self.driver
        if not driver.is_awake:
            driver.wake()
        return True

    def post(self, frame: Any, reply: asyncio.Future[Any] | None = None, *, urgent: bool = False) -> None:
        """Queue a message. Raises MailboxFull or ActorStopped."""
        (self.observer or self.body).post(self, frame, reply, urgent=urgent)

    def has_room(self, size: int) -> bool:
        """Whether `post` of so many bytes is not refused for want of room."""
        mailbox = self.mailbox
        return mailbox.has_room(size) or mailbox.overflow not in KEEPS

    def lets_actors_wait(self, timeout: float | None) -> bool:
        """Whether actors too may wait for room, for so many seconds."""
        return self.body.lets_actors_wait(self, timeout)

    async def wait_for_room(self, size: int, *, is_question: bool = False) -> None:
        """Until `has_room`, or the actor has stopped, or is parked and would not answer."""
        await self.mailbox.wait_for_room(size, self.loop, is_question=is_question)

    def has_deferred(self, reply: asyncio.Future[Any]) -> bool:
        """Whether the answer is owed later, so that the handler at work does not keep it back."""
        return self.body.has_deferred(self, reply)

    def stands_for(self) -> Cell:
        """Itself."""
        return self

    def report(self, message: Any) -> None:
        """Receive what the runtime has to say, before all messages."""
        self.body.report(self, message)

    def request_stop(self, timeout_s: float, *, drain: bool) -> None:
        """Begin to stop for good; the shortest of several deadlines counts."""
        self.body.stop(self, timeout_s, drain=drain)

    def kill(self, error: BaseException | None = None) -> None:
        """End the incarnation as a failure, in the middle of its handler; one that is about to begin, at once."""
        self.life.kill(error)

    def unpark(self) -> bool:
        """Begin again with a clean record; whether it was parked."""
        return self.restarting.unpark()

    def trace(self, on: bool) -> None:
        """Tell whoever reads along what it does."""
        if self.state is not ActorState.STOPPED:
            self.system.trace(self.name, on)

    async def wait_until_ended(self) -> bool:
        """Until it has stopped for good; whether everything queued had been handled."""
        return await self.ending.wait()

    # What is seen of it

    @property
    def home(self) -> bytes:
        """The id of the system that it is known in."""
        return self.body.home(self.system)

    @property
    def clock(self) -> Clock:
        """What it tells time by."""
        return self.system.clock

    @property
    def kind(self) -> str:
        """The name of its class; "" where it was never made, and its factory is no class."""
        return self.body.kind(self)

    @property
    def is_alive(self) -> bool:
        """Whether it takes messages, or will again."""
        return self.state is not ActorState.STOPPED and not self.is_stopping

    @property
    def is_idle(self) -> bool:
        """Whether it runs and has nothing in hand, nothing waiting, no child, and owes no answer."""
        is_at_work = self.receiving.current is not None or self.activation is not None or bool(self.children)
        waits = len(self.mailbox) or self.mailbox.stashed or self.receiving.answers.are_owed
        return self.state is ActorState.RUNNING and not is_at_work and not waits

    @property
    def ended(self) -> tuple[Exit, BaseException | None]:
        """Why it ended for good, and with what."""
        return NOT_ENDED if self._ending is None else self._ending.ended

    @property
    def restarts(self) -> int:
        """How often it has begun again."""
        return 0 if self.past is None else self.past.count

    @property
    def processed(self) -> int:
        """Messages received so far."""
        return self.receiving.processed

    def cause(self) -> BaseException | None:
        """What the last incarnation failed with."""
        cause = None if self.past is None else self.past.cause
        return cause if cause is not None else self.ended[1]

    def doing(self) -> str:
        """The type of the message in hand; "" where there is none."""
        return self.receiving.doing()

    def statistics(self) -> ActorStatistics:
        """The counts now."""
        return self.body.statistics(self)

    def tree(self) -> TreeNode:
        """This actor and all below it."""
        return TreeNode(self.name, self.statistics(), (*map(Cell.tree, self.children.values()), *self.body.below(self)))

    def observe(self, observer: CellObserver | None) -> None:
        """Let someone look at what it receives and does; None: nobody any more."""
        before, self.observer = self.observer, observer
        self.mailbox.mark = None if observer is None else observer.mark
        self._guard()
        if self.life.incarnation is not None:
            self.life.incarnation.observe(before)

    def _guard(self) -> None:
        self.gate = self.observer or self.body.gate or (CLOSED if self.is_stopping else None)

    # What its context asks for

    def spawn_child(self, factory: Factory[Any], name: str, options: SpawnOptions) -> ActorRef:
        """Start a child of this incarnation."""
        return self.life.spawn_child(factory, name, options)

    def start_task(self, work: Callable[[], Coroutine[Any, Any, None]], hold: Hold) -> None:
        """Run this beside the handlers."""
        self.system.tasks().hold(work, hold, name=self.name)

    def stop_self(self) -> None:
        """End the incarnation as NORMAL after the message in hand."""
        self.life.stop_itself()

    def become(self, handler: Callable[[Any], Any] | None) -> None:
        """Receive by another handler; None: by the class's own."""
        if self.life.incarnation is not None:
            self.life.incarnation.become(handler)

    def defer(self) -> Delivery:
        """Take the message in hand out of the handler's duty."""
        return self.receiving.defer()

    def sender(self) -> ActorRef | None:
        """Who sent the message in hand."""
        return self.receiving.sender()

    def stash(self) -> bool:
        """Put the message in hand aside; False where there is no room for it."""
        return self.receiving.stash()

    def unstash(self) -> int:
        """Receive next what was put aside."""
        count = self.mailbox.unstash()
        self.driver.wake()  # it may be called beside the handlers
        return count

    def post_timer(self, frame: Any, timer: Timer) -> None:
        """Queue a message that is due."""
        if not self.is_stopping:
            self.mailbox.put_unbounded(Envelope(frame, timer=timer, at=self.now()), urgent=False)
            self.driver.wake()

    def new_context(self, timers: Timers) -> Context:
        """What an incarnation may do."""
        return Context(self, self.ref, self.system, self.clock, timers=timers)

    # What other actors ask for

    def bonds(self) -> Bonds:
        """What it has to do with others."""
        if self.bonded is None:
            self.bonded = Bonds(self)
        return self.bonded

    def watch(self, ref: ActorRef, *, restarts: bool) -> None:
        """Be told of the end of another actor; at once, where it has ended."""
        target = target_of(ref)
        watch = self.bonds().watch(target, wants_restarts=restarts)
        if target.state is ActorState.STOPPED:
            self.inform(Down(ref, *target.ended), watch)

    def unwatch(self, ref: ActorRef) -> bool:
        """Be told no more; whether there was a watch."""
        return self.bonds().unwatch(target_of(ref))

    def link(self, ref: ActorRef) -> None:
        """Fail with another actor, and it with this one."""
        target = target_of(ref)
        if target.state is ActorState.STOPPED:
            raise ActorStopped(f"{ref.name} has stopped, so {self.name} cannot be linked to it")
        self.bonds().link(target)

    def inform(self, signal: Any, watch: Watch) -> None:
        """Receive a signal, if the watch still stands then."""
        if self.state is not ActorState.STOPPED:
            self.mailbox.put_supervision(Envelope(signal, watch.target.ref, timer=watch, at=self.now()))
            self.driver.wake()

    # What its supervisor and its system ask for

    def begin_again(self) -> None:
        """Start the next incarnation, where it waits for that."""
        self.restarting.begin_again()

    async def retire(self, timeout_s: float) -> None:
        """End the incarnation in good order, within that time; the next one begins when it is told to."""
        await self.life.retire(timeout_s)

    def finish(self) -> bool:
        """End for good as the last incarnation did, where it waits to begin again; whether it did."""
        return self.restarting.finish()

    async def wait_until_settled(self) -> None:
        """Until it receives, waits to begin again, or has stopped for good."""
        await self.life.wait_until_settled()

    def give_up(self) -> None:
        """End at once, without hooks; whoever waits is answered."""
        self.ending.terminate(None)

    # What its parts ask for

    def go(self, event: PhaseEvent) -> None:
        """Into the phase that follows."""
        self.state = after(self.state, event)

    def close(self) -> None:
        """Take no more messages."""
        self.is_stopping = True
        self.receiving.look_up()
        self._guard()

    def activate(self) -> None:
        """From here on code of this actor may wait for others."""
        self.activation = Activation(self)
        in_hand.set(self.activation)

    def deactivate(self) -> None:
        """Until here."""
        if self.activation is not None:
            self.activation.is_open = False
            self.activation = None

    def bury(self, envelope: Envelope, reason: DeadReason, error: BaseException | None = None) -> None:
        """A message of this actor went nowhere."""
        if type(envelope.timer) is not Watch and self.body.buries(envelope):
            sender = envelope.sender.name if envelope.sender is not None else None
            self.system.dead_letters.add(envelope.frame, self.name, sender, reason, error=error)
