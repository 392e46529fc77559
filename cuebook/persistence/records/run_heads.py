"""The heads of records: what each kind of record says beside its values, and the bytes of it.

Knows no body: values, arguments and tracebacks are bytes that others encode. The golden bytes of every head are in the
tests; a field is only ever added at the end, with a new format version.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Self, TypeAlias

from cuebook.errors import MalformedMessage
from cuebook.persistence.records.arrays import unpacked
from cuebook.persistence.records.fields import is_moment
from cuebook.persistence.records.head import Head, Keep, Owner, malformed
from cuebook.persistence.records.record import Kind
from cuebook.wire.codec import pack, unpack

__all__ = [
    "DISK_FULL",
    "STATES_KEPT",
    "Arguments",
    "Closing",
    "Completed",
    "Failed",
    "Forgetting",
    "Forgotten",
    "JournalOpened",
    "Reason",
    "Reuse",
    "Reused",
    "RunClosed",
    "RunOpened",
    "Source",
    "StateKept",
]

_Types: TypeAlias = type | tuple[type, ...]
DISK_FULL = "the disk was full"
"""Why a run has ended that found no room for its results."""
STATES_KEPT = 2
"""States kept of one call; the older one is there in case the newest cannot be used."""
_OptionalInt = (int, type(None))
_NUMBERS = frozenset({float, int})


class Source(StrEnum):
    """Where the parameters of a run came from."""

    LIST = "list"
    ITERATOR = "iterator"


class Reuse(StrEnum):
    """What a run may take from earlier ones: single calls, whole runs only, or nothing."""

    CALLS = "calls"
    RUN = "run"
    NONE = "none"


class Reason(StrEnum):
    """Why a call failed."""

    RAISED = "raised"
    TIMED_OUT = "timed out"
    WORKER_DIED = "worker died"
    NOT_KEPT = "not kept"


class Closing(StrEnum):
    """How a run ended."""

    FINISHED = "finished"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


class Forgetting(StrEnum):
    """What is not to be reused any more."""

    RUN = "run"
    FUNCTION = "function"
    CALL = "call"


@dataclass(frozen=True, slots=True)
class JournalOpened(Head):
    """The first record: what this file is.

    Attributes:
        journal_id: 16 random bytes.
        version: number of the format.
        created: seconds since the epoch.
        cuebook: version of the library that made it.
        compacted_id, compacted_seq, compacted_hash: of the journal that this one was compacted from: its id, the
            number of its last record and that one's hash; empty, 0 and empty where there was none.
    """

    kind: ClassVar[Kind] = Kind.JOURNAL
    _types: ClassVar[tuple[_Types, ...]] = (bytes, int, float, str, bytes, int, bytes)
    journal_id: bytes
    version: int
    created: float
    cuebook: str
    compacted_id: bytes = b""
    compacted_seq: int = 0
    compacted_hash: bytes = b""


@dataclass(frozen=True, slots=True)
class RunOpened(Head):
    """A run begins.

    Attributes:
        number: the run's number in this journal, from 1.
        function: name of the function.
        fingerprint: 16 bytes; two runs with the same one ran the same function.
        algorithm: number of the rules that made the fingerprint.
        parts: label, digest and detail of each part of the fingerprint.
        opaque: what the fingerprint could not see.
        packages: third-party packages and their versions.
        total: number of calls; None until the source ends.
        source: a list (known whole) or an iterator.
        reuse: what it may take from earlier runs.
        options: further options, plain data.
        host, pid, python: where it runs.
        started: seconds since the epoch.
        command: the program's command line.
    """

    kind: ClassVar[Kind] = Kind.RUN_OPENED
    _types: ClassVar[tuple[_Types, ...]] = (
        int, str, bytes, int, list, list, list, _OptionalInt, str, str, dict, str, int, str, (float, int), str,
    )  # fmt: skip
    number: int
    function: str
    fingerprint: bytes
    algorithm: int
    parts: tuple[tuple[str, str, str], ...]
    opaque: tuple[str, ...]
    packages: tuple[tuple[str, str], ...]
    total: int | None
    source: Source
    reuse: Reuse
    options: dict[str, Any]
    host: str
    pid: int
    python: str
    started: float
    command: str

    @classmethod
    def of_fields(cls, values: list[Any]) -> Self:
        parts = tuple((str(label), str(digest), str(detail)) for label, digest, detail in values[4])
        packages = tuple((str(name), str(version)) for name, version in values[6])
        values[4:7] = parts, tuple(str(text) for text in values[5]), packages
        values[8:10] = Source(values[8]), Reuse(values[9])
        return cls(*values)


@dataclass(frozen=True, slots=True)
class Arguments(Head):
    """The arguments of calls `[start, start + count)`, in blocks of 256 calls, the last one shorter.

    Attributes:
        start, count: which calls.
        form: how the blocks are encoded.
        source_run: run whose calls `[source_start, source_start + count)` have the same arguments, and then there is
            no body; None where the body holds the blocks.
        source_start: first of those calls.
    """

    kind: ClassVar[Kind] = Kind.ARGUMENTS
    _types: ClassVar[tuple[_Types, ...]] = (int, int, int, _OptionalInt, int)
    start: int
    count: int
    form: int
    source_run: int | None = None
    source_start: int = 0


@dataclass(frozen=True, slots=True)
class Completed(Head):
    """Calls completed; the body holds their values one after the other.

    Attributes:
        start: first of `count` consecutive calls; None where `indexes` names them.
        indexes: little-endian u32 (u64 where one needs it) array of the calls; None where they are consecutive.
        count: number of calls, at least 1.
        t0: seconds since the epoch that `starts` count from.
        starts: little-endian f32 array: start of each call, seconds after `t0`.
        durations: little-endian f32 array, seconds.
        lengths: little-endian u32 array: bytes of each encoded value in the body.
    """

    kind: ClassVar[Kind] = Kind.COMPLETED
    _types: ClassVar[tuple[_Types, ...]] = (
        _OptionalInt, (bytes, type(None)), int, (float, int), bytes, bytes, bytes,
    )  # fmt: skip
    start: int | None
    indexes: bytes | None
    count: int
    t0: float
    starts: bytes
    durations: bytes
    lengths: bytes

    def encode(self) -> bytes:
        """The bytes of this head. Cost: about 1.5 us."""
        return pack((self.start, self.indexes, self.count, self.t0, self.starts, self.durations, self.lengths))

    @classmethod
    def decode(cls, data: bytes) -> Completed:
        """The head of these bytes. Cost: about 2 us. Raises as every head does."""
        try:
            start, indexes, count, t0, starts, durations, lengths = unpack(data)
            size = 4 * count
            if type(start) is int:
                whole = indexes is None and start >= 0
            else:
                whole = start is None and len(indexes) in {size, 2 * size}
            typed = type(starts) is type(durations) is type(lengths) is bytes and type(t0) in _NUMBERS and is_moment(t0)
            if whole and typed and count > 0 and len(starts) == len(durations) == len(lengths) == size:
                return cls(start, indexes, count, t0, starts, durations, lengths)
        except (MalformedMessage, TypeError, ValueError) as error:
            raise malformed(cls, str(error)) from error
        raise malformed(cls, "its arrays do not fit its count")

    @property
    def places(self) -> Sequence[int]:
        """The calls that the record is about, in the order of their values in its body."""
        if self.indexes is None:
            start = self.start or 0
            return range(start, start + self.count)
        return unpacked("I" if len(self.indexes) == 4 * self.count else "Q", self.indexes)

    def drops(self, run: int) -> Iterable[Owner]:
        """A call that is completed needs its states no more."""
        return ((run, index) for index in self.places)


@dataclass(frozen=True, slots=True)
class Failed(Head):
    """A call failed for good; the body is a msgpack array of the traceback's text and the encoded exception or nil.

    Attributes:
        index: which call.
        attempts: how often it was tried.
        started: seconds since the epoch, of the last attempt.
        seconds: duration of the last attempt.
        reason: why.
        error_type, error_text: qualified name of the exception's class, and its message.
    """

    kind: ClassVar[Kind] = Kind.FAILED
    _types: ClassVar[tuple[_Types, ...]] = (int, int, (float, int), (float, int), str, str, str)
    index: int
    attempts: int
    started: float
    seconds: float
    reason: Reason
    error_type: str
    error_text: str

    @classmethod
    def of_fields(cls, values: list[Any]) -> Self:
        values[4] = Reason(values[4])
        return cls(*values)


@dataclass(frozen=True, slots=True)
class Reused(Head):
    """Calls took the results of earlier runs.

    Attributes:
        ranges: source_run, source_start, start, count: calls `[start, start + count)` of this run have the results
            of `[source_start, source_start + count)` of `source_run`.
    """

    kind: ClassVar[Kind] = Kind.REUSED
    _types: ClassVar[tuple[_Types, ...]] = (list,)
    ranges: tuple[tuple[int, int, int, int], ...]

    @classmethod
    def of_fields(cls, values: list[Any]) -> Self:
        ranges = tuple((run, source, start, count) for run, source, start, count in values[0])
        if not all(type(number) is int and number >= 0 for each in ranges for number in each):
            raise ValueError("a range holds something other than whole numbers")
        return cls(ranges)


@dataclass(frozen=True, slots=True)
class StateKept(Head):
    """A call kept a state of its own; the bytes lie beside the chain, where older ones are dropped.

    Attributes:
        index: which call.
        number: the how-many-th state of this call, from 1.
        label: the user's name for it.
        digest: SHA-256 of the bytes.
        length: their number.
        call_key: 16 bytes that name the call by its arguments.
        at: seconds since the epoch.
    """

    kind: ClassVar[Kind] = Kind.STATE
    _types: ClassVar[tuple[_Types, ...]] = (int, int, (str, type(None)), bytes, int, bytes, (float, int))
    index: int
    number: int
    label: str | None
    digest: bytes
    length: int
    call_key: bytes
    at: float

    def keeps(self, run: int) -> Keep:
        """A call's states: the newest few stay, until it is completed."""
        return Keep((run, self.index), self.digest, STATES_KEPT)


@dataclass(frozen=True, slots=True)
class RunClosed(Head):
    """A run ended.

    Attributes:
        status: how.
        at: seconds since the epoch.
        done, failed, reused: numbers of calls; `done` counts the reused ones.
        reason: one line of text, may be empty.
    """

    kind: ClassVar[Kind] = Kind.RUN_CLOSED
    _types: ClassVar[tuple[_Types, ...]] = (str, (float, int), int, int, int, str)
    status: Closing
    at: float
    done: int
    failed: int
    reused: int
    reason: str = ""

    @classmethod
    def of_fields(cls, values: list[Any]) -> Self:
        values[0] = Closing(values[0])
        return cls(*values)


@dataclass(frozen=True, slots=True)
class Forgotten(Head):
    """Results recorded before this are not to be reused any more; they stay in the journal.

    Attributes:
        what: a run, all runs of a function, or one call of a run.
        run: number of the run; None for a function.
        function: the function's name; None for a run or a call.
        index: which call of the run; None for a run or a function.
        at: seconds since the epoch.
    """

    kind: ClassVar[Kind] = Kind.FORGOTTEN
    _types: ClassVar[tuple[_Types, ...]] = (str, _OptionalInt, (str, type(None)), _OptionalInt, (float, int))
    what: Forgetting
    run: int | None
    function: str | None
    index: int | None
    at: float

    @classmethod
    def of_fields(cls, values: list[Any]) -> Self:
        values[0] = Forgetting(values[0])
        return cls(*values)
