"""What Supervisor, Worker and Journal say to each other. Knows no behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cuebook.wire.message import message

__all__ = [
    "Append",
    "AppendFailed",
    "Appended",
    "CheckRunning",
    "FromWorker",
    "GraceOver",
    "HostFrames",
    "HostLost",
    "KillHost",
    "LookAgain",
    "Prepare",
    "ReadState",
    "Recover",
    "Recovered",
    "Release",
    "RetryDue",
    "RunAdded",
    "RunChanged",
    "StateRead",
    "TakeBack",
    "ToWorker",
    "Urge",
    "WorkerLost",
]


@message(tag=40)
@dataclass(frozen=True, slots=True)
class Prepare:
    """Supervisor to Worker: make ready for `run`; `setup` is the encoded Setup for its host.

    `life`: for which incarnation of the Worker it is meant; its mailbox outlives those.
    """

    run: int
    setup: bytes
    timeout: float | None
    life: int


@message(tag=41)
@dataclass(frozen=True, slots=True)
class ToWorker:
    """Supervisor to Worker: encoded messages for its host, with `calls` calls in them. `life`: as for Prepare."""

    frames: list[Any]
    calls: int
    life: int


@message(tag=42)
@dataclass(frozen=True, slots=True)
class TakeBack:
    """Supervisor to Worker: ask the host for the calls that it has not begun."""

    run: int


@message(tag=43)
@dataclass(frozen=True, slots=True)
class KillHost:
    """Supervisor to Worker: end the host now; WorkerLost follows with this reason."""

    reason: str


@message(tag=44)
@dataclass(frozen=True, slots=True)
class Release:
    """Supervisor to Worker: ask the host to quit; a next Prepare starts a fresh one."""


@message(tag=45)
@dataclass(frozen=True, slots=True)
class HostFrames:
    """A host to its Worker: encoded messages, unopened."""

    frames: list[Any]


@message(tag=46)
@dataclass(frozen=True, slots=True)
class HostLost:
    """A host to its Worker: it is gone (see `engines.host.Loss`). `life`: the Worker's incarnation that had it."""

    index: int
    seconds: float
    reason: str
    life: int


@message(tag=47)
@dataclass(frozen=True, slots=True)
class CheckRunning:
    """A Worker's timer: look at how long the running call has run."""


@message(tag=48)
@dataclass(frozen=True, slots=True)
class Urge:
    """Supervisor to Worker: one encoded message that overtakes the host's queue."""

    frame: bytes


@message(tag=50)
@dataclass(frozen=True, slots=True)
class FromWorker:
    """Worker to Supervisor: what its host said, passed on unopened."""

    worker: int
    frames: list[Any]


@message(tag=51)
@dataclass(frozen=True, slots=True)
class WorkerLost:
    """Worker to Supervisor: the host is gone while call `index` ran (-1: none). `is_timeout`: killed for it.

    `life`: the Worker's incarnation that is to be prepared next.
    """

    worker: int
    index: int
    seconds: float
    reason: str
    is_timeout: bool
    life: int


@message(tag=52)
@dataclass(frozen=True, slots=True)
class RunAdded:
    """A run stands in the table and may begin."""

    run: int


@message(tag=53)
@dataclass(frozen=True, slots=True)
class RunChanged:
    """Something of a run changed from outside: more parameters, room in the stream, a wish to stop."""

    run: int


@message(tag=54)
@dataclass(frozen=True, slots=True)
class RetryDue:
    """A failed call's pause is over."""

    run: int
    index: int
    attempt: int


@message(tag=55)
@dataclass(frozen=True, slots=True)
class GraceOver:
    """The running calls of a stopping run had their time."""

    run: int


@message(tag=56)
@dataclass(frozen=True, slots=True)
class LookAgain:
    """A Supervisor's timer: some workers of the run have been silent for a while."""

    run: int


@message(tag=60)
@dataclass(frozen=True, slots=True)
class Append:
    """To the Journal: commit `entries` ([kind, head, body or None] each) of `run`, all or none, and answer `ticket`.

    `states` are [place in entries, bytes] pairs for the side table.
    """

    run: int
    ticket: int
    entries: list[Any]
    states: list[Any]


@message(tag=61)
@dataclass(frozen=True, slots=True)
class Appended:
    """Journal: the entries of `ticket` are on disk; the last of them is record `seq`."""

    ticket: int
    seq: int


@message(tag=62)
@dataclass(frozen=True, slots=True)
class AppendFailed:
    """Journal: the entries of `ticket` are surely not on disk. `error` names the class of the error."""

    ticket: int
    error: str
    text: str


@message(tag=63)
@dataclass(frozen=True, slots=True)
class Recover:
    """To the Journal, behind queued appends: what of `run` has been committed after record `after`?"""

    run: int
    after: int


@message(tag=64)
@dataclass(frozen=True, slots=True)
class Recovered:
    """Journal: [seq, kind, head, body or None] of each such record."""

    records: list[Any]


@message(tag=65)
@dataclass(frozen=True, slots=True)
class ReadState:
    """To the Journal: the checkpoint's state of record `seq`, for `ticket` of a worker's `host`."""

    seq: int
    worker: int
    host: int
    ticket: int


@message(tag=66)
@dataclass(frozen=True, slots=True)
class StateRead:
    """Journal: that state; None where it is gone."""

    worker: int
    host: int
    ticket: int
    state: bytes | None
