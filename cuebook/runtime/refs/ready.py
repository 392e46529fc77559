"""Who goes next: actors that were woken, and askers that were answered, run one after the other in one callback of
the loop, not in one each.

A hop from actor to actor, or an answer, so costs no iteration of the loop. Knows no actor and no message.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any, Protocol

from cuebook.runtime.tasks.standin import StandIn

__all__ = ["TURN_S", "Pending", "ReadyQueue"]

TURN_S = 0.005
"""Seconds after which it is the turn of the rest of the program, looked at between steps."""
TURN_STEPS = 256
"""Steps after which it is, too."""


class Step(Protocol):
    """Something that can go on."""

    def step(self) -> None:
        """Go on, up to the next wait."""

    def step_alone(self) -> None:
        """The same, in a callback of its own."""


class ReadyQueue:
    """A queue of those that can go on, on one loop.

    What a loop runs one after the other it may also shuffle, to show what relies on an order: a loop that says
    `runs_one_by_one` gets a callback for each step.

    Parameters:
        now: monotonic seconds.

    Attributes:
        is_entered: whether code of actors that runs now finds a current task: a step that runs some enters first,
            one that goes on in a task leaves.
    """

    __slots__ = ("_is_called", "_is_over", "_loop", "_now", "_one_by_one", "_stand_in", "_waiting", "is_entered")

    def __init__(self, loop: asyncio.AbstractEventLoop, now: Callable[[], float]) -> None:
        self._loop = loop
        self._now = now
        self._one_by_one: bool = getattr(loop, "runs_one_by_one", False)
        self._waiting: deque[Step] = deque()
        self._is_called = False
        self._is_over = False
        self._stand_in = StandIn(loop)
        self.is_entered = False

    def enter(self) -> None:
        """Let there be a current task for the rest of the turn, or until `leave`."""
        self._stand_in.enter()
        self.is_entered = True

    def leave(self) -> None:
        """Let there be none, so that a task can go on."""
        self.is_entered = False
        self._stand_in.leave()

    def add(self, step: Step) -> None:
        """Let this one go on soon, after those that were added before."""
        if self._one_by_one:
            self._loop.call_soon(step.step_alone)
            return
        self._waiting.append(step)
        if not self._is_called:
            self._is_called = True
            try:
                self._loop.call_soon(self._turn)
            except (
                BaseException
            ):  # from another thread, in debug mode: what comes next is not to wait for this for ever
                self._is_called = False
                raise

    def add_last(self, step: Step) -> None:
        """As `add`, for one that has had its share: all others in the program have their turn first."""
        self.add(step)
        self._is_over = True

    def _turn(self) -> None:
        waiting, now = self._waiting, self._now
        until = now() + TURN_S
        self._is_over = False
        try:
            for _ in range(TURN_STEPS):
                waiting.popleft().step()
                if not waiting or self._is_over or now() >= until:
                    break
        finally:  # also where a step ends the program
            if self.is_entered:
                self.leave()
            self._is_called = bool(waiting)
            if waiting:
                self._loop.call_soon(self._turn)


_set_result = Future.set_result  # costs half of `super()`


class Pending(Future[Any]):
    """An answer that is waited for: a Future whose first waiter goes on by way of `ready`.

    Attributes:
        ready, waiter, context: to be set where it is made (which costs less than an `__init__`), the latter two
            as None.
    """

    __slots__ = ("context", "ready", "waiter")

    ready: ReadyQueue
    waiter: Callable[[Any], object] | None
    context: Context | None

    def add_done_callback(self, callback: Callable[[Any], object], *, context: Context | None = None) -> None:
        """As of any Future."""
        if context is None or self.waiter is not None or self.done():
            super().add_done_callback(callback, context=context)
        else:
            self.waiter = callback
            self.context = context

    def remove_done_callback(self, callback: Callable[[Any], object], /) -> int:
        """As of any Future."""
        removed = super().remove_done_callback(callback)
        if self.waiter is not None and self.waiter == callback:
            self.waiter = self.context = None
            removed += 1
        return removed

    def set_result(self, result: Any, /) -> None:
        """As of any Future."""
        _set_result(self, result)
        if self.waiter is not None:
            self.ready.add(self)

    def set_exception(self, exception: Any, /) -> None:
        """As of any Future."""
        super().set_exception(exception)
        if self.waiter is not None:
            self.ready.add(self)

    def cancel(self, msg: Any | None = None) -> bool:
        """As of any Future."""
        is_cancelled = super().cancel(msg)
        if is_cancelled and self.waiter is not None:
            self.ready.add(self)
        return is_cancelled

    def step(self) -> None:
        """Let the waiter go on."""
        waiter, context = self.waiter, self.context
        self.waiter = self.context = None
        if waiter is not None and context is not None:
            if self.ready.is_entered:
                self.ready.leave()
            context.run(waiter, self)

    step_alone = step
