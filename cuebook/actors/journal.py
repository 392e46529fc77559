"""The Journal actor: whatever waits when the disk is free goes into one transaction. Knows no run's state."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from cuebook.actors.messages import Append, Appended, AppendFailed, ReadState, Recover, Recovered, StateRead
from cuebook.persistence.journal import JournalFile
from cuebook.persistence.record import Entry, Kind
from cuebook.runtime.actor import Actor, Delivery
from cuebook.runtime.errors import CuebookError, InternalError

__all__ = ["JournalActor", "Unanswered"]

RECOVERED_BYTES_MAX = 16 * 1024 * 1024
"""Records in one answer to Recover, about; the asker asks again for more."""
TRANSACTION_BYTES_MAX = 64 * 1024 * 1024


@dataclass(slots=True)
class Unanswered:
    """What the Journal has taken in hand and not answered; it outlives the incarnations of the actor.

    Attributes:
        backlog: messages in order.
        commit: the transaction under way, which no failure of the actor cuts off; `waiting` are its appends.
        broken: runs of which something was not kept that nobody waits for (arguments of an iterator), and why. What
            follows of them is refused: results without arguments would be found by no later run.
    """

    backlog: deque[Delivery] = field(default_factory=deque)
    commit: asyncio.Future[list[int]] | None = None
    waiting: list[Delivery] = field(default_factory=list)
    broken: dict[int, tuple[str, str]] = field(default_factory=dict)


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
        left = self._left
        while left.commit is not None or left.backlog:
            if left.commit is None and not isinstance(left.backlog[0].message, Append):
                self._read(left.backlog.popleft())
                continue
            if left.commit is None:
                self._begin_commit(left)
            if left.commit is not None:
                await self._end_commit(left)

    def _begin_commit(self, left: Unanswered) -> None:
        """Start one transaction of the appends that head the backlog."""
        entries: list[Entry] = []
        states: dict[int, bytes] = {}
        size = 0
        while left.backlog and size < TRANSACTION_BYTES_MAX and isinstance(left.backlog[0].message, Append):
            delivery = left.backlog.popleft()
            message = delivery.message
            if _opens(message):  # a number whose opening was not kept is given to the next run
                left.broken.pop(message.run, None)
            if message.run in left.broken:
                self._answer(delivery, AppendFailed(message.ticket, *left.broken[message.run]))
                continue
            left.waiting.append(delivery)
            for place, state in message.states:
                states[len(entries) + place] = state
            entries.extend(Entry(Kind(kind), message.run, head, body) for kind, head, body in message.entries)
            size += sum(len(head) + len(body or b"") for _, head, body in message.entries)
        if left.waiting:
            left.commit = asyncio.ensure_future(self.file.append(entries, states=states))

    async def _end_commit(self, left: Unanswered) -> None:
        assert left.commit is not None
        try:
            seqs = await asyncio.shield(left.commit)
        except Exception as error:
            why = type(error).__name__, str(error)
            for delivery in left.waiting:
                if not delivery.is_open and delivery.sender is None:
                    left.broken[delivery.message.run] = why
                self._answer(delivery, AppendFailed(delivery.message.ticket, *why))
        else:
            end = 0
            for delivery in left.waiting:
                end += len(delivery.message.entries)
                self._answer(delivery, Appended(delivery.message.ticket, seqs[end - 1] if end else 0))
        left.commit = None
        left.waiting.clear()

    def _answer(self, delivery: Delivery, answer: Any) -> None:
        if delivery.is_open:
            delivery.reply(answer)
        elif delivery.sender is not None:
            delivery.sender.tell_nowait(answer)

    def _read(self, delivery: Delivery) -> None:
        message = delivery.message
        if isinstance(message, Recover):
            delivery.reply(Recovered(self._records(message)))
        elif isinstance(message, ReadState):
            try:
                state = self.file.state(message.seq)
            except CuebookError:
                state = None
            self._answer(delivery, StateRead(message.worker, message.host, message.ticket, state))
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


def _opens(message: Append) -> bool:
    return any(kind == Kind.RUN_OPENED for kind, _, _ in message.entries)
