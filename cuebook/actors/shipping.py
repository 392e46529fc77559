"""A batch of calls made into a message. Knows no actor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cuebook.actors.run import Batch, Run, Slot
from cuebook.engines.wire import Calls
from cuebook.runtime.errors import CallFailed, CuebookError
from cuebook.runtime.message import encode

__all__ = ["Shipment", "make_shipment"]


@dataclass(slots=True)
class Shipment:
    """What one worker is sent in one go."""

    slot: Slot
    frames: list[bytes] = field(default_factory=list)
    calls: int = 0


def make_shipment(run: Run, batch: Batch, shipment: Shipment) -> list[CallFailed]:
    """Add a batch to a worker's shipment; returns the calls whose arguments cannot be sent."""
    indexes, calls = batch.indexes, run.source.arguments(batch.indexes)
    try:
        _add(run, batch, calls, shipment)
        return []
    except (CuebookError, TypeError, ValueError, OverflowError, RecursionError):
        failures = []
        for place, index in enumerate(indexes):
            single = Batch([index], None if batch.attempts is None else [batch.attempts[place]])
            try:
                _add(run, single, [calls[place]], shipment)
            except Exception as error:
                failure = CallFailed(
                    index,
                    calls[place],
                    error_type=type(error).__name__,
                    error_text=f"its arguments cannot be sent to a worker: {error}",
                )
                failure.__cause__ = error
                failures.append(failure)
        return failures


def _add(run: Run, batch: Batch, calls: Sequence[Any], shipment: Shipment) -> None:
    indexes = batch.indexes
    arguments = run.encode_arguments(calls)
    run.measure_arguments(len(indexes), len(arguments))
    attempts = batch.attempts
    if attempts is not None and all(attempt == 1 for attempt in attempts):
        attempts = None
    explicit = None if isinstance(indexes, range) else list(indexes)
    frame = encode(Calls(run.number, indexes[0], len(indexes), explicit, attempts, arguments))
    shipment.frames.append(frame)
    shipment.calls += len(indexes)
    shipment.slot.outstanding.add(indexes)
