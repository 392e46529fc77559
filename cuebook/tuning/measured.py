"""What tuning measures, as plain data: settings, the cost of one call, runs. Knows no clock and starts nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Bounds", "CallCost", "CallSetting", "Measurement", "TimedRun"]


@dataclass(frozen=True, slots=True)
class CallSetting:
    """How calls are run.

    Attributes:
        where: "process", "thread" or "async".
        workers: how many calls run at once.
        batch: calls in one message to a worker; None: adapted while it runs.
    """

    where: str
    workers: int
    batch: int | None = None

    @property
    def options(self) -> dict[str, Any]:
        """The keywords of `chunk()` for it."""
        chosen: dict[str, Any] = {"where": self.where, "workers": self.workers}
        return chosen if self.batch is None else {**chosen, "batch": self.batch}

    def __str__(self) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in self.options.items())


@dataclass(frozen=True, slots=True)
class CallCost:
    """What one call takes, measured by itself in a worker process.

    Attributes:
        seconds: the median call.
        cpu_s: processor time of it, of all its threads.
        calls: how many were made.
        failed: how many of these raised.
        encode_s: seconds to turn arguments and result into bytes and back.
        argument_bytes, result_bytes: how long these bytes are.
        worker_bytes: the most memory that the worker had in use; 0 where that is not known.
        grown_bytes: how much more memory was in use after each call; 0 where that is not known.
        pool_threads: the threads of the largest pool of a numeric library; None where that is not known.
    """

    seconds: float
    cpu_s: float
    calls: int
    failed: int = 0
    encode_s: float = 0.0
    argument_bytes: int = 0
    result_bytes: int = 0
    worker_bytes: int = 0
    grown_bytes: float = 0.0
    pool_threads: int | None = None

    @property
    def cores(self) -> float:
        """Processors that one call keeps busy: near 0 where it waits, over 1 where it has threads of its own."""
        return self.cpu_s / self.seconds if self.seconds > 0 else 1.0

    @property
    def waits(self) -> bool:
        """Whether a call mostly waits: for the network, a disk, a sleep."""
        return self.cores < 0.5


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between which settings may be searched.

    Attributes:
        cpus: how many processors this process may use.
        total: how many calls there are in all; None where nobody knows.
        wheres: the places that may be tried.
        memory_bytes: memory that is free; None where that is not known.
    """

    cpus: int
    total: int | None
    wheres: tuple[str, ...]
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """One run of a setting.

    Attributes:
        calls: how many calls were made.
        seconds: how long the run took, workers being warm.
        failed: how many of the calls raised.
    """

    setting: CallSetting
    calls: int
    seconds: float
    failed: int = 0

    @property
    def rate(self) -> float:
        """Calls a second."""
        return self.calls / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True, slots=True)
class TimedRun:
    """One run of which each call's times are known: when it was handed over, when it began, how long it ran.

    Attributes:
        setting, calls: as of a Measurement.
        seconds: from the moment the calls were handed over until the last result was in hand.
        started_s: from then until the first call began.
        busy_s: seconds of all calls together.
        returned_s: from the end of a call until its result was in hand, in the mean.
        unkept_seconds: how long the same run took without a journal; None where it had none anyway.
        times: of each call, when it began (seconds after the calls were handed over) and how long it ran.
    """

    setting: CallSetting
    calls: int
    seconds: float
    started_s: float
    busy_s: float
    returned_s: float
    unkept_seconds: float | None = None
    times: tuple[tuple[float, float], ...] = ()
