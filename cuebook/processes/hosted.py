"""An actor at work in a process of actors: its owner decides on its restarts, all else is as anywhere. No socket."""

from __future__ import annotations

import sys
import traceback
from asyncio import CancelledError
from collections.abc import Callable
from typing import Any, Protocol

from cuebook.errors import CodecError, CuebookError, MessagingError, UnknownMessage
from cuebook.processes.outcomes import pack_error
from cuebook.processes.parcel import Parcel
from cuebook.processes.protocol import Asked, Buried, Ended, Order, Started, StoppedForGood
from cuebook.processes.receipts import HostedMailbox, Receipt, Receipts
from cuebook.runtime.cells.cell import Cell
from cuebook.runtime.cells.envelope import Envelope
from cuebook.runtime.cells.mailbox import MailboxSpec
from cuebook.runtime.cells.ports import Parent, SystemPort
from cuebook.runtime.cells.spec import ActorSpec
from cuebook.runtime.policy.directives import Directive
from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.policy.restarts import Restart, RestartPolicy, is_restarted
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.refs.status import ActorState
from cuebook.runtime.reports.deadletters import DeadLetters, DeadReason
from cuebook.wire.message import encode, tag_in

__all__ = ["ChildPort", "ForwardedDeadLetters", "HostedCell", "HostedFactory", "hosted_spec"]


class ChildPort(Protocol):
    """The process as its actors see it."""

    owner: bytes
    is_closing: bool
    unlearned: dict[int, UnknownMessage]

    def order(self, order: Order) -> None:
        """Send something to the owner."""

    def left(self, actor: int) -> None:
        """An actor has stopped for good."""


class HostedFactory:
    """Where one actor lives: its factory. Made once; `make_cell` makes its cell."""

    def __init__(self, child: ChildPort, receipts: Receipts, parcel: Parcel) -> None:
        self.child = child
        self.receipts = receipts
        self.incarnation = 0
        self.is_between = False
        self.culprit = 0
        self.ended_by: BaseException | None = None
        self.cell: HostedCell | None = None
        self._parcel = parcel

    def __call__(self) -> Any:
        """A new incarnation's object."""
        parcel = self._parcel
        return parcel.actor(*parcel.args, **parcel.kwargs)

    def make_cell(self, system: SystemPort, spec: ActorSpec, parent: Parent | None) -> HostedCell:
        """Its cell."""
        self.cell = HostedCell(system, spec, parent)
        return self.cell

    def on_ended(self, _ref: ActorRef, reason: Exit, error: BaseException | None) -> None:
        """An incarnation is over: the owner decides."""
        cell = self.cell
        assert cell is not None
        self.is_between = True
        cell.mailbox.give_back()
        culprit, self.culprit = self.culprit, 0
        is_failure = reason is Exit.FAILURE
        is_escaped = is_failure and error is not self.ended_by
        ended = Ended(self.receipts.actor, self.incarnation, is_failure, is_escaped, pack_error(error), culprit)
        self.child.order(ended)

    def on_terminated(self, _ref: ActorRef, _error: BaseException | None) -> None:
        """The actor has stopped for good."""
        assert self.cell is not None
        self.child.left(self.receipts.actor)
        self.child.order(StoppedForGood(self.receipts.actor, self.cell.was_drained))


def hosted_spec(factory: HostedFactory, options: dict[str, Any], resumes: Any) -> ActorSpec:
    """How the actor is kept in its process."""
    mailbox = MailboxSpec(
        capacity=options["capacity"],
        bytes_max=options["bytes_max"],
        overflow=options["overflow"],
        stash_capacity=options["stash_capacity"],
    )
    directives = dict.fromkeys(resumes, Directive.RESUME)
    policy = RestartPolicy(Restart(options["restart"]), directives=directives, attempts=options["attempts"])
    return ActorSpec(
        factory,
        factory.receipts.name,
        mailbox,
        policy,
        options["shutdown_s"],
        factory.on_terminated,
        factory.on_ended,
    )


class HostedCell(Cell):
    """One actor whose owner is another process."""

    __slots__ = ("_factory",)

    mailbox: HostedMailbox

    def __init__(self, system: SystemPort, spec: ActorSpec, parent: Parent | None) -> None:
        super().__init__(system, spec, parent)
        factory: Any = spec.factory
        self._factory: HostedFactory = factory
        self.mailbox = HostedMailbox(spec.mailbox, factory.receipts)
        self.serial = factory.receipts.actor

    @property
    def home(self) -> bytes:
        """Its owner's system: there it is known by its number, whichever process it lives in."""
        return self._factory.child.owner

    @property
    def was_drained(self) -> bool:
        """Whether everything that was queued had been handled when it stopped."""
        return not self._has_left_behind

    @property
    def busy_s(self) -> float:
        """Seconds at work."""
        return self._busy_s

    def arrive(self, number: int, frame: bytes, is_ask: bool, sender: ActorRef | None) -> None:
        """Queue a message that came over the link; its owner minds the bounds."""
        receipt: Any = Receipt(self._factory.receipts, number, is_ask=is_ask)
        self.mailbox.put_unbounded((frame, sender, receipt, None, self.now(), 0), urgent=False)
        if not self._driver.is_awake:
            self._driver.wake()

    def expel(self, timeout_s: float, *, drain: bool) -> None:
        """Stop for good, as the owner wants it."""
        super().request_stop(timeout_s, drain=drain)

    def retire_soon(self) -> None:
        """End the incarnation in good order, as the owner wants it."""
        if self.state is not ActorState.RESTARTING:
            self._is_retiring = True
            self._is_steady = False
            self._driver.wake()

    # What its own process asks for is for the owner to decide

    def request_stop(self, timeout_s: float, *, drain: bool) -> None:
        """Have the owner stop it."""
        if self._factory.child.is_closing:
            super().request_stop(timeout_s, drain=drain)
        elif not self._is_stopping:
            self._factory.child.order(Asked(self._factory.receipts.actor, float(timeout_s), drain))

    def stop_self(self) -> None:
        """End the incarnation as NORMAL after the message in hand."""
        if is_restarted(self.spec.policy.restart, Exit.NORMAL):
            super().stop_self()
        else:
            self._factory.child.order(Asked(self._factory.receipts.actor, None, True))

    def on_lost(self) -> None:
        """Cut off; by what ends the program: then the owner sees the end of this process, and answers."""
        cause = sys.exception()
        if cause is None or isinstance(cause, Exception | CancelledError | GeneratorExit):
            super().on_lost()
        elif not isinstance(cause, SystemExit | KeyboardInterrupt):
            # asyncio lets only these two out of the loop at once: nothing is to be sent or answered any more.
            traceback.print_exception(cause)
            raise SystemExit(1) from cause

    def _settled(self) -> None:
        super()._settled()
        if self.state is ActorState.RUNNING and not self._is_stopping:
            self._factory.child.order(Started(self._factory.receipts.actor, self._factory.incarnation))

    def _failure(self, error: BaseException) -> MessagingError:
        self._factory.ended_by = self._killed
        return super()._failure(error)

    def _quarantine(self, failure: CuebookError, error: BaseException, directive: Directive) -> None:
        number = self._factory.receipts.in_hand
        if self._current is None or not number or self._is_stopping:  # what fails while it drains is for it to answer
            super()._quarantine(failure, error, directive)
            return
        self._current = None
        self._factory.culprit = number

    def _bury(self, envelope: Envelope, reason: DeadReason, error: BaseException | None = None) -> None:
        receipt: Any = envelope.reply
        if type(receipt) is not Receipt or receipt.is_begun:
            super()._bury(envelope, reason, error)

    def _refuse(self, envelope: Envelope, error: CodecError) -> None:
        known = self._factory.child.unlearned.get(tag_in(envelope.frame)) if isinstance(error, UnknownMessage) else None
        super()._refuse(envelope, known or error)


class ForwardedDeadLetters(DeadLetters):
    """What goes nowhere in this process is a dead letter of the owner's system.

    Parameters:
        order: sends an order to the owner.
    """

    __slots__ = ("_order",)

    def __init__(self, time: Any, order: Callable[[Order], None]) -> None:
        super().__init__(time)
        self._order = order

    def add(
        self, content: Any, target: str, sender: str | None, reason: DeadReason, *, error: BaseException | None = None
    ) -> None:
        """A message, or its bytes, went nowhere."""
        self.counts[reason] += 1
        try:
            frame = content if type(content) is bytes else encode(content)
        except (TypeError, CuebookError):  # it goes by reference, and stays here
            frame = b""
        text = "" if error is None else (pack_error(error) or ["", "", ""])[2]
        self._order(Buried(frame, target, sender, reason.value, text))
