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
from cuebook.runtime.cells.context import SystemPort
from cuebook.runtime.cells.envelope import Envelope
from cuebook.runtime.cells.local import Local
from cuebook.runtime.cells.mailbox import MailboxSpec
from cuebook.runtime.cells.ports import CellCore
from cuebook.runtime.cells.spec import ActorSpec
from cuebook.runtime.policy.directives import Directive
from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.policy.restarts import Restart, RestartPolicy
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.refs.status import ActorState
from cuebook.runtime.reports.deadletters import DeadLetters, DeadReason
from cuebook.wire.message import encode, tag_in

__all__ = ["ChildPort", "ForwardedDeadLetters", "HostedBody", "hosted_spec"]


class ChildPort(Protocol):
    """The process as its actors see it."""

    owner: bytes
    is_closing: bool
    unlearned: dict[int, UnknownMessage]

    def order(self, order: Order) -> None:
        """Send something to the owner."""

    def left(self, actor: int) -> None:
        """An actor has stopped for good."""


class HostedBody(Local):
    """The body of one actor that lives here and whose owner is another process. Made once; `make` makes its actor.

    Attributes:
        incarnation: number of the one that the owner has begun. is_between: whether that has ended.
        culprit: number of the message that it failed on; 0: none over the link. cell: None before it was first begun.
    """

    def __init__(self, child: ChildPort, receipts: Receipts, parcel: Parcel) -> None:
        self.child = child
        self.receipts = receipts
        self.incarnation = 0
        self.is_between = False
        self.culprit = 0
        self.cell: CellCore | None = None
        self._ended_by: BaseException | None = None
        self._parcel = parcel

    def make(self) -> Any:
        """A new incarnation's object."""
        parcel = self._parcel
        return parcel.actor(*parcel.args, **parcel.kwargs)

    def on_ended(self, _ref: ActorRef, reason: Exit, error: BaseException | None) -> None:
        """An incarnation is over: the owner decides."""
        mailbox = self._cell.mailbox
        assert isinstance(mailbox, HostedMailbox)
        self.is_between = True
        mailbox.give_back()
        culprit, self.culprit = self.culprit, 0
        is_failure = reason is Exit.FAILURE
        is_escaped = is_failure and error is not self._ended_by
        ended = Ended(self.receipts.actor, self.incarnation, is_failure, is_escaped, pack_error(error), culprit)
        self.child.order(ended)

    def on_terminated(self, _ref: ActorRef, _error: BaseException | None) -> None:
        """The actor has stopped for good."""
        self.child.left(self.receipts.actor)
        self.child.order(StoppedForGood(self.receipts.actor, not self._cell.ending.has_left_behind))

    # What its owner asks for

    def arrive(self, number: int, frame: bytes, is_ask: bool, sender: ActorRef | None) -> None:
        """Queue a message that came over the link; its owner minds the bounds."""
        cell = self._cell
        receipt: Any = Receipt(self.receipts, number, is_ask=is_ask)
        cell.mailbox.put_unbounded((frame, sender, receipt, None, cell.now(), 0), urgent=False)
        if not cell.driver.is_awake:
            cell.driver.wake()

    def expel(self, timeout_s: float, *, drain: bool) -> None:
        """Stop for good."""
        self._cell.ending.begin(timeout_s, drain=drain)

    def retire_soon(self) -> None:
        """End the incarnation in good order."""
        if self._cell.state is not ActorState.RESTARTING:
            self._cell.life.retire_soon()

    # What its cell asks for

    @property
    def _cell(self) -> CellCore:
        assert self.cell is not None
        return self.cell

    def settle_in(self, cell: CellCore) -> None:
        """The cell is there."""
        self.cell = cell

    def number(self, system: SystemPort) -> int:
        """The one that its owner has given it."""
        return self.receipts.actor

    def home(self, system: SystemPort) -> bytes:
        """Its owner's system: there it is known by its number, whichever process it lives in."""
        return self.child.owner

    def new_mailbox(self, spec: MailboxSpec) -> HostedMailbox:
        """One that notes which messages over the link were begun."""
        return HostedMailbox(spec, self.receipts)

    def buries(self, envelope: Envelope) -> bool:
        """Not what came over the link and was not begun: its owner has it still."""
        receipt: Any = envelope.reply
        return type(receipt) is not Receipt or receipt.is_begun

    def why_refused(self, envelope: Envelope, error: CodecError) -> CodecError:
        """The lesson that could not be learned, where it is that."""
        known = self.child.unlearned.get(tag_in(envelope.frame)) if isinstance(error, UnknownMessage) else None
        return known or error

    def started(self, cell: CellCore) -> None:
        """The owner is told."""
        if not cell.is_stopping:
            self.child.order(Started(self.receipts.actor, self.incarnation))

    def failure(self, cell: CellCore, error: BaseException, killed: BaseException | None) -> MessagingError:
        """As anywhere."""
        self._ended_by = killed
        return super().failure(cell, error, killed)

    def claims(self, cell: CellCore) -> bool:
        """What came over the link is its owner's to answer; not what fails while it drains."""
        number = self.receipts.in_hand
        if cell.receiving.current is None or not number or cell.is_stopping:
            return False
        cell.receiving.take_current()
        self.culprit = number
        return True

    # What its own process asks for is for the owner to decide

    def stop(self, cell: CellCore, timeout_s: float, *, drain: bool) -> None:
        """Have the owner stop it."""
        if self.child.is_closing:
            super().stop(cell, timeout_s, drain=drain)
        elif not cell.is_stopping:
            self.child.order(Asked(self.receipts.actor, float(timeout_s), drain))

    def stop_itself(self, cell: CellCore) -> None:
        """Have the owner stop it, in its own time."""
        self.child.order(Asked(self.receipts.actor, None, True))

    def lost(self, cell: CellCore) -> None:
        """By what ends the program: then the owner sees the end of this process, and answers."""
        cause = sys.exception()
        if cause is None or isinstance(cause, Exception | CancelledError | GeneratorExit):
            super().lost(cell)
        elif not isinstance(cause, SystemExit | KeyboardInterrupt):
            # asyncio lets only these two out of the loop at once: nothing is to be sent or answered any more.
            traceback.print_exception(cause)
            raise SystemExit(1) from cause


def hosted_spec(body: HostedBody, options: dict[str, Any], resumes: Any) -> ActorSpec:
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
        body.make,
        body.receipts.name,
        mailbox,
        policy,
        options["shutdown_s"],
        body.on_terminated,
        body.on_ended,
        body=lambda _system, _spec: body,
    )


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
