"""How many calls go to a worker next. Pure: it looks at numbers and answers with one."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Load", "WorkerLoad", "allowance", "batch_limit"]

SHORT_S = 0.001
"""Calls shorter than this travel many in a message."""
AHEAD_S = 0.050
"""Calls shorter than this are handed over one batch ahead, so that a worker need not wait for its next one."""
BATCH_TARGET_S = 0.002
"""How much work a message should hold where the batch adapts."""
BATCH_MAX = 512
WINDOW_S = 0.004
"""How much work of short calls may be ahead of a worker: some round trips, so that it never waits for the next one."""
WINDOW_CALLS_MIN, WINDOW_CALLS_MAX = 64, 2048
WINDOW_BYTES_MAX = 16 * 1024 * 1024
ARGUMENT_BYTES_MAX = 4 * 1024 * 1024
"""Arguments in one message, about."""


@dataclass(frozen=True, slots=True)
class Load:
    """A run as the dispatcher sees it.

    Attributes:
        batch: calls a message as the user fixed them; None adapts.
        mean_s: mean duration of a call so far, in seconds; None before the first one ended.
        remaining: calls not handed out yet; None where the source has no length.
        workers: how many workers share them.
        argument_bytes: mean size of a call's arguments.
    """

    batch: int | None
    mean_s: float | None
    remaining: int | None
    workers: int
    argument_bytes: float


@dataclass(frozen=True, slots=True)
class WorkerLoad:
    """One worker: calls and messages handed to it and not answered."""

    calls: int
    batches: int


def batch_limit(load: Load) -> int:
    """Calls that one message should hold.

    >>> batch_limit(Load(None, 0.0001, 10_000, 2, 10.0)), batch_limit(Load(None, 0.5, 10_000, 2, 10.0))
    (20, 1)
    """
    if load.batch is not None:
        size = load.batch
    elif load.mean_s is None or load.mean_s >= SHORT_S:
        size = 1
    else:
        size = min(BATCH_MAX, max(1, int(BATCH_TARGET_S / max(load.mean_s, 1e-9))))
        if load.remaining is not None:
            fair = -(-load.remaining // (2 * load.workers))
            size = max(1, min(size, fair))
    if load.argument_bytes * size > ARGUMENT_BYTES_MAX:
        size = max(1, int(ARGUMENT_BYTES_MAX / load.argument_bytes))
    return size


def allowance(load: Load, worker: WorkerLoad) -> int:
    """Calls that may be handed to this worker now, in messages of `batch_limit`; 0 when it has enough.

    An unknown function gets one message and no more until its first call has ended. Short calls keep `WINDOW_S` of work
    ahead, though no more than a worker's share of what is left; longer ones at most one message; calls of `AHEAD_S` and
    more none.
    """
    size = batch_limit(load)
    if load.mean_s is not None and load.mean_s < SHORT_S and load.mean_s * size < AHEAD_S:
        ahead = _window(load, size) - worker.calls
        return max(size, ahead - ahead % size) if ahead > 0 else 0
    if worker.calls == 0:
        return size
    if load.mean_s is None or load.mean_s * size >= AHEAD_S or worker.batches >= 2:
        return 0
    return size if load.remaining is None or load.remaining > load.workers else 0


def _window(load: Load, size: int) -> int:
    """Short calls that may be ahead of one worker."""
    assert load.mean_s is not None
    window = min(WINDOW_CALLS_MAX, max(WINDOW_CALLS_MIN, WINDOW_S / max(load.mean_s, 1e-9)))
    window = min(window, WINDOW_BYTES_MAX / max(load.argument_bytes, 1.0))
    if load.remaining is not None:
        window = min(window, max(size, load.remaining / load.workers))
    return max(int(window), min(2 * size, WINDOW_CALLS_MAX), 1)
