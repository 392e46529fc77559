"""The unit of the journal: a record with its number, its kind, its run, a short head and an optional body.

Knows neither what a head or a body means nor where records are stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

__all__ = ["FORMAT_VERSION", "HASH_BYTES", "Entry", "Kind", "Picked", "Record"]

FORMAT_VERSION = 1
"""Number of the journal format that this code writes; it reads no later one."""

HASH_BYTES = 32
"""Length of a link of the chain (SHA-256), in bytes."""


class Kind(IntEnum):
    """What a record says; the numbers are part of the format and are never given to anything else."""

    JOURNAL = 1
    RUN_OPENED = 2
    ARGUMENTS = 3
    COMPLETED = 4
    FAILED = 5
    REUSED = 6
    STATE = 7
    RUN_CLOSED = 8
    FORGOTTEN = 9
    STREAM_OPENED = 10
    EVENTS = 11
    SNAPSHOT = 12
    DUTIES = 13
    RECEIVED = 14
    EXPERIMENT_OPENED = 15
    ATTEMPT_BEGUN = 16
    CHECKPOINT_KEPT = 17
    ATTEMPT_ENDED = 18
    CHECKPOINTS_DROPPED = 19
    JOB_OPENED = 20
    STAGE_KEPT = 21
    STEP_KEPT = 22
    JOB_CLOSED = 23
    STREAM_REMOVED = 24
    RENUMBERED = 25
    STAGE_STATE = 26
    CONTENTS = 27
    CALLS_KNOWN = 28


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be appended; the journal gives it its number and its link of the chain.

    Attributes:
        kind: what it says.
        run: number of its run, from 1; of its stream, from -1 down; 0 where it belongs to neither.
        head: the encoded head of this kind (see `heads`).
        body: encoded values, or None where the kind has no body.
    """

    kind: Kind
    run: int
    head: bytes
    body: bytes | None = None


class Picked(NamedTuple):
    """What is of interest in a record of a stream; made in a quarter of a Record's time."""

    seq: int
    run: int
    head: bytes
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Record:
    """What was appended, as it is read back.

    Attributes:
        seq: number of the record in its journal, from 1 and without gaps.
        kind, run, head: as in the `Entry`.
        body: as in the `Entry`; None also where the reader left the bodies out.
        hash: SHA-256 link of the chain, over this record and the link before.
    """

    seq: int
    kind: Kind
    run: int
    head: bytes
    body: bytes | None
    hash: bytes
