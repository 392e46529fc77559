"""The Journal actor: whatever waits when the disk is free goes into one transaction. Knows no run's state."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field

from cuebook.actors.commits import Appending, Commit, Refusal, answered, gathered
from cuebook.actors.messages import CommitEnded, ReadState, Recover, Recovered, StateRead
from cuebook.actors.stream_messages import CloseStream, OpenStream, StreamFound
from cuebook.errors import CuebookError, InternalError, MessagingError
from cuebook.persistence.journal.streams import opening
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.records.record import Kind, Record
from cuebook.runtime.cells.actor import Actor, Delivery

__all__ = ["JournalActor", "Unanswered"]

RECOVERED_BYTES_MAX = 16 * 1024 * 1024
"""Records in one answer to Recover, about; the asker asks again for more."""


@dataclass(slots=True)
class Unanswered:
    """What the Journal has taken in hand and not answered; it outlives the incarnations of the actor.

    Attributes:
        backlog: messages in order.
        stored: the transaction under way, which no failure of the actor cuts off; `commit` is what is in it.
        broken: runs of which something was not kept that nobody waits for (arguments of an iterator), and why. What
            follows of them is refused: results without arguments would be found by no later run.
        is_closing: the last incarnation waits for the end of what is under way.
    """

    backlog: deque[Delivery] = field(default_factory=deque)
    stored: asyncio.Future[list[int]] | None = None
    commit: Commit = field(default_factory=Commit)
    broken: dict[int, Refusal] = field(default_factory=dict)
    is_closing: bool = False


class JournalActor(Actor):
    """The one way to the journal file of a runtime; completed means committed, here.

    Args:
        file: the open journal; closed by whoever opened it.
        unanswered: what earlier incarnations have left.
    """

    def __init__(self, file: JournalWriter, unanswered: Unanswered | None = None) -> None:
        self.file = file
        self._left = Unanswered() if unanswered is None else unanswered

    async def on_start(self) -> None:
        """Answer what a failed incarnation had in hand: its commit went on without it."""
        self._work_off()

    async def on_stop(self) -> None:
        """Everything that came in is answered before the end."""
        self._left.is_closing = True
        while (stored := self._left.stored) is not None:
            await asyncio.wait([stored])
            self._work_off()

    def receive_many(self, deliveries: list[Delivery]) -> None:
        """Commit every waiting append in one transaction (one sync), then answer each, in order."""
        self._left.backlog.extend(each for each in deliveries if not isinstance(each.message, CommitEnded))
        self._work_off()

    def _work_off(self) -> None:
        # Group commit: one transaction is under way at a time, and nothing waits for a timer. What comes in meanwhile
        # stays in the backlog and is the next transaction, so that a slow disk makes large ones: each result waits for
        # two syncs at most, and the more there are, the less a sync costs each. The actor itself never waits, as a
        # task for each commit was a tenth of what a committed result of a short call costs.
        left = self._left
        while left.stored is None or left.stored.done():
            if left.stored is not None:
                self._answer(left, left.stored)
            elif not left.backlog:
                return
            elif isinstance(left.backlog[0].message, Appending):
                self._begin_commit(left)
            else:
                self._read(left.backlog.popleft())

    def _begin_commit(self, left: Unanswered) -> None:
        """Start one transaction of the appends that head the backlog, unless none of them may write."""
        left.commit = commit = gathered(left.backlog, self.file.streams, left.broken)
        if commit.waiting:
            left.stored = self.file.start_append(commit.entries, states=commit.states)
            left.stored.add_done_callback(self._ended)

    def _ended(self, stored: asyncio.Future[list[int]]) -> None:
        """A transaction is over: whichever incarnation lives then answers it."""
        if not stored.cancelled():
            stored.exception()  # where no incarnation lives any more nobody waits for it
        if not self._left.is_closing:
            with suppress(MessagingError):
                self.context.self_ref.tell_nowait(CommitEnded())

    def _answer(self, left: Unanswered, stored: asyncio.Future[list[int]]) -> None:
        try:
            seqs = stored.result()
        except (Exception, asyncio.CancelledError) as error:
            refusal = Refusal(type(error).__name__, str(error))
            left.broken.update(left.commit.refused(refusal, self.file.streams))
        else:
            left.commit.stored(seqs)
        left.stored, left.commit = None, Commit()

    def _read(self, delivery: Delivery) -> None:
        message = delivery.message
        if isinstance(message, Recover):
            delivery.reply(Recovered(self._records(message)))
        elif isinstance(message, ReadState):
            try:
                state = self.file.state(message.seq)
            except CuebookError:
                state = None
            answered(delivery, StateRead(message.worker, message.host, message.ticket, state))
        elif isinstance(message, CloseStream):
            self.file.streams.leave(message.stream, message.writer)
        elif isinstance(message, OpenStream):
            try:
                head = opening(message.type, message.id, message.where)
                streams = self.file.streams
                number, last = streams.take(head, message.writer, id(self.file))
                delivery.reply(StreamFound(number, last, streams.opened_at(number)))
            except CuebookError as error:
                delivery.fail(error)
        else:
            delivery.fail(InternalError(f"the Journal got {message!r}"))

    def _records(self, question: Recover) -> tuple[Record, ...]:
        found: list[Record] = []
        size = 0
        kinds = (Kind.COMPLETED, Kind.FAILED, Kind.STATE, Kind.RUN_CLOSED)
        for record in self.file.records(after=question.after, kinds=kinds, runs=(question.run,)):
            found.append(record)
            size += len(record.head) + len(record.body or b"")
            if size > RECOVERED_BYTES_MAX:
                break
        return tuple(found)
