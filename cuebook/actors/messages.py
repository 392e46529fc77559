"""What Supervisor, Worker and Journal say to each other. Knows no behaviour.

They go by reference: the three live in one process, what they pass on was encoded before, and nobody changes it.
"""

from __future__ import annotations

from dataclasses import dataclass

from cuebook.persistence.records.record import Entry, Record
from cuebook.wire.message import message

__all__ = [
    "Append",
    "AppendFailed",
    "Appended",
    "CheckRunning",
    "CommitEnded",
    "CrewDue",
    "FromWorker",
    "GraceOver",
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


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class Prepare:
    """Supervisor to Worker: make ready for `run`; `setup` is the encoded Setup for its host.

    `life`: for which incarnation of the Worker it is meant; its mailbox outlives those.
    """

    run: int
    setup: bytes
    timeout: float | None
    life: int


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class ToWorker:
    """Supervisor to Worker: encoded messages for its host, with `calls` calls in them. `life`: as for Prepare."""

    frames: tuple[bytes, ...]
    calls: int
    life: int


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class TakeBack:
    """Supervisor to Worker: ask the host for the calls that it has not begun."""

    run: int


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class KillHost:
    """Supervisor to Worker: end the host now; WorkerLost follows with this reason."""

    reason: str


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class Release:
    """Supervisor to Worker: ask the host to quit; a next Prepare starts a fresh one."""


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class HostLost:
    """A host to its Worker: it is gone (see `children.port.Loss`).

    Attributes:
        life: the Worker's incarnation that had it.
        host: the how manieth of that incarnation's hosts it was.
        is_final: no other one can take its place.
    """

    index: int
    seconds: float
    reason: str
    life: int
    host: int = 1
    is_final: bool = False


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class CrewDue:
    """The Supervisor's timer: look at whether more workers would pay for the run of this key."""

    run: int


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class CheckRunning:
    """A Worker's timer: look at how long the running call has run."""


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class Urge:
    """Supervisor to Worker: one encoded message that overtakes the host's queue."""

    frame: bytes


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class FromWorker:
    """Worker to Supervisor: what its host said, passed on unopened."""

    worker: int
    frames: tuple[bytes, ...]


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class WorkerLost:
    """Worker to Supervisor: the host is gone while call `index` ran (-1: none). `is_timeout`: killed for it.

    `life`: the Worker's incarnation that is to be prepared next. `is_final`: no host can be had any more.
    """

    worker: int
    index: int
    seconds: float
    reason: str
    is_timeout: bool
    life: int
    is_final: bool = False


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class RunAdded:
    """A run stands in the table and may begin."""

    run: int


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class RunChanged:
    """Something of a run changed from outside: more parameters, room in the stream, a wish to stop."""

    run: int


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class RetryDue:
    """A failed call's pause is over."""

    run: int
    index: int
    attempt: int


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class GraceOver:
    """The running calls of a stopping run had their time."""

    run: int


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class LookAgain:
    """A Supervisor's timer: some workers of the run have been silent for a while."""

    run: int


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class Append:
    """To the Journal: commit `entries` of `run`, all or none, and answer `ticket`.

    `states` are pairs of place in entries and bytes, for the side table.
    """

    run: int
    ticket: int
    entries: tuple[Entry, ...]
    states: tuple[tuple[int, bytes], ...] = ()


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class Appended:
    """Journal: the entries of `ticket` are on disk; the last of them is record `seq`."""

    ticket: int
    seq: int


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class AppendFailed:
    """Journal: the entries of `ticket` are surely not on disk. `error` names the class of the error."""

    ticket: int
    error: str
    text: str


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class CommitEnded:
    """A Journal to itself: its transaction is over."""


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class Recover:
    """To the Journal, behind queued appends: what of `run` has been committed after record `after`?"""

    run: int
    after: int


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class Recovered:
    """Journal: each such record."""

    records: tuple[Record, ...]


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class ReadState:
    """To the Journal: the checkpoint's state of record `seq`, for `ticket` of a worker's `host`."""

    seq: int
    worker: int
    host: int
    ticket: int


@message(by_reference=True)
@dataclass(frozen=True, slots=True)
class StateRead:
    """Journal: that state; None where it is gone."""

    worker: int
    host: int
    ticket: int
    state: bytes | None
