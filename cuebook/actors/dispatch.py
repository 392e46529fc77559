"""How many calls go to a worker next, and from whom some are taken back. Pure: it looks at numbers, and answers.

Calls are handed out ahead, so that no worker waits for its next one; and what waits behind a busy worker is taken back
as soon as another one has nothing to do. So nobody needs to know how long calls take: a wrong guess costs a round trip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Load", "TakeBacks", "WorkerLoad", "allowance", "batch_limit", "take_back"]

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
WORTH_S = 0.002
"""Work that is expected to wait for so long behind a busy worker is taken back at once for an idle one."""
PATIENCE_S = 0.005
"""After so much silence of a worker what it was expected to do counts for nothing: its calls go to an idle one."""
SOON_S = 0.0005
"""What is due within so many seconds is due: differences of times are not exact."""
SLOW_S = 0.100
"""Calls behind one that runs longer than this are given to others, though these have enough to do: a stream without an
end would never get to them."""


class Load(NamedTuple):
    """A run as the dispatcher sees it; one is made for each message of a worker.

    Attributes:
        batch: calls a message as the user fixed them; None adapts.
        mean_s: mean duration of a call so far, in seconds; None before the first one ended.
        remaining: calls not handed out yet; None where the source has no length.
        workers: how many workers share them.
        argument_bytes: mean size of a call's arguments.
        returned: calls among these that go out for another time.
    """

    batch: int | None
    mean_s: float | None
    remaining: int | None
    workers: int
    argument_bytes: float
    returned: int = 0


class WorkerLoad(NamedTuple):
    """One worker as the dispatcher sees it.

    Attributes:
        calls, batches: calls and messages handed to it and not answered.
        has_answered: whether it has finished a call of this run.
        is_slow: it has given calls back since it last finished one, so that it is at a long one.
        is_asked: it was told to give calls back, and has not answered yet.
        silent_s: seconds since it last said anything, or got a call as it had none.
    """

    calls: int
    batches: int
    has_answered: bool = True
    is_slow: bool = False
    is_asked: bool = False
    silent_s: float = 0.0


@dataclass(frozen=True, slots=True)
class TakeBacks:
    """From whom calls are taken back.

    Attributes:
        places: of the workers that are told to give back what they have not begun.
        look_again_s: seconds until this has to be asked again; None: not before something happens.
    """

    places: Sequence[int] = ()
    look_again_s: float | None = None


def batch_limit(load: Load) -> int:
    """Calls that one message should hold; never so many that another worker gets none.

    >>> batch_limit(Load(None, 0.0001, 10_000, 2, 10.0)), batch_limit(Load(None, 0.5, 10_000, 2, 10.0))
    (20, 1)
    >>> batch_limit(Load(64, 0.5, 10_000, 2, 10.0)), batch_limit(Load(64, 0.5, 10, 2, 10.0))
    (64, 5)
    """
    rest = load.remaining if load.remaining is not None else load.returned or None
    if load.batch is not None:
        size, shares = load.batch, load.workers
    elif load.mean_s is None or load.mean_s >= SHORT_S:
        size, shares = 1, load.workers
    else:
        size = min(BATCH_MAX, max(1, int(BATCH_TARGET_S / max(load.mean_s, 1e-9))))
        shares = 2 * load.workers
    if rest is not None:
        size = max(1, min(size, -(-rest // shares)))
    if load.argument_bytes * size > ARGUMENT_BYTES_MAX:
        size = max(1, int(ARGUMENT_BYTES_MAX / load.argument_bytes))
    return size


def allowance(load: Load, worker: WorkerLoad) -> int:
    """Calls that may be handed to this worker now, in messages of `batch_limit`; 0 when it has enough.

    A worker gets one message and no more until its first call has ended, which may load or compile what it needs. Short
    calls keep `WINDOW_S` of work ahead, though no more than a worker's share of what is left; longer ones at most one
    message; calls of `AHEAD_S` and more none. A worker that gave calls back, or is asked to, gets none behind the one
    that it is at.
    """
    size = batch_limit(load)
    if worker.calls and (not worker.has_answered or worker.is_slow or worker.is_asked):
        return 0
    if load.mean_s is not None and worker.has_answered and load.mean_s < SHORT_S and load.mean_s * size < AHEAD_S:
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


def take_back(load: Load, workers: Sequence[WorkerLoad], *, is_dry: bool) -> TakeBacks:
    """Which workers should give back what they have not begun.

    Where others have nothing to do, and nothing is left to hand out, it is as many as are idle, those with the most
    calls first: at once where much work waits, else when they have been silent for a while. Where all have something to
    do, it is those that are at a long call.

    Args:
        workers: those that can be given calls.
        is_dry: whether no call can be handed out now.
    """
    idle = sum(1 for worker in workers if not worker.calls)
    if len(workers) < 2 or (is_dry and idle == len(workers)):
        return TakeBacks()
    is_hungry = is_dry and idle > 0
    places: list[int] = []
    waits: list[float] = []
    for place, worker in sorted(enumerate(workers), key=lambda each: -each[1].calls):
        if worker.calls < 2 or worker.is_asked:
            continue
        left_s = _patience(load, worker, is_hungry) - worker.silent_s
        if left_s > SOON_S:
            waits.append(left_s)
        elif not is_hungry or len(places) < idle:
            places.append(place)
    return TakeBacks(places, min(waits) if waits else None)


def _patience(load: Load, worker: WorkerLoad, is_hungry: bool) -> float:
    """How long a worker may be silent before the calls behind its running one are taken back."""
    if not is_hungry:
        return SLOW_S
    waiting_s = None if load.mean_s is None else load.mean_s * (worker.calls - 1)
    is_worth_it = waiting_s is None or waiting_s >= WORTH_S
    # One that gave nothing back, as its calls were still on their way to it, is not asked again in a circle.
    return 0.0 if is_worth_it and not worker.is_slow else PATIENCE_S
