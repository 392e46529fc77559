"""The bodies of records, by kind: written and read here alone. Knows no store; values are bytes that others encode.

Light: worker processes import it at start.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, repeat
from operator import sub
from typing import TYPE_CHECKING, Any

from cuebook.errors import JournalCorrupt, MalformedMessage
from cuebook.persistence.records.arrays import packed, unpacked
from cuebook.persistence.records.run_heads import Completed
from cuebook.wire.codec import pack, unpack

if TYPE_CHECKING:
    from array import array

__all__ = [
    "arguments_body",
    "completed_record",
    "durations_of",
    "ends_of",
    "failed_body",
    "metrics_body",
    "open_arguments",
    "open_failed",
    "open_metrics",
    "starts_of",
]

NO_BLOCKS = b"\x90"
_BYTES_OR_NONE = frozenset({bytes, type(None)})


def completed_record(
    indexes: Sequence[int],
    starts: Sequence[float],
    ends: Sequence[float],
    values: Sequence[bytes],
    *,
    is_range: bool,
) -> tuple[Completed, bytes]:
    """Finished calls as the head and the body of one record.

    Parameters:
        indexes: the calls, at least one, in the order in which they ended.
        starts, ends: of each, seconds of `time.monotonic`.
        values: the encoded value of each.
        is_range: whether the calls follow one another by index.

    Cost: about 0.15 us a call.
    """
    head = Completed(
        start=indexes[0] if is_range else None,
        indexes=None if is_range else packed("Q", indexes),
        count=len(indexes),
        t0=time.time() - (time.monotonic() - starts[0]),
        starts=packed("f", map(sub, starts, repeat(starts[0]))),
        durations=packed("f", map(sub, ends, starts)),
        lengths=packed("I", map(len, values)),
    )
    return head, b"".join(values)


def durations_of(head: Completed) -> array[float]:
    """Seconds that each call took."""
    return unpacked("f", head.durations)


def starts_of(head: Completed) -> array[float]:
    """When each call began, seconds after `head.t0`."""
    return unpacked("f", head.starts)


def ends_of(head: Completed) -> list[int]:
    """Where the values lie in the body: the n-th from item n to item n + 1."""
    return list(accumulate(unpacked("I", head.lengths), initial=0))


def failed_body(traceback_text: str, exception: bytes | None) -> bytes:
    """The body of a FAILED record: the traceback's text, and the encoded exception or None."""
    return pack([traceback_text, exception])


def open_failed(body: bytes | None, seq: int) -> tuple[str, bytes | None]:
    """What `failed_body` made record `seq` of.

    Raises:
        JournalCorrupt: it holds no failure.
    """
    if body is None:
        return "", None
    try:
        text, exception = unpack(body)
    except (MalformedMessage, TypeError, ValueError) as error:
        raise JournalCorrupt(f"record {seq} holds no failure", seq=seq) from error
    return str(text or ""), exception if isinstance(exception, bytes) else None


def metrics_body(metrics: Mapping[str, Any]) -> bytes | None:
    """The body of a STATE record: the metrics that go with a checkpoint, plain values by name; None without any."""
    return pack(dict(metrics)) if metrics else None


def open_metrics(body: bytes | None, seq: int) -> dict[str, Any]:
    """The metrics that `metrics_body` made record `seq` of.

    Raises:
        JournalCorrupt: it holds no metrics.
    """
    if body is None:
        return {}
    try:
        found = unpack(body)
    except MalformedMessage as error:
        raise JournalCorrupt(f"record {seq} holds no metrics", seq=seq) from error
    if type(found) is not dict or not all(type(name) is str for name in found):
        raise JournalCorrupt(f"record {seq} holds no metrics", seq=seq)
    return found


def arguments_body(blocks: Iterable[tuple[bytes, bytes | None]]) -> bytes:
    """The body of an ARGUMENTS record: of each block what it is known by, and what is shown of it."""
    return pack([list(block) for block in blocks])


def open_arguments(body: bytes | None, seq: int) -> list[tuple[bytes, bytes | None]]:
    """The blocks that `arguments_body` made record `seq` of.

    Raises:
        JournalCorrupt: it holds no blocks of arguments.
    """
    try:
        blocks: list[Any] = unpack(body or NO_BLOCKS)
        found = [(identity, shown) for identity, shown in blocks]
    except (MalformedMessage, TypeError, ValueError) as error:
        raise JournalCorrupt(f"record {seq} holds no blocks of arguments", seq=seq) from error
    if not all(type(identity) is bytes and type(shown) in _BYTES_OR_NONE for identity, shown in found):
        raise JournalCorrupt(f"record {seq} holds no blocks of arguments", seq=seq)
    return found
