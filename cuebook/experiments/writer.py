"""The one writer of an experiment's journal: what it appends, it also folds. Knows no process and no workspace."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cuebook.errors import ExperimentError
from cuebook.experiments.lines import FILES_INLINE_MAX, Lines
from cuebook.persistence.history.experiments.line import LineState
from cuebook.persistence.history.replay import state_of
from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.records.experiment_heads import (
    AttemptBegun,
    AttemptEnded,
    CheckpointKept,
    CheckpointsDropped,
    ExperimentOpened,
)
from cuebook.workplace.manifest import Manifest

__all__ = ["Kept", "LineWriter", "taken_text"]


@dataclass(frozen=True, slots=True)
class Kept:
    """What a checkpoint says beside its files."""

    stage: str = ""
    label: str | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    state: bytes | None = None
    ends: bool = False


def taken_text(name: str) -> str:
    """What is said where an experiment of this name is there."""
    return f"there is an experiment {name} already: give another name"


class LineWriter:
    """An experiment that this process writes.

    Attributes:
        line: what its journal says.
    """

    def __init__(self, lines: Lines, journal: JournalWriter, line: LineState) -> None:
        self._lines = lines
        self._journal = journal
        self.line = line

    @classmethod
    async def create(cls, lines: Lines, opened: ExperimentOpened) -> LineWriter:
        """Begin an experiment; its folder is there.

        Raises:
            JournalError: its journal cannot be written. ExperimentError: somebody has begun it meanwhile.
        """
        journal = await JournalWriter.open(lines.journal_of(opened.name))
        if journal.last_seq > 1:
            await journal.close()
            raise ExperimentError(taken_text(opened.name))
        await journal.append([opened.entry(0)])
        return cls(lines, journal, LineState(opened))

    @classmethod
    async def open(cls, lines: Lines, name: str) -> LineWriter:
        """Go on with one.

        Raises:
            JournalBusy: another process writes it. JournalError: it cannot be read.
        """
        journal = await JournalWriter.open(lines.journal_of(name))
        with open_reader(lines.journal_of(name)) as reader:
            line = state_of(reader).line
        if line is None:
            await journal.close()
            raise ExperimentError(f"{lines.journal_of(name)} is the journal of no experiment")
        return cls(lines, journal, line)

    async def begin(self, head: AttemptBegun) -> None:
        """An attempt begins."""
        await self._journal.append([head.entry(0)])
        self.line.begin(head)

    async def keep(self, manifest: Manifest, kept: Kept) -> CheckpointKept:
        """A checkpoint, on disk when this returns."""
        data = manifest.encode()
        blobs = self._lines.workplace.files.blobs
        is_inline = len(data) <= FILES_INLINE_MAX
        number = self.line.next_number
        unique = b"%b %d %b" % (self.line.opened.name.encode(), number, os.urandom(16))
        head = CheckpointKept(
            number,
            hashlib.sha256(unique).hexdigest()[:7],
            time.time(),
            kept.label,
            kept.metrics,
            () if is_inline else (blobs.write(data), len(data)),
            () if kept.state is None else (blobs.write(kept.state), len(kept.state)),
            kept.stage,
            kept.ends,
        )
        (seq,) = await self._journal.append([head.entry(0, data if is_inline else None)])
        self.line.add(seq, head)
        return head

    async def end(self, outcome: str, code: int, aside: str, *, written: Sequence[str] = ()) -> None:
        """The attempt is over."""
        head = AttemptEnded(time.time(), outcome, code, aside, tuple(written))
        await self._journal.append([head.entry(0)])
        self.line.end(head)

    async def drop(self, numbers: list[int]) -> None:
        """The files of these checkpoints are no longer kept."""
        head = CheckpointsDropped(tuple(numbers), time.time())
        await self._journal.append([head.entry(0)])
        self.line.drop(head)

    async def close(self) -> None:
        """Let go of the journal. Twice is fine."""
        await self._journal.close()
