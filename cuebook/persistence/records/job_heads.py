"""The heads of a job's records: its runs, and what its stages and steps have kept.

Knows no body. The golden bytes of every head are in the tests; a field is only ever added at the end, with a new format
version.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from cuebook.persistence.records.fields import checked_counts, checked_moments
from cuebook.persistence.records.head import Head, Keep, Owner
from cuebook.persistence.records.record import Kind

__all__ = ["STAGE_STATES_KEPT", "JobClosed", "JobOpened", "StageKept", "StageRead", "StageState", "StepKept"]

_Types = type | tuple[type, ...]
_NUMBER = (float, int)
STAGE_STATES_KEPT = 2
"""States kept of one stage; the older one is there in case the newest cannot be used."""


@dataclass(frozen=True, slots=True)
class JobOpened(Head):
    """A run of a job has begun.

    Attributes:
        name: of the job.
        at: seconds since the epoch.
        pid: of its process. host: its machine.
        command: how it was started, without secrets.
        key: keys the digests of secrets.
        parent: number of the run before; 0 where there is none.
    """

    kind: ClassVar[Kind] = Kind.JOB_OPENED
    _types: ClassVar[tuple[_Types, ...]] = (str, _NUMBER, int, str, str, bytes, int)
    name: str
    at: float
    pid: int
    host: str
    command: str
    key: bytes
    parent: int

    @classmethod
    def of_fields(cls, values: list[Any]) -> JobOpened:
        checked_moments(values[1])
        checked_counts(values[2], values[6])
        return cls(*values)


@dataclass(frozen=True, slots=True)
class StageRead:
    """What a stage has read while it ran, beside its arguments.

    Attributes:
        form: "file" or "dataset".
        name: the file's absolute path, or the data set's name.
        version: of the data set; 0: the newest one.
        digest: of the content; of a data set its stage's hash and the digest of its value.
        known: of a file: size, mtime_ns, ctime_ns, inode, and 1 where these may be relied on.
    """

    form: str
    name: str
    version: int
    digest: bytes
    known: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class StageKept(Head):
    """A stage was done, and its value is kept.

    Attributes:
        hash: its lineage, 16 bytes.
        stage: its name. number: which call of this name it was in its run, from 1.
        version: of the data set that has the stage's name.
        form: how the value is encoded. digest: sha256 of the encoded value; empty where the body holds it.
        size: bytes of the encoded value. pieces: of the file that holds it.
        rows: how many the value has; None where it has none.
        value: by which the value is known, 16 bytes.
        at: seconds since the epoch at which it began. seconds: how long it took.
        upstream: the hashes of stages whose values it was given or has read.
        reads: see `StageRead`.
        outputs: an encoded list of the files that it has written; empty where it has none.
        reasons: why it was done, for people.
    """

    kind: ClassVar[Kind] = Kind.STAGE_KEPT
    _types: ClassVar[tuple[_Types, ...]] = (
        bytes, str, int, int, str, bytes, int, list, (int, type(None)), bytes,
        _NUMBER, _NUMBER, list, list, bytes, list,
    )  # fmt: skip
    hash: bytes
    stage: str
    number: int
    version: int
    form: str
    digest: bytes
    size: int
    pieces: tuple[tuple[bytes, int], ...]
    rows: int | None
    value: bytes
    at: float
    seconds: float
    upstream: tuple[bytes, ...]
    reads: tuple[StageRead, ...]
    outputs: bytes
    reasons: tuple[str, ...]

    def drops(self, run: int) -> Iterable[Owner]:
        """The stage is done: nobody asks for its states any more."""
        del run
        return (_owner(self.hash),)

    def encode(self) -> bytes:
        """The bytes of this head."""
        from cuebook.wire.codec import pack

        pieces = [list(piece) for piece in self.pieces]
        reads = [[read.form, read.name, read.version, read.digest, list(read.known)] for read in self.reads]
        return pack(
            [
                self.hash, self.stage, self.number, self.version, self.form, self.digest, self.size, pieces, self.rows,
                self.value, self.at, self.seconds, list(self.upstream), reads, self.outputs, list(self.reasons),
            ]
        )  # fmt: skip

    @classmethod
    def of_fields(cls, values: list[Any]) -> StageKept:
        values[7] = tuple((digest, length) for digest, length in values[7])
        values[12] = tuple(values[12])
        values[13] = tuple(map(_read, values[13]))
        values[15] = tuple(values[15])
        if len(values[0]) != 16 or not all(type(each) is bytes for each in values[12]):
            raise ValueError("a hash has 16 bytes")
        if not all(type(each) is str for each in values[15]):
            raise ValueError("a reason is a text")
        if not all(type(digest) is bytes for digest, _ in values[7]):
            raise ValueError("a piece has a digest")
        checked_counts(values[2], values[3], values[6], values[8] or 0, *(length for _, length in values[7]))
        checked_moments(values[10], values[11])
        return cls(*values)


def _read(row: list[Any]) -> StageRead:
    form, name, version, digest, known = row
    if type(form) is not str or type(name) is not str or type(version) is not int or type(digest) is not bytes:
        raise ValueError("what was read is a form, a name, a version and a digest")
    checked_counts(version)
    if any(type(number) is not int for number in known):
        raise ValueError("what is known of a file are whole numbers")
    return StageRead(form, name, version, digest, tuple(known))


def _owner(lineage: bytes) -> Owner:
    """Whose states those of a stage are, in whatever run: 0 is the number of no run of calls and of no stream."""
    return 0, int.from_bytes(lineage[:7], "little")


@dataclass(frozen=True, slots=True)
class StageState(Head):
    """A stage that runs kept a state of its own; the bytes lie beside the chain, its metrics are the body.

    Attributes:
        hash: lineage of the stage, 16 bytes. stage: its name.
        number: the how-many-th state of this stage, from 1. label: the user's name for it.
        digest: SHA-256 of the bytes. length: their number.
        at: seconds since the epoch.
    """

    kind: ClassVar[Kind] = Kind.STAGE_STATE
    _types: ClassVar[tuple[_Types, ...]] = (bytes, str, int, (str, type(None)), bytes, int, _NUMBER)
    hash: bytes
    stage: str
    number: int
    label: str | None
    digest: bytes
    length: int
    at: float

    @classmethod
    def of_fields(cls, values: list[Any]) -> StageState:
        if len(values[0]) != 16:
            raise ValueError("a hash has 16 bytes")
        return cls(*values)

    def keeps(self, run: int) -> Keep:
        """A stage's states: the newest few stay, until it is done, through all runs of its job."""
        del run
        return Keep(_owner(self.hash), self.digest, STAGE_STATES_KEPT)


@dataclass(frozen=True, slots=True)
class StepKept(Head):
    """A step was done; the body holds its value.

    Attributes:
        key: by which it is known: name, arguments, version and which equal call it was, 16 bytes.
        step: its name. number: which equal call it was, from 1.
        at: seconds since the epoch at which it began. seconds: how long it took.
    """

    kind: ClassVar[Kind] = Kind.STEP_KEPT
    _types: ClassVar[tuple[_Types, ...]] = (bytes, str, int, _NUMBER, _NUMBER)
    key: bytes
    step: str
    number: int
    at: float
    seconds: float

    @classmethod
    def of_fields(cls, values: list[Any]) -> StepKept:
        checked_counts(values[2])
        checked_moments(values[3], values[4])
        return cls(*values)


@dataclass(frozen=True, slots=True)
class JobClosed(Head):
    """A run of a job is over.

    Attributes:
        at: seconds since the epoch.
        status: "done", "failed" or "interrupted".
        error: the failure's text, without secrets; empty where there was none.
        skipped: numbers of the records whose values it took over, in order.
        steps: how many kept steps it took over.
    """

    kind: ClassVar[Kind] = Kind.JOB_CLOSED
    _types: ClassVar[tuple[_Types, ...]] = (_NUMBER, str, str, list, int)
    at: float
    status: str
    error: str
    skipped: tuple[int, ...]
    steps: int

    @classmethod
    def of_fields(cls, values: list[Any]) -> JobClosed:
        values[3] = tuple(values[3])
        checked_moments(values[0])
        checked_counts(*values[3], values[4])
        return cls(*values)
