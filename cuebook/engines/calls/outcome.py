"""The outcome of calls as messages: finished ones together, each failure alone. Knows no socket.

Light: imported by worker processes at start.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from cuebook.children.failure_text import module_within, traceback_text
from cuebook.engines.calls.protocol import Failure, Results
from cuebook.errors import JournalError, ValueNotKept
from cuebook.persistence.records.bodies import completed_record
from cuebook.wording import error_text, error_type_name

__all__ = [
    "FIELDS",
    "NOT_WRITTEN",
    "Finished",
    "encoded_error",
    "failure_message",
    "flat_results",
    "results_messages",
]

NOT_WRITTEN = "not written"
"""Reason of a failure that is not the call's: its result could not be put on the disk."""
Finished = tuple[int, float, float, bytes]
"""One finished call: index, start and end (monotonic seconds), encoded value."""


FIELDS = 4
"""Items of a flat list of finished calls that belong to one call: those of `Finished`, one after the other."""
EXCEPTION_BYTES_MAX = 1 << 24
RANGE_MIN = 16
"""Calls in a range, on average, from which on ranges are worth a record each."""


def results_messages(run: int, finished: Sequence[Finished], *, until: float | None = None) -> list[Results]:
    """Finished calls, in the order they ended, as messages with the journal's records in them.

    Calls that follow one another by index go together; many scattered ones go together too, with their indexes.

    Args:
        until: when their worker was free again, which is later than the end of the last one where its result took long
            to encode; None: now. (Monotonic seconds.)
    """
    return flat_results(run, [field for each in finished for field in each], until=until)


def flat_results(run: int, flat: list[Any], *, until: float | None = None) -> list[Results]:
    """The same for a flat list, `FIELDS` items a call: no object of a call's own for the collector to look at.

    Cost: about 0.15 us a call.
    """
    until = time.monotonic() if until is None else until
    indexes: list[int] = flat[0::FIELDS]
    count = len(indexes)
    first = indexes[0]
    if indexes[-1] - first == count - 1 and indexes == list(range(first, first + count)):
        return [_message(run, flat, is_range=True, until=until)]
    cuts = [place for place in range(1, count) if indexes[place] != indexes[place - 1] + 1]
    if len(cuts) * RANGE_MIN > count:
        return [_message(run, flat, is_range=False, until=until)]
    bounds = pairwise([0, *cuts, count])
    frees = [*(flat[cut * FIELDS + 1] for cut in cuts), until]  # a worker is free when it begins the next call
    return [
        _message(run, flat[start * FIELDS : end * FIELDS], is_range=True, until=free)
        for (start, end), free in zip(bounds, frees, strict=True)
    ]


def _message(run: int, flat: list[Any], *, is_range: bool, until: float) -> Results:
    indexes, starts, ends, values = (flat[field::FIELDS] for field in range(FIELDS))
    head, body = completed_record(indexes, starts, ends, values, is_range=is_range)
    return Results(
        run=run,
        start=indexes[0],
        count=len(indexes),
        indexes=None if is_range else indexes,
        seconds=until - starts[0],
        head=head.encode(),
        body=body,
    )


def failure_message(
    run: int,
    call: tuple[int, int],
    started: float,
    error: BaseException,
    encode: Callable[[Any], bytes],
) -> Failure:
    """One failed attempt (`call` = index, attempt), with the exception itself where it survives the way."""
    elapsed = time.monotonic() - started
    return Failure(
        run=run,
        index=call[0],
        attempt=call[1],
        started=time.time() - elapsed,
        seconds=elapsed,
        reason=_reason(error),
        error_type=error_type_name(error),
        error_text=error_text(error),
        traceback=traceback_text(error),
        exception=encoded_error(error, encode),
    )


def _reason(error: BaseException) -> str:
    if isinstance(error, ValueNotKept):
        return "not kept"
    is_ours = module_within(error.__traceback__).startswith("cuebook.persistence.")
    return NOT_WRITTEN if is_ours and isinstance(error, JournalError) else "raised"


def encoded_error(error: BaseException, encode: Callable[[Any], bytes]) -> bytes | None:
    """The exception itself as a value, where it survives the way and is not too large for a message."""
    try:
        encoded = encode(error.with_traceback(None))
    except Exception:
        return None
    return encoded if len(encoded) <= EXCEPTION_BYTES_MAX else None
