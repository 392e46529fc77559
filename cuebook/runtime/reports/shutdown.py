"""What became of actors and their messages when a system ended. Counts; knows no actor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

__all__ = ["Shutdown", "ShutdownReport"]

_NAMED_MAX = 5


@dataclass(frozen=True, slots=True)
class ShutdownReport:
    """How the end of a system went. `str()` is one readable line.

    Attributes:
        actors: how many ended.
        drained: messages that waited, or still came, and were handled, by actor; only actors that had some.
        dropped: messages that waited and were answered ActorStopped, by actor. What was sent to an actor that
            had begun to stop is not among them: its sender got ActorStopped.
        killed: actors whose handler or hook was cut off, and why.
        seconds: from the beginning of the stop to its end.
        outliving: by actor, where the tasks are that its code had started (`asyncio.create_task`) and that go on; they
            are left alone.
    """

    actors: int
    drained: Mapping[str, int]
    dropped: Mapping[str, int]
    killed: Mapping[str, str]
    seconds: float
    outliving: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        """Whether nothing was dropped, nobody was killed, and no task goes on."""
        return not (self.dropped or self.killed or self.outliving)

    def __str__(self) -> str:
        parts = [f"{self.actors:,} actors ended in {self.seconds:.3g} s"]
        for what, counts in (("drained", self.drained), ("dropped", self.dropped)):
            if counts:
                parts.append(f"{sum(counts.values()):,} messages {what} ({_named(counts)})")
        if self.killed:
            parts.append(f"{len(self.killed):,} killed ({_named(self.killed)})")
        if self.outliving:
            tasks = {name: "; ".join(places) for name, places in self.outliving.items()}
            parts.append(f"{sum(map(len, self.outliving.values())):,} still running ({_named(tasks)})")
        return ", ".join(parts)


def _named(counts: Mapping[str, object]) -> str:
    shown = [f"{name}: {count}" for name, count in list(counts.items())[:_NAMED_MAX]]
    return "; ".join(shown + (["..."] if len(counts) > _NAMED_MAX else []))


class Shutdown:
    """Counts along while a system stops; before that, and after it, nothing counts."""

    __slots__ = ("_began", "_drained", "_dropped", "_ended", "_killed", "_outliving", "_processed")

    def __init__(self) -> None:
        self._began: float | None = None
        self._processed: Mapping[str, int] = {}
        self._drained: dict[str, int] = {}
        self._dropped: dict[str, int] = {}
        self._killed: dict[str, str] = {}
        self._outliving: Mapping[str, tuple[str, ...]] | None = None
        self._ended = 0

    def begin(self, now: float, processed: Mapping[str, int]) -> None:
        """Count from here on; only the first beginning counts.

        Parameters:
            processed: messages that each living actor had received by now.
        """
        if self._began is None:
            self._began = now
            self._processed = processed

    def dropped(self, name: str, count: int) -> None:
        """So many messages of an actor were not handled."""
        if self._began is not None:
            self._dropped[name] = self._dropped.get(name, 0) + count

    def killed(self, name: str, why: str) -> None:
        """An actor was cut off; the last reason counts."""
        if self._began is not None:
            self._killed[name] = why

    def ended(self, name: str, processed: int) -> None:
        """An actor has ended for good, having received so many messages in all."""
        if self._began is None:
            return
        self._ended += 1
        drained = processed - self._processed.get(name, 0)
        if drained:
            self._drained[name] = drained

    def outlived(self, find: Callable[[], Mapping[str, tuple[str, ...]]]) -> None:
        """All actors have ended: look, once, for tasks of theirs that go on."""
        if self._outliving is None:
            self._outliving = find()

    def report(self, now: float) -> ShutdownReport | None:
        """What was counted so far; None before the beginning."""
        if self._began is None:
            return None
        return ShutdownReport(
            self._ended,
            dict(self._drained),
            dict(self._dropped),
            dict(self._killed),
            now - self._began,
            self._outliving or {},
        )
