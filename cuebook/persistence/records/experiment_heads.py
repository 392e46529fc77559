"""The heads of an experiment's records: how it was begun, its attempts, and its checkpoints. Knows no file and no body.

The golden bytes of every head are in the tests; a field is only ever added at the end, with a new format version.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from cuebook.persistence.records.fields import checked_counts, checked_facts, checked_moments
from cuebook.persistence.records.head import Head
from cuebook.persistence.records.record import Kind

__all__ = ["AttemptBegun", "AttemptEnded", "CheckpointKept", "CheckpointsDropped", "ExperimentOpened"]

_Types = type | tuple[type, ...]
_FACTS = {
    "workspace": str,
    "outputs": list,
    "commands": list,
    "git": dict,
    "message": str,
    "params": dict,
    "deps": dict,
}
_ID = re.compile(r"[0-9a-f]{1,64}\Z")
_GIT_FACTS = {"commit": str, "branch": str, "dirty": bool}


def _check_facts(facts: dict[str, Any]) -> None:
    checked_facts(facts, _FACTS)
    checked_facts(facts.get("git", {}), _GIT_FACTS)
    if not _ID.match(facts.get("git", {}).get("commit", "0")):  # it is given to Git, which takes options there too
        raise ValueError("a commit is hex digits")
    checked_facts(facts.get("params", {}), {})
    checked_facts(facts.get("deps", {}), {})


@dataclass(frozen=True, slots=True)
class ExperimentOpened(Head):
    """An experiment was begun; its journal holds no other one.

    Attributes:
        name: among those of its folder. at: seconds since the epoch.
        parent: the checkpoint that it was begun from, as `name:number`; "" where it was begun from scratch.
        facts: what it is made from, as plain data: `workspace`, `outputs`, `stages`, `git`, `message`.
    """

    kind: ClassVar[Kind] = Kind.EXPERIMENT_OPENED
    _types: ClassVar[tuple[_Types, ...]] = (str, (float, int), str, dict)
    name: str
    at: float
    parent: str
    facts: dict[str, Any]

    @classmethod
    def of_fields(cls, values: list[Any]) -> ExperimentOpened:
        checked_moments(values[1])
        _check_facts(values[3])
        return cls(*values)


@dataclass(frozen=True, slots=True)
class AttemptBegun(Head):
    """The program was started, for the first time or again.

    Attributes:
        at: seconds since the epoch.
        host, pid: of its runner.
        start: number of the checkpoint that it goes on from; 0 is what was there at the beginning.
        inputs: digest of what it depends on: commands, dependencies, parameters.
        facts: as plain data: `params`, `deps`, `git`.
    """

    kind: ClassVar[Kind] = Kind.ATTEMPT_BEGUN
    _types: ClassVar[tuple[_Types, ...]] = ((float, int), str, int, int, bytes, dict)
    at: float
    host: str
    pid: int
    start: int
    inputs: bytes
    facts: dict[str, Any]

    @classmethod
    def of_fields(cls, values: list[Any]) -> AttemptBegun:
        checked_moments(values[0])
        checked_counts(values[2], values[3])
        _check_facts(values[5])
        return cls(*values)


@dataclass(frozen=True, slots=True)
class CheckpointKept(Head):
    """The outputs were kept as they were; the body is the list of files, unless that is a blob of its own.

    Attributes:
        number: from 0, which is what was there before the first attempt. id: seven or more hex digits.
        at: seconds since the epoch.
        label: the program's name for it. metrics: its numbers and texts.
        files: digest and length of the blob that is the list of files; empty where that is the body.
        state: digest and length of the blob that is the program's state; empty where it kept none.
        stage: the stage that made it. ends: whether that stage ended well with it.
    """

    kind: ClassVar[Kind] = Kind.CHECKPOINT_KEPT
    _types: ClassVar[tuple[_Types, ...]] = (int, str, (float, int), (str, type(None)), dict, list, list, str, bool)
    number: int
    id: str
    at: float
    label: str | None
    metrics: dict[str, Any]
    files: tuple[bytes, int] | tuple[()]
    state: tuple[bytes, int] | tuple[()]
    stage: str
    ends: bool

    @classmethod
    def of_fields(cls, values: list[Any]) -> CheckpointKept:
        for place in (5, 6):
            values[place] = _blob(values[place])
        checked_counts(values[0])
        checked_moments(values[2])
        checked_facts(values[4], {})
        if not _ID.match(values[1]):
            raise ValueError("an id is hex digits")
        return cls(*values)


def _blob(value: list[Any]) -> tuple[bytes, int] | tuple[()]:
    if not value:
        return ()
    digest, length = value
    if type(digest) is not bytes or len(digest) != 32 or type(length) is not int or length < 0:
        raise ValueError("a blob is a digest and a length")
    return digest, length


@dataclass(frozen=True, slots=True)
class AttemptEnded(Head):
    """The program is over, and the workspace as it was to be.

    Attributes:
        at: seconds since the epoch.
        outcome: `finished`, `failed`, `killed`, `interrupted` or `lost` (its runner was).
        code: exit code of the program; -n where signal n ended it.
        aside: the folder that holds what was written after the last checkpoint; "" where nothing was.
        written: names of files that the command names, and that the attempt has changed: it does not depend on them.
    """

    kind: ClassVar[Kind] = Kind.ATTEMPT_ENDED
    _types: ClassVar[tuple[_Types, ...]] = ((float, int), str, int, str, list)
    at: float
    outcome: str
    code: int
    aside: str
    written: tuple[str, ...]

    @classmethod
    def of_fields(cls, values: list[Any]) -> AttemptEnded:
        if any(type(name) is not str for name in values[4]):
            raise ValueError("a file has a name")
        checked_moments(values[0])
        values[4] = tuple(values[4])
        return cls(*values)


@dataclass(frozen=True, slots=True)
class CheckpointsDropped(Head):
    """The files of checkpoints are no longer kept.

    Attributes:
        numbers: which. at: seconds since the epoch.
    """

    kind: ClassVar[Kind] = Kind.CHECKPOINTS_DROPPED
    _types: ClassVar[tuple[_Types, ...]] = (list, (float, int))
    numbers: tuple[int, ...]
    at: float

    @classmethod
    def of_fields(cls, values: list[Any]) -> CheckpointsDropped:
        checked_counts(*values[0])
        checked_moments(values[1])
        return cls(tuple(values[0]), values[1])
