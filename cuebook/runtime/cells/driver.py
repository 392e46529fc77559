"""Runs work that mostly needs no waiting: by steps of the ready queue, and in a task only while it awaits.

The work is a generator: it yields an awaitable to be awaited (and gets its value or its error back), or
None to let others run; it ends when there is nothing to do. Knows no actor.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Coroutine, Generator
from types import FrameType
from typing import Any, ClassVar, Protocol

from anyio.lowlevel import checkpoint

from cuebook.runtime.refs.ready import ReadyQueue
from cuebook.runtime.tasks.exits import own
from cuebook.runtime.tasks.hold import Hold
from cuebook.runtime.tasks.tasks import Tasks

__all__ = ["IDLE", "Driven", "Driver", "Idle", "Step", "Work", "driven_in"]

Work = Generator[Awaitable[Any] | None, Any, None]


class Idle:
    """In place of something to be awaited: there is nothing to do."""


IDLE = Idle()
Step = Awaitable[Any] | Idle | None
"""What a piece of work comes to: it is to be awaited; there is nothing to do; None: it is done."""


_ENDS = (KeyboardInterrupt, SystemExit, asyncio.CancelledError, GeneratorExit)
"""The end of the program, of a task, of a generator: they go on their way."""


class _Done:
    """In place of a step: the work has come to its end."""


_DONE = _Done()
_CUT = asyncio.CancelledError("cut off")
"""In place of an error that the work is to get: it gets none, and is lost."""
_LEFT = asyncio.CancelledError("left behind")
"""The same of a driver that let go of what it awaited."""
_Step = Awaitable[Any] | None | _Done


class Driven(Protocol):
    """Something with work to do."""

    ready: ReadyQueue

    @property
    def name(self) -> str:
        """Whose it is."""

    def tasks(self) -> Tasks:
        """Where it awaits."""

    def work(self) -> Work:
        """Begin the work."""

    def doing(self) -> str:
        """What the work is at, in a word or none."""

    def on_fatal(self, error: BaseException) -> None:
        """The work raised a group with the end of the program in it, which asyncio does not let out of the loop."""

    def on_lost(self) -> None:
        """The work was cut off by cancellation from outside or by an exit of the program."""

    def on_broken(self, error: BaseException) -> None:
        """The work itself raised: it is in no state to go on."""

    def on_left(self, *, is_lost: bool) -> None:
        """What it awaited obeys no cancellation, and was left behind with the work: go on with another driver.

        Parameters:
            is_lost: it was cut off, as in `on_lost`.
        """


class Driver:
    """Drives one work at a time, in a context of its own; a wake-up while it runs is the work's to see.

    Parameters:
        driven: whose work it is.

    Attributes:
        is_awake: whether the work is under way, or will be soon.
    """

    __slots__ = ("_awaits", "_context", "_error", "_hold", "_work", "driven", "is_awake")

    def __init__(self, driven: Driven, context: contextvars.Context) -> None:
        self.driven = driven
        self._context = context
        self.is_awake = False
        self._awaits = False
        self._work: Work | None = None
        self._hold: Hold | None = None
        self._error: BaseException | None = None

    def wake(self) -> None:
        """Begin the work soon, if it is not under way."""
        if not self.is_awake:
            self.is_awake = True
            self.driven.ready.add(self)

    def step(self) -> None:
        """Do one slice of the work."""
        ready = self.driven.ready
        if not ready.is_entered:
            ready.enter()
        self._context.run(self._slice)

    def step_alone(self) -> None:
        """The same, in a callback of its own."""
        try:
            self.step()
        finally:
            if self.driven.ready.is_entered:
                self.driven.ready.leave()

    def interrupt(self, error: BaseException) -> Hold | None:
        """End what is being awaited: the work gets `error` there. The hold on that; None where nothing is awaited."""
        if not self._awaits:
            return None
        if self._error is not _CUT:
            self._error = error
            if self._hold is not None:
                self._hold.cancel()
        return self._hold

    def holds(self, hold: Hold) -> bool:
        """Whether what this was a hold on is still being awaited."""
        return self._hold is hold

    def cancel(self) -> None:
        """End the task, if there is one, and the work with it."""
        self._error = _CUT
        if self._hold is not None:
            self._hold.cancel()

    def leave(self) -> None:
        """Let go of what is being awaited, for good; the work is over, and this driver drives no other."""
        hold, is_lost = self._hold, self._error is _CUT
        if hold is None:
            return
        hold.let_go()
        self.driven.tasks().leave(self)
        self._lose()
        self._error = _LEFT
        self.driven.on_left(is_lost=is_lost)

    def successor(self) -> Driver:
        """Another one for the same, in the same context."""
        return Driver(self.driven, self._context)

    def _slice(self) -> None:
        if self._work is None:
            self._work = self.driven.work()
        try:
            step = self._advance(None)
            if step is None:
                self.driven.ready.add_last(self)
            elif step is _DONE:
                self.is_awake = False
            else:
                self._await(step)
        except BaseException as error:
            self._end_with(error)
            if isinstance(error, _ENDS):
                raise

    def _await(self, step: _Step) -> None:
        self._awaits = True
        self._hold = Hold()  # it may be cancelled before the task has begun
        try:
            self.driven.tasks().start(self._drive(step), self, name=self.driven.name)
        except BaseException:
            _close(step)
            raise

    async def _drive(self, step: _Step) -> None:
        try:
            while step is not _DONE:
                hold = self._hold = self._hold or Hold()
                with hold:
                    step = await self._until_cancelled(step, hold)
                if self._error is _LEFT:
                    return
                self._hold = None
                error, self._error = self._error, None
                if error is _CUT and step is not _DONE:
                    _close(step)
                    self._lose()
                    self.driven.on_lost()
                    return
                if hold.has_caught:
                    step = self._throw(error or asyncio.CancelledError())
        except BaseException as error:
            if self._error is not _LEFT:
                self._end_with(error)
            if isinstance(error, _ENDS):
                raise
            return
        # What handlers set in their context holds for the next ones.
        self._context = contextvars.copy_context()
        self.is_awake = False

    def _end_with(self, error: BaseException) -> None:
        self._lose()
        if isinstance(error, Exception):
            self.driven.on_broken(error)
        elif isinstance(error, _ENDS):
            self.driven.on_lost()
        else:
            self.driven.on_fatal(error)

    async def _until_cancelled(self, step: _Step, hold: Hold) -> _Step:
        """Go on until the work ends, or the hold is cancelled although the awaitable ended by itself."""
        while not isinstance(step, _Done):
            if step is None:
                await checkpoint()
                step = self._advance(None)
            else:
                step = await self._until_answered(step)
            if hold.is_cancelled:
                break
        return step

    async def _until_answered(self, step: Awaitable[Any]) -> _Step:
        self._awaits = True
        try:
            value = await step
        except BaseException as error:
            if self._error is _LEFT and not isinstance(error, _ENDS):
                return _DONE
            self._awaits = False
            if self._hold is None or self._hold.is_end(error):
                raise
            return self._throw(own(error))
        if self._error is _LEFT:
            return _DONE
        self._awaits = False
        return self._advance(value)

    def _advance(self, value: Any) -> _Step:
        assert self._work is not None
        try:
            return self._work.send(value)
        except StopIteration:
            self._work = None
            return _DONE

    def _throw(self, error: BaseException) -> _Step:
        assert self._work is not None
        try:
            return self._work.throw(error)
        except StopIteration:
            self._work = None
            return _DONE

    def _lose(self) -> None:
        work, self._work = self._work, None
        if work is not None:
            work.close()
        self._error = self._hold = None
        self.is_awake = self._awaits = False

    STEPS: ClassVar = (_slice.__code__, _drive.__code__)
    """The code that is below an actor's own on a thread's stack."""


def driven_in(frame: FrameType | None) -> tuple[Driven, FrameType] | None:
    """Whose work a thread is at, from its innermost frame, and the frame in which that began; None: nobody's.

    May be asked of another thread, whose frames end meanwhile.
    """
    while frame is not None:
        if frame.f_code in Driver.STEPS:
            driver = frame.f_locals.get("self")
            return (driver.driven, frame) if isinstance(driver, Driver) else None
        frame = frame.f_back
    return None


def _close(step: _Step) -> None:
    """A coroutine that nobody will await is not to complain of that."""
    if isinstance(step, Coroutine):
        step.close()
