"""Calls made into messages: who gets how many of them now, and as which bytes. Knows no actor."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import time
from typing import Any

from cuebook.actors.dispatch import allowance, batch_limit
from cuebook.actors.outcomes import FailCall
from cuebook.actors.runs.run import CallBatch, Run
from cuebook.actors.runs.slot import Slot
from cuebook.engines.calls.protocol import calls_frame
from cuebook.errors import CallFailed, CuebookError, ValueNotKept
from cuebook.persistence.records.run_heads import Reason

__all__ = ["Shipment", "fill", "make_shipment", "served_out"]

MESSAGE_BYTES_MAX = 16 * 1024 * 1024
"""Arguments of several calls that go in one message."""


@dataclass(slots=True)
class Shipment:
    """What one worker is sent in one go; `now` is when, in seconds of the loop."""

    slot: Slot
    now: float
    frames: list[bytes] = field(default_factory=list)
    calls: int = 0


def fill(run: Run, shipments: dict[int, Shipment], now: float) -> Iterator[FailCall]:
    """Put together what each worker should have now.

    In rounds, and those first that have least, so that a short rest is shared.

    Args:
        shipments: gets one a worker, by its number.
        now: seconds of the loop.

    Yields:
        the calls that cannot be sent.
    """
    ready = deque(sorted((slot for slot in run.crew_slots if slot.is_ready), key=lambda slot: slot.outstanding.calls))
    load = run.load()
    while ready and not run.is_dry:
        slot = ready.popleft()
        allowed = min(allowance(load, slot.load(now)), _left_to_serve(run, slot), _in_time(run, slot, now))
        batch = run.take(allowed) if allowed > 0 else None
        if batch is None:
            continue
        if run.policy.pace is not None:
            run.policy.pace.take(len(batch.indexes))
        shipment = shipments.setdefault(slot.number, Shipment(slot, now))
        yield from make_shipment(run, batch, shipment, batch_limit(load))
        load = run.load()
        ready.append(slot)


def served_out(run: Run) -> list[Slot]:
    """Idle workers whose hosts have answered as many calls as one host may, while more calls are to come."""
    if run.policy.recycle_after is None or run.is_dry:
        return []
    return [
        slot for slot in run.slots if slot.is_ready and not slot.outstanding.calls and _left_to_serve(run, slot) <= 0
    ]


def _left_to_serve(run: Run, slot: Slot) -> int:
    """Calls that the worker may be given until it is replaced by a fresh one."""
    limit = run.policy.recycle_after
    return sys.maxsize if limit is None else limit - slot.served - slot.outstanding.calls


def _in_time(run: Run, slot: Slot, now: float) -> int:
    """Calls that may begin on the worker now. Where that is limited it gets none ahead: nobody knew when they begin."""
    pace = run.policy.pace
    if pace is None:
        return sys.maxsize
    return min(1, pace.allowed(now)) if slot.is_free else 0


def make_shipment(run: Run, batch: CallBatch, shipment: Shipment, size: int) -> list[FailCall]:
    """Add a batch to a worker's shipment, in messages of `size` calls; returns the calls that cannot be sent."""
    calls = run.source.arguments(batch.indexes)
    encode_arguments = run.plan.encoder_for(calls)
    failures: list[FailCall] = []
    for start in range(0, len(calls), size):
        part = batch.part(start, start + size)
        arguments = calls[start : start + size]
        try:
            for fitting, data in _portions(part, arguments, encode_arguments):
                _add(run, fitting, data, shipment)
        except _UNSENDABLE:
            failures.extend(_one_by_one(run, part, arguments, shipment))
    return failures


def _portions(
    batch: CallBatch, calls: Sequence[Any], encode_arguments: Callable[[Sequence[Any]], bytes]
) -> list[tuple[CallBatch, bytes]]:
    """A batch with its bytes, in halves of halves where they are too many for one message; one call always fits."""
    data = encode_arguments(calls)
    if len(data) <= MESSAGE_BYTES_MAX or len(calls) == 1:
        return [(batch, data)]
    middle = len(calls) // 2
    return [
        *_portions(batch.part(0, middle), calls[:middle], encode_arguments),
        *_portions(batch.part(middle, len(calls)), calls[middle:], encode_arguments),
    ]


_UNSENDABLE = (CuebookError, TypeError, ValueError, OverflowError, RecursionError, SystemExit)


def _one_by_one(run: Run, batch: CallBatch, calls: Sequence[Any], shipment: Shipment) -> list[FailCall]:
    """A batch with a call that cannot be sent: the others go alone."""
    failures = []
    for place, index in enumerate(batch.indexes):
        single = [calls[place]]
        try:
            _add(run, batch.part(place, place + 1), run.plan.encoder_for(single)(single), shipment)
        except (Exception, SystemExit) as error:  # whatever a user's __reduce__ raises
            told = isinstance(error, ValueNotKept)
            failure = CallFailed(
                index,
                calls[place],
                error_type=type(error).__name__,
                error_text=str(error) if told else f"its arguments cannot be sent to a worker: {error}",
            )
            failure.__cause__ = error
            failures.append(FailCall(failure, Reason.NOT_KEPT, time(), 0.0))
    return failures


def _add(run: Run, batch: CallBatch, arguments: bytes, shipment: Shipment) -> None:
    indexes = batch.indexes
    count = len(indexes)
    explicit = None if isinstance(indexes, range) else list(indexes)
    shipment.frames.append(calls_frame((run.key, indexes[0], count, explicit, batch.attempts, arguments)))
    shipment.calls += count
    run.measure_arguments(count, len(arguments) + run.plan.on_shipped(indexes))
    shipment.slot.hand(indexes, shipment.now)
