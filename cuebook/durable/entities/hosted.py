"""The entities of one class: who is awake, and since when nobody needed them. Knows no journal."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakValueDictionary

from cuebook.clock import Clock, TimerHandle
from cuebook.durable.entities.entity import Entity
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.refs.status import ActorState

__all__ = ["Hosted"]

SLEEP_S = 30.0
"""Seconds that an actor has for its end when it is put to sleep."""
_SWEEPS = 8
"""Looks for idle entities within the time after which they are."""


class Hosted:
    """Entities of a class. One timer for all that are awake; none while all sleep.

    Args:
        idle_s: seconds without a message after which one is put to sleep.
        on_sleep: called with the name of each that is.
    """

    def __init__(self, cls: type[Actor], idle_s: float, clock: Clock, *, on_sleep: Callable[[str], bool]) -> None:
        self.cls = cls
        self.idle_s = idle_s
        self.by_name: WeakValueDictionary[str, Entity] = WeakValueDictionary()
        self._clock = clock
        self._on_sleep = on_sleep
        self._awake: dict[Entity, None] = {}
        self._sweep: TimerHandle | None = None

    def woke(self, entity: Entity) -> None:
        """Its actor has begun."""
        entity.used_at = self._clock.monotonic()
        self._awake[entity] = None
        if self._sweep is None:
            self._arm(self.idle_s)

    def close(self) -> None:
        """Put nobody to sleep any more."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        self._awake.clear()

    def _arm(self, delay_s: float) -> None:
        self._sweep = self._clock.call_later(max(delay_s, self.idle_s / _SWEEPS), self._look)

    def _look(self) -> None:
        """Put to sleep who was not needed for long enough."""
        self._sweep = None
        now = self._clock.monotonic()
        next_s = self.idle_s
        for entity in list(self._awake):
            left_s = entity.used_at + self.idle_s - now
            if entity.state is ActorState.STOPPED:
                del self._awake[entity]
            elif left_s <= 1e-6 and entity.is_idle and self._on_sleep(entity.name):
                entity.request_stop(SLEEP_S, drain=True)
                next_s = min(next_s, 0.0)
            elif left_s > 0:
                next_s = min(next_s, left_s)
        if self._awake:
            self._arm(next_s)
