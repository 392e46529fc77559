"""The body of an actor that lives where its cell is: its incarnations are objects, and it is its own master."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from typing import Any

from cuebook.errors import ActorStopped, CodecError, MailboxFull, MessagingError
from cuebook.runtime.cells.answers import Delivery
from cuebook.runtime.cells.context import SystemPort
from cuebook.runtime.cells.driver import Step, Work
from cuebook.runtime.cells.envelope import Entry, Envelope
from cuebook.runtime.cells.incarnation import Incarnation
from cuebook.runtime.cells.mailbox import Mailbox, MailboxSpec, Overflow
from cuebook.runtime.cells.ports import GRACE_S, CellCore, Gate
from cuebook.runtime.refs.ref import sender_now
from cuebook.runtime.refs.reply import failure_of, told
from cuebook.runtime.refs.status import ActorState, ActorStatistics, TreeNode
from cuebook.runtime.reports.deadletters import DeadReason
from cuebook.runtime.tasks.timers import Timers
from cuebook.wording import repr_of, text_of

__all__ = ["CLOSED", "KEEPS", "LOCAL", "Local"]

KEEPS = (Overflow.RAISE, Overflow.WAIT)
"""The rules of a full mailbox by which a message waits for room, and none is dropped."""


class Closed:
    """Stands before the mailbox of an actor that takes no more messages."""

    __slots__ = ()

    def offer(self, cell: CellCore, frame: Any, reply: asyncio.Future[Any] | None) -> bool:
        """They are posted, and refused there."""
        return False


CLOSED = Closed()


class Local:
    """A `Body`. It keeps nothing, so that one serves all actors; others differ from it in what they say."""

    __slots__ = ()

    gate: Gate | None = None
    """Messages go the short way."""

    @property
    def grace_s(self) -> float:
        """As long as a handler has to obey cancellation."""
        return GRACE_S

    def number(self, system: SystemPort) -> int:
        """One that no other actor of the system has."""
        return system.next_serial()

    def home(self, system: SystemPort) -> bytes:
        """The system that it lives in."""
        return system.id

    def new_mailbox(self, spec: MailboxSpec) -> Mailbox:
        """A plain one."""
        return Mailbox(spec)

    def settle_in(self, cell: CellCore) -> None:
        """Nothing to be done."""

    # Messages

    def post(self, cell: CellCore, frame: Any, reply: asyncio.Future[Any] | None, *, urgent: bool) -> None:
        """Into the mailbox."""
        if cell.is_stopping:
            _decline(cell, frame, reply)
            return
        if reply is not None and cell.state is ActorState.PARKED:
            cause = cell.cause()
            raise ActorStopped(f"{cell.name} is parked after {repr_of(cause)}: unpark() begins anew") from cause
        entry = (frame, sender_now(), reply, None, cell.now(), 0)
        if urgent:
            cell.mailbox.put_unbounded(entry, urgent=True)
        else:
            try:
                pushed_out = cell.mailbox.put(entry)
            except MailboxFull as error:
                _turn_away(cell, entry, error)
                return
            if pushed_out:
                _push_out(cell, pushed_out)
        driver = cell.driver
        if not driver.is_awake:
            driver.wake()

    def report(self, cell: CellCore, message: Any) -> None:
        """Into the mailbox, before all messages."""
        if cell.state is not ActorState.STOPPED:
            cell.mailbox.put_supervision(Envelope(message, at=cell.now()))
            cell.driver.wake()

    def lets_actors_wait(self, cell: CellCore, timeout: float | None) -> bool:
        """Yes, unless the mailbox drops; whoever waits here joins the graph of asks."""
        return cell.mailbox.overflow in KEEPS

    def has_deferred(self, cell: CellCore, reply: asyncio.Future[Any]) -> bool:
        """Where a delivery is open."""
        return cell.receiving.answers.holds(reply)

    def deliver(self, cell: CellCore, handler: Callable[[list[Delivery]], Any]) -> Step:
        """To the handler of many."""
        return cell.receiving.receive_many(handler)

    def buries(self, envelope: Envelope) -> bool:
        """All of them."""
        return True

    def why_refused(self, envelope: Envelope, error: CodecError) -> CodecError:
        """For what reading it has raised."""
        return error

    # Incarnations

    def begin(self, cell: CellCore, incarnation: Incarnation, timers: Timers) -> Work:
        """The factory, and `on_start`."""
        return incarnation.start(cell.spec.factory, cell.new_context(timers))

    def started(self, cell: CellCore) -> None:
        """Nobody waits for that."""

    def retire(self, cell: CellCore, incarnation: Incarnation) -> Generator[Any, Any, BaseException | None]:
        """`on_stop`."""
        yield from incarnation.stop()
        return None

    def fail(self, cell: CellCore, incarnation: Incarnation, error: BaseException) -> Work:
        """`on_failure`."""
        return incarnation.fail(error)

    def failure(self, cell: CellCore, error: BaseException, killed: BaseException | None) -> MessagingError:
        """What the runtime ended it with, as it is; what it raised, as the cause of an ActorFailed."""
        return told(cell.name, error) if error is killed else failure_of(cell.name, error)

    def claims(self, cell: CellCore) -> bool:
        """No: it is answered here."""
        return False

    # The end for good

    def stop(self, cell: CellCore, timeout_s: float, *, drain: bool) -> None:
        """It stops."""
        cell.ending.begin(timeout_s, drain=drain)

    def stop_itself(self, cell: CellCore) -> None:
        """It stops."""
        cell.ending.begin_by_itself()

    def lost(self, cell: CellCore) -> None:
        """It stops."""
        cell.ending.on_lost()

    def ending(self, cell: CellCore, error: BaseException | None) -> None:
        """Nothing to be done."""

    def ended(self, cell: CellCore) -> None:
        """Nothing to be done."""

    # What is seen of it

    def kind(self, cell: CellCore) -> str:
        """What the factory made."""
        return cell.life.kind

    def statistics(self, cell: CellCore) -> ActorStatistics:
        """All of them are known here."""
        mailbox, receiving = cell.mailbox, cell.receiving
        oldest_at, cause = mailbox.oldest_at(), cell.cause()
        return ActorStatistics(
            state=cell.state,
            depth=len(mailbox),
            depth_bytes=mailbox.size,
            capacity=mailbox.capacity,
            high_water=mailbox.high_water,
            processed=receiving.processed,
            refused=receiving.refused,
            dropped=mailbox.dropped,
            late_replies=cell.receiving.answers.late,
            restarts=cell.restarts,
            busy_s=receiving.busy_s,
            stashed=mailbox.stashed,
            oldest_s=0.0 if oldest_at is None else cell.now() - oldest_at,
            kind=cell.kind,
            in_hand=receiving.doing(),
            failures=0 if cell.past is None else cell.past.failures,
            last_error="" if cause is None else repr_of(cause)[:200],
        )

    def below(self, cell: CellCore) -> tuple[TreeNode, ...]:
        """Nothing: all of it is here."""
        return ()

    def traced(self, cell: CellCore, *, on: bool) -> None:
        """What is looked at is here."""


LOCAL = Local()


def _decline(cell: CellCore, frame: Any, reply: asyncio.Future[Any] | None) -> None:
    sender = sender_now()
    cell.bury(Envelope(frame, sender), DeadReason.STOPPED)
    if sender is cell.ref and reply is None:
        return  # an actor that drains need not mind what it tells itself
    how = "has stopped" if cell.state is ActorState.STOPPED else "is stopping"
    error = cell.ended[1] if cell.state is ActorState.STOPPED else None
    raise ActorStopped(f"{cell.name} {how}" + (f": {text_of(error)}" if error is not None else "")) from error


def _turn_away(cell: CellCore, entry: Entry, error: MailboxFull) -> None:
    if cell.mailbox.overflow is Overflow.DROP_NEW:
        envelope = Envelope._make(entry)
        cell.bury(envelope, DeadReason.DROPPED)
        if envelope.reply is None:
            return
    raise MailboxFull(f"the mailbox of {cell.name} is full: {error}") from None


def _push_out(cell: CellCore, pushed_out: Sequence[Entry]) -> None:
    for oldest in map(Envelope._make, pushed_out):
        cell.receiving.answers.refuse(oldest, MailboxFull(f"dropped from the full mailbox of {cell.name}"))
        cell.bury(oldest, DeadReason.DROPPED)
