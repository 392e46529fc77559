"""The Journal actor: whatever waits when the disk is free goes into one transaction. Knows no run's state."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from cuebook.actors.commits import Commit, Refusal, answered, gathered
from cuebook.actors.messages import Append, ReadState, Recover, Recovered, StateRead
from cuebook.actors.stream_messages import AppendEvents, CloseStream, OpenStream, StreamFound
from cuebook.errors import CuebookError, InternalError
from cuebook.persistence.journal.file import JournalFile
from cuebook.persistence.journal.streams import opening
from cuebook.persistence.records.record import Kind
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
    """

    backlog: deque[Delivery] = field(default_factory=deque)
    stored: asyncio.Future[list[int]] | None = None
    commit: Commit = field(default_factory=Commit)
    broken: dict[int, Refusal] = field(default_factory=dict)


class JournalActor(Actor):
    """The one way to the journal file of a runtime; completed means committed, here.

    Args:
        file: the open journal; closed by whoever opened it.
        unanswered: what earlier incarnations have left.
    """

    def __init__(self, file: JournalFile, unanswered: Unanswered | None = None) -> None:
        self.file = file
        self._left = Unanswered() if unanswered is None else unanswered

    async def on_start(self) -> None:
        """Answer what a failed incarnation had in hand: its commit went on without it."""
        await self._work_off()

    async def receive_many(self, deliveries: list[Delivery]) -> None:
        """Commit every waiting append in one transaction (one sync), then answer each, in order."""
        self._left.backlog.extend(deliveries)
        await self._work_off()

    async def _work_off(self) -> None:
        # Nothing is timed: a transaction takes whatever has come while the one before it was being synced. So batches
        # grow on a slow disk and stay small on a fast one, without a delay that a lone append would pay for.
        left = self._left
        while left.stored is not None or left.backlog:
            if left.stored is None and not isinstance(left.backlog[0].message, Append | AppendEvents):
                self._read(left.backlog.popleft())
                continue
            if left.stored is None:
                self._begin_commit(left)
            if left.stored is not None:
                await self._end_commit(left, left.stored)

    def _begin_commit(self, left: Unanswered) -> None:
        """Start one transaction of the appends that head the backlog, unless none of them may write."""
        left.commit = commit = gathered(left.backlog, self.file.streams, left.broken)
        if commit.waiting:
            left.stored = asyncio.ensure_future(self.file.append(commit.entries, states=commit.states))
            left.stored.add_done_callback(_seen)

    async def _end_commit(self, left: Unanswered, stored: asyncio.Future[list[int]]) -> None:
        try:
            seqs = await asyncio.shield(stored)
        except Exception as error:
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
                delivery.reply(StreamFound(*self.file.streams.take(head, message.writer)))
            except CuebookError as error:
                delivery.fail(error)
        else:
            delivery.fail(InternalError(f"the Journal got {message!r}"))

    def _records(self, question: Recover) -> list[list[Any]]:
        found: list[list[Any]] = []
        size = 0
        kinds = (Kind.COMPLETED, Kind.FAILED, Kind.STATE, Kind.RUN_CLOSED)
        for record in self.file.records(after=question.after, kinds=kinds, runs=(question.run,)):
            found.append([record.seq, int(record.kind), record.head, record.body])
            size += len(record.head) + len(record.body or b"")
            if size > RECOVERED_BYTES_MAX:
                break
        return found


def _seen(stored: asyncio.Future[list[int]]) -> None:
    """Its failure is answered by the next incarnation; where there is none, by nobody, as nobody waits any more."""
    if not stored.cancelled():
        stored.exception()
