"""Batches of one durable actor on their way to the disk: one is being committed while the next is gathered.

Knows no command and no state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from cuebook import errors
from cuebook.actors.stream_messages import AppendEvents, EventsRefused
from cuebook.clock import Clock
from cuebook.durable.batch import EventBatch
from cuebook.durable.owed.posting import post
from cuebook.errors import CuebookError, JournalError
from cuebook.runtime.refs.ref import ActorRef

__all__ = ["Committer", "error_of"]

COMMANDS_MAX = 1024
"""Commands that may wait for one commit; then the next ones wait in the mailbox."""
BYTES_MAX = 4 * 1024 * 1024
PASSES = 3
"""Times that the loop goes round from an answer to the next command of whoever got it, and its being handled."""


class Committer:
    """Commits in order; after a failure nothing more.

    Args:
        journal: who commits. first: number of the next event.
        on_stored: called with a batch that is on disk. on_failed: called once, with batches that are not, and why.

    Attributes:
        next: the batch that is being gathered.
    """

    def __init__(
        self,
        journal: ActorRef,
        clock: Clock,
        first: EventBatch,
        *,
        on_stored: Callable[[EventBatch], None],
        on_failed: Callable[[list[EventBatch], CuebookError], None],
    ) -> None:
        self.next = first
        self._journal = journal
        self._clock = clock
        self._on_stored = on_stored
        self._on_failed = on_failed
        self._in_flight: EventBatch | None = None
        self._is_flushing = False
        self._is_over = False
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def is_busy(self) -> bool:
        """Whether something is not on disk yet."""
        return self._in_flight is not None or bool(self.next)

    @property
    def is_full(self) -> bool:
        """Whether the batch that is being gathered is as large as it may be."""
        return len(self.next.settled) >= COMMANDS_MAX or self.next.size >= BYTES_MAX

    async def settle(self) -> None:
        """Until everything is on disk, or failed."""
        while self.is_busy and not self._is_over:
            await self._next_end()

    async def room(self) -> None:
        """Until the batch that is being gathered is not full, or failed."""
        while self.is_full and not self._is_over:
            await self._next_end()

    def flush_soon(self) -> None:
        """Commit what was gathered: once the commands that wait now are handled, and the commit before is done."""
        if not self._is_flushing and self._in_flight is None:
            self._is_flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def end(self) -> None:
        """Forget what is under way: the incarnation is over."""
        self._is_over = True
        self._wake()

    def _flush_after(self, passes: int) -> None:
        """Flush when the loop has gone round so often: whoever was just answered may have sent the next command by
        then, and one commit of all is faster than two of half of them.
        """
        if passes and not self.is_full:
            self._is_flushing = True
            asyncio.get_running_loop().call_soon(self._flush_after, passes - 1)
        else:
            self._flush()

    def _flush(self) -> None:
        self._is_flushing = False
        while self.next and self._in_flight is None and not self._is_over:
            batch = self.next
            batch.close(self._clock.time())
            self.next = batch.successor()
            if batch.entries:
                self._in_flight = batch
                states = tuple(batch.states)
                append = AppendEvents(
                    batch.stream, batch.writer, batch.first, batch.count, entries=tuple(batch.entries), states=states
                )
                post(self._journal, append, self._answered)
            else:
                self._on_stored(batch)
                self._wake()

    def _answered(self, answer: Any, error: CuebookError | None) -> None:
        batch = self._in_flight
        if batch is None or self._is_over:
            return
        if type(answer) is EventsRefused:
            error = error_of(answer)
        if error is not None:
            self._is_over = True
            self._on_failed([batch, self.next], error)
        else:
            self._in_flight = None
            self._on_stored(batch)
            self._flush_after(PASSES)
        self._wake()

    async def _next_end(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        await waiter

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)


def error_of(refused: EventsRefused) -> CuebookError:
    """The error that the Journal has named."""
    kind = getattr(errors, refused.error, None)
    if isinstance(kind, type) and issubclass(kind, JournalError):
        return kind(refused.text)
    return JournalError(f"{refused.error}: {refused.text}")
