"""What a worker and its owner say to each other. Knows neither journal nor scheduling.

Light: worker processes import it at start. Arguments and results are opaque bytes here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cuebook.wire.codec import pack as _pack
from cuebook.wire.codec import unpack
from cuebook.wire.message import message

__all__ = [
    "Calls",
    "Failure",
    "Quit",
    "Ready",
    "Recall",
    "Results",
    "Returned",
    "Setup",
    "SetupFailed",
    "StateFound",
    "StateKeptAck",
    "StateSaved",
    "StateWanted",
    "calls_fields",
    "calls_frame",
    "calls_indexes",
]

_CALLS_TAG = 2


@message(tag=1)
@dataclass(frozen=True, slots=True)
class Setup:
    """The first message to a worker, and again when a warm worker gets another function.

    Attributes:
        run: number of the run, echoed in every answer.
        function: the pickle of the function, the worker class or None, and the initializer or None; empty where the
            host shares the parent's memory, or where it lies beside this message.
        fingerprint: the parent's digest of the function; it seeds `current_call().seed`.
        options: plain settings: sys_path, cwd, pickle, blobs, memory_bytes, logging, worker, compare.
        beside: name, length and whether it is read-only, of each buffer of the pickle that lies beside this message;
            where `function` is empty the first one is the pickle.
    """

    run: int
    function: bytes
    fingerprint: bytes
    options: dict[str, Any]
    beside: list[Any] | None = None


@message(tag=_CALLS_TAG)
@dataclass(frozen=True, slots=True)
class Calls:
    """A batch of calls. `indexes` is None when they are `start, start + 1, ...`; `attempts` when all are new."""

    run: int
    start: int
    count: int
    indexes: list[Any] | None
    attempts: list[Any] | None
    arguments: bytes


def calls_frame(fields: tuple[int, int, int, list[int] | None, list[int] | None, bytes]) -> bytes:
    """`encode(Calls(*fields))` in a third of the time, for the one message that there may be one of a call."""
    return _pack((_CALLS_TAG, *fields))


def calls_fields(frame: bytes) -> list[Any] | None:
    """The fields of an encoded Calls, which came from our own parent; None for any other message."""
    fields: list[Any] = unpack(frame)
    return fields[1:] if fields[0] == _CALLS_TAG else None


def calls_indexes(batch: Sequence[Any]) -> Sequence[int]:
    """Which calls: from `start`, `count` and `indexes`, the second to fourth field of a Calls."""
    start, count, indexes = batch[:3]
    return range(start, start + count) if indexes is None else indexes


@message(tag=3)
@dataclass(frozen=True, slots=True)
class Recall:
    """Give back every call that has not been started."""

    run: int


@message(tag=4)
@dataclass(frozen=True, slots=True)
class Quit:
    """Tear down and exit when the running call is done."""


@message(tag=5)
@dataclass(frozen=True, slots=True)
class StateKeptAck:
    """The state of `ticket` is on disk (or, with `error`, is not)."""

    ticket: int
    number: int
    error: str | None


@message(tag=6)
@dataclass(frozen=True, slots=True)
class StateFound:
    """The newest state of an earlier attempt; `state` is None where there is none."""

    ticket: int
    state: bytes | None


@message(tag=10)
@dataclass(frozen=True, slots=True)
class Ready:
    """The function is there.

    Attributes:
        differs: what is not the same in this worker as in the parent, the fields of a `difference.Seen`; None: all is.
        generators: place and state of each random generator that calls may draw from, where the parent wants to know.
        is_fresh: whether this is the first function of the worker's process, which has imported nothing before.
    """

    run: int
    pid: int
    differs: list[Any] | None
    generators: list[Any] | None = None
    is_fresh: bool = True


@message(tag=11)
@dataclass(frozen=True, slots=True)
class SetupFailed:
    """The function could not be loaded, or the user's `setup` raised."""

    run: int
    reason: str
    error_type: str
    error_text: str
    traceback: str
    exception: bytes | None


@message(tag=12)
@dataclass(frozen=True, slots=True)
class Results:
    """Finished calls in order: `head` and `body` are the journal's record, made once, here.

    `seconds` is how long the worker was busy with the `count` calls and the encoding of their results.
    """

    run: int
    start: int
    count: int
    indexes: list[Any] | None
    seconds: float
    head: bytes
    body: bytes


@message(tag=13)
@dataclass(frozen=True, slots=True)
class Failure:
    """One attempt that failed: raised, or its result cannot be kept."""

    run: int
    index: int
    attempt: int
    started: float
    seconds: float
    reason: str
    error_type: str
    error_text: str
    traceback: str
    exception: bytes | None
    kinds: list[Any] = field(default_factory=list)
    """The exception's class and those that it is derived from, by name: also where it cannot be sent itself."""


@message(tag=14)
@dataclass(frozen=True, slots=True)
class Returned:
    """These calls were handed to the worker, were not started, and go back."""

    run: int
    indexes: list[Any]


@message(tag=15)
@dataclass(frozen=True, slots=True)
class StateSaved:
    """make_checkpoint() in call `index`: keep this state and acknowledge `ticket`."""

    run: int
    index: int
    ticket: int
    label: str | None
    state: bytes
    metrics: dict[str, Any] = field(default_factory=dict)


@message(tag=16)
@dataclass(frozen=True, slots=True)
class StateWanted:
    """last_checkpoint() in call `index`."""

    run: int
    index: int
    ticket: int
