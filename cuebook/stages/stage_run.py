"""One call of a stage while it runs: what it reads and writes beside its arguments and its value. Knows no journal."""

from __future__ import annotations

import os
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from cuebook.errors import StageError
from cuebook.persistence.identity.files import File
from cuebook.persistence.records.job_heads import StageRead

__all__ = ["StageRun", "current_stage", "file_read", "items_journal"]


@dataclass(slots=True)
class StageRun:
    """A call of a stage.

    Attributes:
        name: of the stage. hash: its lineage. items: the journal of the `chunk()` runs in it.
        above: the call that it was made in.
        reads: what it has read. outputs: files and folders that it writes. upstream: hashes of what it has read.
        is_reset: whether it has read what was done again because somebody wanted that.
    """

    name: str
    hash: bytes
    items: Path
    above: StageRun | None = None
    reads: dict[tuple[str, str], StageRead] = field(default_factory=dict)
    outputs: list[Path] = field(default_factory=list)
    upstream: dict[bytes, None] = field(default_factory=dict)

    def has_read(self, read: StageRead) -> None:
        """Note what was read, here and in the calls around it."""
        run: StageRun | None = self
        while run is not None:
            run.reads.setdefault((read.form, f"{read.name}\0{read.version}"), read)
            run = run.above

    def has_used(self, lineage: bytes) -> None:
        """Note that the value of a stage was read."""
        self.upstream[lineage] = None

    def names(self) -> list[str]:
        """The stages around it and itself, from outside."""
        return [*(self.above.names() if self.above is not None else ()), self.name]

    def is_within(self, lineage: bytes) -> bool:
        """Whether a call of this lineage is running around here."""
        run: StageRun | None = self
        while run is not None and run.hash != lineage:
            run = run.above
        return run is not None


current_stage: ContextVar[StageRun | None] = ContextVar("current_stage", default=None)


def items_journal() -> str | None:
    """Where `chunk()` keeps results when it is given no path: the journal of the stage that it is called in."""
    run = current_stage.get()
    if run is None:
        return None
    run.items.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return str(run.items)


def file_read(file: File) -> StageRead:
    """A file as it is now.

    Raises:
        MissingFile: it cannot be read.
    """
    digest, *known, is_settled = file.stamped()
    return StageRead("file", os.path.abspath(file.path), 0, digest, (*known, int(is_settled)))


def running_stage(what: str) -> StageRun:
    """The stage that this code runs in.

    Raises:
        StageError: there is none.
    """
    run = current_stage.get()
    if run is None:
        raise StageError(f"{what} says what a stage reads or writes: call it inside of a stage")
    return run
