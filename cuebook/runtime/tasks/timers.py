"""Messages that an actor sends itself later: keyed, gone with the incarnation, never seen once cancelled.

Knows no actor: it is given the way to post.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Protocol

from cuebook.clock import Clock, TimerHandle

__all__ = ["Timer", "Timers"]


class Timer:
    """One message that is due later; or `every_s` seconds after it was received, again and again."""

    __slots__ = ("every_s", "frame", "handle", "key")

    def __init__(self, key: Hashable, frame: Any = None, every_s: float | None = None) -> None:
        self.key = self if key is None else key
        self.frame = frame
        self.every_s = every_s
        self.handle: TimerHandle | None = None


_NO_TIMERS: dict[Hashable, Timer] = {}  # what an actor without timers has: never written to


class TimerOwner(Protocol):
    """Whom the messages go to."""

    @property
    def clock(self) -> Clock:
        """What tells when they are due."""

    def post_timer(self, frame: Any, timer: Timer) -> None:
        """Queue a message that is due."""


class Timers:
    """The timers of one incarnation.

    A message that fired but was not yet received still belongs to its timer: `is_due` refuses it after a
    cancel.
    """

    __slots__ = ("_owner", "_timers")

    def __init__(self, owner: TimerOwner) -> None:
        self._owner = owner
        self._timers: dict[Hashable, Timer] = _NO_TIMERS

    def set(self, delay_s: float, frame: Any, key: Hashable | None, *, every_s: float | None = None) -> Hashable:
        """Post `frame` after `delay_s` seconds; a timer of the same key is replaced. Returns the key.

        Parameters:
            every_s: post it again, so many seconds after it was received, until it is cancelled.
        """
        timer = Timer(key, frame, every_s)
        self.cancel(timer.key)
        self._keep(timer)
        self._arm(timer, delay_s)
        return timer.key

    def expect(self, handle: TimerHandle) -> Timer:
        """A timer for a message that is due when something else says so; `handle` ends that."""
        timer = Timer(None)
        timer.handle = handle
        self._keep(timer)
        return timer

    def arrive(self, timer: Timer, frame: Any) -> None:
        """Post the message that was expected, unless it is no more."""
        if self._timers.get(timer.key) is timer:
            timer.frame = frame
            self._fire(timer)

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
        """Whether the message of this timer may be received now; unless it repeats, it is its last act."""
        if self._timers.get(timer.key) is not timer:
            return False
        if timer.every_s is None:
            del self._timers[timer.key]
        else:
            self._arm(timer, timer.every_s)
        return True

    def _arm(self, timer: Timer, delay_s: float) -> None:
        timer.handle = self._owner.clock.call_later(delay_s, self._fire, timer)

    def _fire(self, timer: Timer) -> None:
        timer.handle = None
        self._owner.post_timer(timer.frame, timer)

    def _keep(self, timer: Timer) -> None:
        if self._timers is _NO_TIMERS:
            self._timers = {}
        self._timers[timer.key] = timer
