"""A batch of calls made into a message. Knows no actor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cuebook.actors.run import Batch, Run, Slot
from cuebook.engines.calls.protocol import calls_frame
from cuebook.errors import CallFailed, CuebookError

__all__ = ["Shipment", "make_shipment"]


@dataclass(slots=True)
class Shipment:
    """What one worker is sent in one go."""

    slot: Slot
    frames: list[bytes] = field(default_factory=list)
    calls: int = 0


def make_shipment(run: Run, batch: Batch, shipment: Shipment, size: int) -> list[CallFailed]:
    """Add a batch to a worker's shipment, in messages of `size` calls; returns the calls that cannot be sent."""
    calls = run.source.arguments(batch.indexes)
    encode_arguments = run.encoder_for(calls)
    failures: list[CallFailed] = []
    for start in range(0, len(calls), size):
        part = batch.part(start, start + size)
        arguments = calls[start : start + size]
        try:
            _add(run, part, encode_arguments(arguments), shipment)
        except _UNSENDABLE:
            failures.extend(_one_by_one(run, part, arguments, shipment))
    return failures


_UNSENDABLE = (CuebookError, TypeError, ValueError, OverflowError, RecursionError, SystemExit)


def _one_by_one(run: Run, batch: Batch, calls: Sequence[Any], shipment: Shipment) -> list[CallFailed]:
    """A batch with a call that cannot be sent: the others go alone."""
    failures = []
    for place, index in enumerate(batch.indexes):
        single = [calls[place]]
        try:
            _add(run, batch.part(place, place + 1), run.encoder_for(single)(single), shipment)
        except (Exception, SystemExit) as error:  # whatever a user's __reduce__ raises
            failure = CallFailed(
                index,
                calls[place],
                error_type=type(error).__name__,
                error_text=f"its arguments cannot be sent to a worker: {error}",
            )
            failure.__cause__ = error
            failures.append(failure)
    return failures


def _add(run: Run, batch: Batch, arguments: bytes, shipment: Shipment) -> None:
    indexes = batch.indexes
    count = len(indexes)
    run.measure_arguments(count, len(arguments))
    explicit = None if isinstance(indexes, range) else list(indexes)
    shipment.frames.append(calls_frame((run.key, indexes[0], count, explicit, batch.attempts, arguments)))
    shipment.calls += count
    run.on_shipped(indexes)
    shipment.slot.outstanding.add(indexes)
