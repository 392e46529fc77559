"""One incarnation of a durable actor at work: commands in, events to the journal, answers when they are on disk.

Knows no mailbox. What it does not know of the actor's class it asks of it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from cuebook.actors.stream_messages import CloseStream, OpenStream, StreamFound
from cuebook.durable.batch import EventBatch, Settlement
from cuebook.durable.committer import Committer
from cuebook.durable.effects import NOTHING, Effect, as_effect
from cuebook.durable.events.event_types import EventTypes, name_of
from cuebook.durable.events.folding import applied
from cuebook.durable.events.folding_stream import packed_state, recovered
from cuebook.durable.events.snapshots import SnapshotPolicy
from cuebook.durable.ledger import Ledger, ledger_of
from cuebook.durable.oversight import Oversight
from cuebook.durable.owed.messages import Delivered, Due
from cuebook.durable.owed.obligations import Cause, Obligations
from cuebook.durable.readside.envelope import EventEnvelope
from cuebook.durable.readside.follower import Follow, Follower
from cuebook.errors import (
    ActorFailed,
    CuebookError,
    JournalError,
    MessagingError,
    RecoveryFailed,
    Rejected,
    UnhandledMessage,
    ValueNotKept,
)
from cuebook.persistence.records.stream_heads import DutyRow
from cuebook.runtime.cells.actor import Context, Delivery
from cuebook.runtime.refs.reply import FailedReply, failure_of, seal
from cuebook.runtime.tasks.exits import called, is_being_cancelled, is_exit, own

__all__ = ["Keeper"]


class KeptActor(Protocol):
    """The actor, as far as it is kept."""

    id: str
    state: Any
    sequence_number: int
    type_name: str
    snapshots: SnapshotPolicy
    event_types: EventTypes
    context: Context

    def followed(self) -> Mapping[str, EventTypes]:
        """How the events of those that it follows are read."""

    def initial_state(self) -> Any:
        """The state before the first event."""

    def handle(self, command: Any) -> Any:
        """What follows a command."""

    def apply(self, state: Any, event: Any) -> Any:
        """The state with one more event in it."""


_COMMAND = Cause()


class Keeper:
    """Handles commands one after the other, as fast as they come: the state goes ahead of the disk, answers do not."""

    def __init__(self, actor: Any) -> None:
        self._actor: KeptActor = actor
        self._oversight = Oversight(actor)
        self._ledger: Ledger
        self._committer: Committer
        self._obligations: Obligations
        self._follower: Follower | None = None

    # Its life

    async def recover(self) -> None:
        """Fold the journal, and see to what the actor owes.

        Raises:
            RecoveryFailed: an event cannot be applied. JournalError: the journal cannot be read.
            JournalBusy: the actor is at work in another runtime of this process.
        """
        actor, context = self._actor, self._actor.context
        cls = type(actor)
        if not hasattr(actor, "id"):
            raise RecoveryFailed(f"{cls.__qualname__}.__init__ is to call super().__init__(id): it has no id")
        self._ledger = ledger = await ledger_of(context.system.extensions, cls.__qualname__)()
        writer = os.urandom(16)
        question = OpenStream(actor.type_name, actor.id, name_of(cls), writer)
        found = await _found(ledger, question)
        folded = await recovered(actor, ledger, found)
        actor.state, actor.sequence_number = folded.state, folded.number
        first = EventBatch(found.number, writer, folded.number + 1)
        self._committer = Committer(
            ledger.journal, context.clock, first, on_stored=self._stored, on_failed=self._failed
        )
        name = f"{actor.type_name}/{actor.id}"
        self._obligations = Obligations(self, context, ledger, found, name=name)
        types = actor.followed()
        if types:
            self._follower = Follower(self, context, ledger, types, seen=folded.duties.seen)
            self._follower.begin()
        self._obligations.begin(folded.duties)

    async def settle(self) -> None:
        """Wait until nothing is on its way to the disk; nothing more is kept then."""
        if hasattr(self, "_obligations"):
            await self._committer.settle()
            last = self._committer.next
            self.give_up()
            with contextlib.suppress(MessagingError):
                self._ledger.journal.tell_nowait(CloseStream(last.stream, last.writer))

    def give_up(self) -> None:
        """The incarnation failed: what is on its way to the disk is no more its business."""
        if hasattr(self, "_obligations"):
            self._committer.end()
            self._obligations.end()
        if self._follower is not None:
            self._follower.end()

    # Commands

    def receive(self, message: Any) -> Any:
        """Handle one message; an awaitable where that takes more than a moment."""
        if type(message) is Due:
            return self._obligations.due(message)
        if type(message) is Delivered:
            return self._obligations.delivered(message)
        if type(message) is Follow and self._follower is not None:
            return self._follower.step()
        return self.handle(message, _COMMAND)

    def handle(self, command: Any, cause: Cause) -> Any:
        """Handle a command, and keep with its effect what it was caused by."""
        oversight = self._oversight
        oversight.begins(command)
        try:
            outcome = self._actor.handle(command)
            if type(outcome) is not Effect and hasattr(outcome, "__await__"):
                return self._finish(command, outcome, cause)
            oversight.ends(command, outcome)
            return self._conclude(as_effect(outcome), cause)
        except (Rejected, UnhandledMessage) as error:
            return self._said_no(error, cause)
        except BaseException as error:
            failure = own(error)
            if is_exit(failure) or not self._committer.is_busy:
                raise
            return self._raise_after_commit(failure)

    async def _finish(self, command: Any, pending: Any, cause: Cause) -> Any:
        try:
            given = await pending
            self._oversight.ends(command, given)
            outcome = self._conclude(as_effect(given), cause)
        except (Rejected, UnhandledMessage) as error:
            outcome = self._said_no(error, cause)
        except BaseException as error:
            if not (is_exit(error) or is_being_cancelled()):
                await self._committer.settle()
            raise
        return await outcome if hasattr(outcome, "__await__") else outcome

    def _said_no(self, error: Rejected | UnhandledMessage, cause: Cause) -> Any:
        """The handler raised this: the actor's own no is an answer, and what was owed is done with it. That of another
        actor is not, so what was owed has failed, and is tried again.
        """
        if cause is not _COMMAND:
            settled = failure_of(self._actor.context.self_ref.name, error)
            if settled is not error:
                return self._raise_after_commit(settled)
        if isinstance(error, Rejected):
            return self._refuse(error, cause)
        if cause is _COMMAND:
            return self._raise_after_commit(error)
        return self._refuse(Rejected(str(error)), cause.for_good())

    async def _raise_after_commit(self, error: BaseException) -> None:
        """The commands before the one that failed are not to fail with it."""
        await self._committer.settle()
        raise error

    def _refuse(self, rejection: Rejected, cause: Cause) -> Any:
        """Answer that a command is refused; not before that which it may have been refused for is on disk."""
        if cause is not _COMMAND:
            self._actor.context.log.warning("a message that was owed is rejected", reason=str(rejection))
        name = self._actor.context.self_ref.name
        return self._keep(NOTHING, FailedReply(failure_of(name, rejection)), cause)

    def _conclude(self, effect: Effect, cause: Cause) -> Any:
        if effect.rejection is not None:
            return self._refuse(effect.rejection, cause)
        if not (effect.events or effect.duties or cause is not _COMMAND or self._committer.is_busy):
            return self._done(effect)
        actor, batch, ledger = self._actor, self._committer.next, self._ledger
        try:
            kept = [actor.event_types.encode(event, ledger.encoder) for event in effect.events]
        except (TypeError, ValueNotKept) as error:
            raise Rejected(f"an event cannot be kept: {error}") from error
        state, number, is_due = actor.state, actor.sequence_number, False
        for event in effect.events:
            state = applied(actor.apply, state, event)
            number += 1
            is_due = is_due or actor.snapshots.is_due(state, event, number)
        answer = seal(self._oversight.answer_of(effect, state))
        actor.state, actor.sequence_number = state, number
        now = actor.context.clock.time() if kept else 0.0
        for name, body in kept:
            batch.add_event(name, body, now)
        outcome = self._keep(effect, answer, cause)
        if is_due:
            self._keep_state(batch, now)
        return outcome

    def _done(self, effect: Effect) -> Any:
        """There is nothing to keep, and nothing on its way."""
        state = self._actor.state
        answer = self._oversight.answer_of(effect, state)
        for callback in effect.after:
            callback(state)
        if effect.stops:
            self._actor.context.stop_self()
        return answer

    def _keep(self, effect: Effect, outcome: Any, cause: Cause) -> Any:
        """Let a command wait for the commit; an awaitable where too many do."""
        committer = self._committer
        batch = committer.next
        if effect.duties or cause is not _COMMAND:
            self._obligations.note(batch, effect.duties, cause)
        batch.settled.append(Settlement(self._deferred(), outcome, effect.after, self._actor.state, effect.stops))
        committer.flush_soon()
        return committer.room() if committer.is_full else None

    def _deferred(self) -> Delivery | None:
        try:
            return self._actor.context.defer()
        except RuntimeError:  # the handler has taken it already, to answer by itself, or put it aside
            return None

    def _keep_state(self, batch: EventBatch, now: float) -> None:
        actor = self._actor
        try:
            body = packed_state(actor.state, self._obligations.kept, self._ledger.encoder)
        except CuebookError as error:
            actor.context.log.warning("snapshot not kept", error=str(error), exc_info=error)
            return
        batch.add_snapshot(body, keep=actor.snapshots.keep, at=now)

    # What its obligations ask for

    def add(self, rows: Sequence[DutyRow]) -> None:
        """Keep duties that no command has to do with."""
        self._committer.next.add_duties(rows)
        self._committer.next.settled.append(Settlement(None, None))
        self._committer.flush_soon()

    def confirm(self) -> Any:
        """Answer the message in hand when all before it is on disk."""
        return self._keep(NOTHING, None, _COMMAND) if self._committer.is_busy else None

    # What its follower asks for

    def follow(self, envelope: EventEnvelope, handled: tuple[str, int]) -> Any:
        """Handle an event, and keep with its effect that it was handled."""
        return self.handle(envelope, Cause(delivery=handled))

    # Commits

    def _stored(self, batch: EventBatch) -> None:
        for each in batch.settled:
            if each.delivery is not None:
                each.delivery.settle(each.outcome)
        if batch.changed:
            self._obligations.stored(batch.changed)
        context = self._actor.context
        for each in batch.settled:
            for callback in each.after:
                try:
                    called(callback, each.state)
                except BaseException as error:
                    if is_exit(error):
                        raise
                    context.self_ref.kill(error)
                    return
            if each.stops:
                context.stop_self()

    def _failed(self, batches: list[EventBatch], error: CuebookError) -> None:
        for batch in batches:
            for each in batch.settled:
                if each.delivery is not None:
                    each.delivery.fail(error)
        self._actor.context.self_ref.kill(error)


async def _found(ledger: Ledger, question: OpenStream) -> StreamFound:
    try:
        found: StreamFound = await ledger.journal.ask(question, timeout=None)
    except ActorFailed as error:
        if isinstance(error.__cause__, JournalError):
            raise error.__cause__ from None
        raise
    return found
