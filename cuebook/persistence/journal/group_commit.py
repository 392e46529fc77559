"""Records of many tasks and threads, appended to one journal: what comes while the disk is busy shares the next commit.

Knows no kind of record.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

from cuebook.persistence.records.record import Entry

__all__ = ["GroupCommit"]

_ENTRIES_MAX = 512
_BYTES_MAX = 16 << 20


class _Waiting(NamedTuple):
    entry: Entry
    found: Future[int]
    on_disk: Callable[[int], object] | None


class GroupCommit:
    """Appends in the order in which records come.

    Args:
        start: begins a coroutine on the loop that the journal belongs to, from any thread.
        append: appends records there, all or none, and gives their numbers.
    """

    def __init__(
        self,
        start: Callable[[Coroutine[Any, Any, None]], object],
        append: Callable[[Sequence[Entry]], Awaitable[Sequence[int]]],
    ) -> None:
        self._start = start
        self._append = append
        self._lock = threading.Lock()
        self._waiting: deque[_Waiting] = deque()
        self._is_at_work = False

    def add(self, entry: Entry, on_disk: Callable[[int], object] | None = None) -> Future[int]:
        """Append a record; gives its number once it is on disk. What has come this far cannot be cancelled.

        Args:
            on_disk: called with the number, on the journal's loop, before anybody is answered.

        Raises:
            RuntimeError: the loop has ended. From the answer, JournalError: it could not be written.
        """
        found: Future[int] = Future()
        found.set_running_or_notify_cancel()
        with self._lock:
            self._waiting.append(_Waiting(entry, found, on_disk))
            is_first, self._is_at_work = not self._is_at_work, True
        if is_first:
            try:
                self._start(self._work())
            except BaseException as error:
                self._give_up(error)
                raise
        return found

    async def _work(self) -> None:
        while batch := self._next():
            try:
                numbers = await self._append([each.entry for each in batch])
            except Exception as error:
                for each in batch:
                    each.found.set_exception(error)
            except BaseException as error:
                for each in batch:
                    each.found.set_exception(error)
                self._give_up(error)
                raise
            else:
                for each, number in zip(batch, numbers, strict=True):
                    if each.on_disk is not None:
                        each.on_disk(number)
                    each.found.set_result(number)

    def _next(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size = 0
        with self._lock:
            while self._waiting and len(batch) < _ENTRIES_MAX and size < _BYTES_MAX:
                batch.append(self._waiting.popleft())
                size += len(batch[-1].entry.body or b"")
            self._is_at_work = bool(batch)
            return batch

    def _give_up(self, error: BaseException) -> None:
        with self._lock:
            waiting, self._waiting, self._is_at_work = self._waiting, deque(), False
        for each in waiting:
            each.found.set_exception(error)
