"""The Journal actor: whatever waits when the disk is free goes into one transaction. Knows no run's state."""

from __future__ import annotations

from typing import Any

from cuebook.actors.messages import Append, Appended, AppendFailed, ReadState, Recover, Recovered, StateRead
from cuebook.persistence.journal import JournalFile
from cuebook.persistence.record import Entry, Kind
from cuebook.runtime.actor import Actor, Delivery
from cuebook.runtime.errors import CuebookError, InternalError, JournalError

__all__ = ["JournalActor"]

RECOVERED_BYTES_MAX = 16 * 1024 * 1024
"""Records in one answer to Recover, about; the asker asks again for more."""
TRANSACTION_BYTES_MAX = 64 * 1024 * 1024


class JournalActor(Actor):
    """The one way to the journal file of a runtime; completed means committed, here.

    Args:
        file: the open journal; closed by whoever opened it.
    """

    def __init__(self, file: JournalFile) -> None:
        self.file = file

    async def receive_many(self, deliveries: list[Delivery]) -> None:
        """Commit every waiting append in one transaction (one sync), then answer each, in order."""
        waiting: list[Delivery] = []
        size = 0
        for delivery in deliveries:
            message = delivery.message
            if isinstance(message, Append):
                waiting.append(delivery)
                size += sum(len(head) + len(body or b"") for _, head, body in message.entries)
                if size < TRANSACTION_BYTES_MAX:
                    continue
            await self._commit(waiting)
            waiting, size = [], 0
            if not isinstance(message, Append):
                self._read(delivery)
        await self._commit(waiting)

    async def _commit(self, waiting: list[Delivery]) -> None:
        if not waiting:
            return
        entries: list[Entry] = []
        states: dict[int, bytes] = {}
        for delivery in waiting:
            message = delivery.message
            for place, state in message.states:
                states[len(entries) + place] = state
            entries.extend(Entry(Kind(kind), message.run, head, body) for kind, head, body in message.entries)
        try:
            seqs = await self.file.append(entries, states=states)
        except JournalError as error:
            for delivery in waiting:
                self._answer(delivery, AppendFailed(delivery.message.ticket, type(error).__name__, str(error)))
            return
        end = 0
        for delivery in waiting:
            end += len(delivery.message.entries)
            self._answer(delivery, Appended(delivery.message.ticket, seqs[end - 1] if end else 0))

    def _answer(self, delivery: Delivery, answer: Any) -> None:
        if delivery.sender is not None:
            delivery.sender.tell_nowait(answer)
        else:
            delivery.reply(answer)

    def _read(self, delivery: Delivery) -> None:
        message = delivery.message
        if isinstance(message, Recover):
            delivery.reply(Recovered(self._records(message)))
        elif isinstance(message, ReadState):
            try:
                state = self.file.state(message.seq)
            except CuebookError:
                state = None
            self._answer(delivery, StateRead(message.worker, message.ticket, state))
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
