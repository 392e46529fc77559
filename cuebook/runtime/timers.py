"""Messages that an actor sends itself later: keyed, gone with the incarnation, never seen once cancelled.

Knows no actor: it is given the way to post.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Protocol

from cuebook.runtime.clock import Clock, TimerHandle

__all__ = ["Timer", "Timers"]


class Timer:
    """One message that is due later."""

    __slots__ = ("handle", "key")

    def __init__(self, key: Hashable) -> None:
        self.key = key
        self.handle: TimerHandle | None = None


_NO_TIMERS: dict[Hashable, Timer] = {}  # what an actor without timers has: never written to


class TimerOwner(Protocol):
    """Whom the messages go to."""

    def post_timer(self, frame: Any, timer: Timer) -> None:
        """Queue a message that is due."""


class Timers:
    """The timers of one incarnation.

    A message that fired but was not yet received still belongs to its timer: `is_due` refuses it after a
    cancel.
    """

    __slots__ = ("_clock", "_owner", "_timers")

    def __init__(self, clock: Clock, owner: TimerOwner) -> None:
        self._clock = clock
        self._owner = owner
        self._timers: dict[Hashable, Timer] = _NO_TIMERS

    def set(self, delay_s: float, frame: Any, key: Hashable | None) -> Hashable:
        """Post `frame` after `delay_s` seconds; a timer of the same key is replaced. Returns the key."""
        timer = Timer(key)
        if key is None:
            timer.key = timer
        self.cancel(timer.key)
        self._keep(timer)
        timer.handle = self._clock.call_later(delay_s, self._fire, timer, frame)
        return timer.key

    def expect(self, handle: TimerHandle) -> Timer:
        """A timer for a message that is due when something else says so; `handle` ends that."""
        timer = Timer(None)
        timer.key = timer
        timer.handle = handle
        self._keep(timer)
        return timer

    def arrive(self, timer: Timer, frame: Any) -> None:
        """Post the message that was expected, unless it is no more."""
        if self._timers.get(timer.key) is timer:
            self._fire(timer, frame)

    def cancel(self, key: Hashable) -> bool:
        """Whether there was such a timer; its message never arrives now."""
        timer = self._timers.pop(key, None)
        if timer is None:
            return False
        if timer.handle is not None:
            timer.handle.cancel()
        return True

    def cancel_all(self) -> None:
        """As when the incarnation ends."""
        for key in list(self._timers):
            self.cancel(key)

    def is_due(self, timer: Timer) -> bool:
        """Whether the message of this timer may be received now; it is its last act."""
        if self._timers.get(timer.key) is not timer:
            return False
        del self._timers[timer.key]
        return True

    def _fire(self, timer: Timer, frame: Any) -> None:
        timer.handle = None
        self._owner.post_timer(frame, timer)

    def _keep(self, timer: Timer) -> None:
        if self._timers is _NO_TIMERS:
            self._timers = {}
        self._timers[timer.key] = timer
