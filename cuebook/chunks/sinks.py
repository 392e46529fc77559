"""Where committed outcomes go: into the list that `chunk()` returns, or into a stream. Knows no actor."""

from __future__ import annotations

import asyncio
import gc
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cuebook.actors.runs.sink import CommittedResults
from cuebook.errors import CallFailed, ResultNotRebuilt
from cuebook.persistence.records.bodies import durations_of, starts_of
from cuebook.persistence.records.run_heads import Completed
from cuebook.persistence.values.whole import NotRebuilt, WholeDecoder

__all__ = ["Done", "ListSink", "StreamSink", "grow_old"]

_LARGE = 50_000
_FROZEN_MAX = 1_000
"""Python 3.12 freezes some 400 objects of its own when it starts; a program that does so has far more."""


def grow_old(items: list[Any]) -> None:
    """Have the garbage collector take a large new list for an old one, with all else that is new in this process.

    It goes through each new container twice before it takes it for old: 26 ms a million items. Nothing happens where
    the program has frozen what it has. Cost: under a microsecond.
    """
    if len(items) >= _LARGE and gc.get_freeze_count() < _FROZEN_MAX:
        gc.freeze()
        gc.unfreeze()


@dataclass(frozen=True, slots=True)
class Done:
    """One finished call of a stream.

    Attributes:
        index: its place among the parameters, from 0.
        arguments: as given (a list, a tuple or a dict); None for a reused call of an iterator.
        value: the result; None where the call failed.
        error: the CallFailed, or None.
        reused: whether the result was in the journal before.
        seconds: how long the call ran.
        started: when it began, seconds since 1970; None for a reused or a failed call.
    """

    index: int
    arguments: Any
    value: Any
    error: CallFailed | None
    reused: bool
    seconds: float
    started: float | None = None


def _checked(done: Done) -> Done:
    if type(done.value) is not NotRebuilt:
        return done
    return replace(done, value=None, error=_not_rebuilt(done.index, done.arguments, done.value))


def _not_rebuilt(index: int, arguments: Any, value: NotRebuilt) -> ResultNotRebuilt:
    text = f"its result is kept, but cannot be rebuilt here: {value.reason}"
    return ResultNotRebuilt(index, arguments, error_type="ResultNotRebuilt", error_text=text)


def _known(arguments: Callable[[int], Any], index: int) -> Any:
    try:
        return arguments(index)
    except KeyError:  # of an iterator's reused call: they are held by nobody
        return None


class ListSink:
    """The results in the order of the parameters; grows where the source has no length.

    Args:
        total: number of calls, None where it is not known.
        decoder: of the results.
        collects: whether failures take their calls' places.
        arguments: the arguments of a call, where they are known.
    """

    def __init__(
        self, total: int | None, decoder: WholeDecoder, *, collects: bool, arguments: Callable[[int], Any]
    ) -> None:
        self.output: list[Any] = [None] * (total or 0)
        grow_old(self.output)
        self._decoder = decoder
        self._collects = collects
        self._arguments = arguments
        self._misses = 0
        self.on_room_for_more: Callable[[], None] = lambda: None

    @property
    def has_room(self) -> bool:
        return True

    def keep(self, results: CommittedResults) -> Sequence[CallFailed]:
        return self.put(results.indexes, self._decoder.decode_many(results.body, len(results.indexes)))

    def put(self, indexes: Sequence[int], values: Sequence[Any]) -> Sequence[CallFailed]:
        """These calls have these values. Returns the errors of those that cannot be rebuilt here."""
        errors: Sequence[CallFailed] = ()
        if self._decoder.misses != self._misses:
            values, errors = self._told(indexes, values)
        output = self.output
        if isinstance(indexes, range):
            self._grow(indexes.stop)
            output[indexes.start : indexes.stop] = values
            return errors
        for index, value in zip(indexes, values, strict=True):
            self._grow(index + 1)
            output[index] = value
        return errors

    def reuse(self, index: int, arguments: Any, value: Any, seconds: float) -> Sequence[CallFailed]:
        """A call whose result was there before. Returns its error where that cannot be rebuilt here."""
        del arguments, seconds
        values, errors = self._told([index], [value]) if type(value) is NotRebuilt else ([value], [])
        self._grow(index + 1)
        self.output[index] = values[0]
        return errors

    def _told(self, indexes: Sequence[int], values: Sequence[Any]) -> tuple[list[Any], list[CallFailed]]:
        """The values, with an error (or nothing) in the place of what could not be rebuilt; and those errors."""
        self._misses = self._decoder.misses
        told: list[Any] = list(values)
        errors: list[CallFailed] = []
        for place, (index, value) in enumerate(zip(indexes, values, strict=True)):
            if type(value) is NotRebuilt:
                error = _not_rebuilt(index, _known(self._arguments, index), value)
                errors.append(error)
                told[place] = error if self._collects else None
        return told, errors

    def fail(self, error: CallFailed) -> None:
        if self._collects:
            self.put([error.index], [error])

    def _grow(self, length: int) -> None:
        missing = length - len(self.output)
        if missing > 0:
            self.output.extend([None] * missing)


class StreamSink:
    """Outcomes in the order of completion, a bounded number of them.

    Args:
        decoder: of the results.
        arguments: the arguments of a call that is not done.
        room: outcomes that may wait for the consumer; beyond it no more calls are started.
        on_room: called when there is room again.
    """

    def __init__(
        self,
        decoder: WholeDecoder,
        *,
        arguments: Callable[[int], Any],
        room: int,
        on_room: Callable[[], None],
    ) -> None:
        self._decoder = decoder
        self._arguments = arguments
        self._room = room
        self._on_room = on_room
        self._waiting: deque[Done] = deque()
        self._wakeup: asyncio.Future[None] | None = None
        self._is_choked = False
        self._roomy = asyncio.Event()
        self._roomy.set()
        self._pump: asyncio.Task[None] | None = None
        self.is_over = False
        self.on_room_for_more: Callable[[], None] = lambda: None

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def has_room(self) -> bool:
        return len(self._waiting) < self._room

    def keep(self, results: CommittedResults) -> Sequence[CallFailed]:
        values = self._decoder.decode_many(results.body, len(results.indexes))
        head = Completed.decode(results.head)
        arguments, t0 = self._arguments, head.t0
        times = zip(durations_of(head), starts_of(head), strict=True)
        for index, value, (seconds, start) in zip(results.indexes, values, times, strict=True):
            self._waiting.append(_checked(Done(index, arguments(index), value, None, False, seconds, t0 + start)))
        self._wake()
        return ()  # each is told with its own call: what becomes of the run is the consumer's affair

    def reuse(self, index: int, arguments: Any, value: Any, seconds: float) -> Sequence[CallFailed]:
        """A call whose result was there before."""
        self._waiting.append(_checked(Done(index, arguments, value, None, True, seconds)))
        self._wake()
        return ()

    def fail(self, error: CallFailed) -> None:
        self._waiting.append(Done(error.index, error.arguments, None, error, False, 0.0))
        self._wake()

    def close(self) -> None:
        """Nothing follows but what is still being read of reused results."""
        if self._pump is not None and not self._pump.done():
            self._pump.add_done_callback(lambda _: self.close())
            return
        self.is_over = True
        self._wake()

    def hold(self, pump: asyncio.Task[None]) -> None:
        """Results of earlier runs are read by this task: the stream ends no earlier."""
        self._pump = pump

    def abandon(self) -> None:
        """The consumer has left."""
        if self._pump is not None:
            self._pump.cancel()

    async def settled(self) -> None:
        """Until nothing is read for it any more."""
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.wait([self._pump])

    async def wait_for_room(self) -> None:
        """Until the consumer has caught up."""
        await self._roomy.wait()

    def _wake(self) -> None:
        if not self.has_room:
            self._is_choked = True
            self._roomy.clear()
        if self._wakeup is not None and not self._wakeup.done():
            self._wakeup.set_result(None)

    async def take(self) -> Done | None:
        """The next outcome; None at the end."""
        while not self._waiting:
            if self._pump is not None and self._pump.done() and not self._pump.cancelled():
                self._pump.result()
            if self.is_over:
                return None
            self._wakeup = asyncio.get_running_loop().create_future()
            await self._wakeup
        done = self._waiting.popleft()
        if self._is_choked and len(self._waiting) <= self._room // 2:
            self._is_choked = False
            self._roomy.set()
            self._on_room()
            self.on_room_for_more()
        return done
