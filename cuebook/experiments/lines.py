"""The experiments of a `.cuebook/`, read: each has a journal of its own, its files lie in the store that all share.

Knows no process, and writes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cuebook.errors import ExperimentError, JournalError
from cuebook.notices import notice
from cuebook.persistence.history.experiments.line import LineState
from cuebook.persistence.history.replay import state_of
from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.records.experiment_heads import CheckpointKept
from cuebook.persistence.stores.media import medium_of
from cuebook.workplace.location import Workplace
from cuebook.workplace.manifest import Manifest

__all__ = ["FILES_INLINE_MAX", "Lines", "Ref", "checked_experiment_name"]

FILES_INLINE_MAX = 16 << 10
"""A list of files up to this size lies in the record, a longer one in a blob."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
_ID = re.compile(r"[0-9a-f]{4,64}\Z")


@dataclass(frozen=True, slots=True)
class Ref:
    """One checkpoint: of which experiment, and its number."""

    name: str
    number: int

    def __str__(self) -> str:
        return f"{self.name}:{self.number}"


class Lines:
    """The experiments in a `.cuebook/`."""

    def __init__(self, workplace: Workplace) -> None:
        self.workplace = workplace
        self.folder = workplace.folder / "experiments"

    def names(self) -> list[str]:
        """All names, sorted."""
        try:
            return sorted(path.name for path in self.folder.iterdir() if _NAME.match(path.name) and path.is_dir())
        except FileNotFoundError:
            return []

    def journal_of(self, name: str) -> Path:
        """Where an experiment's journal lies."""
        return self.folder / name / "journal"

    def log_of(self, name: str) -> Path:
        """Where its output lies."""
        return self.folder / name / "log"

    def load(self, name: str) -> LineState | None:
        """What the journal of an experiment says; None where it was not yet begun.

        Raises:
            JournalError: it cannot be read, or is damaged.
        Cost: 1 ms, and 10 us a checkpoint.
        """
        path = self.journal_of(name)
        if not medium_of(path).is_there():
            return None
        with open_reader(path) as reader:
            return state_of(reader).line

    def all(self) -> Iterator[LineState]:
        """Every experiment, in order of time; one whose journal cannot be read is left out, and that is said."""
        found = []
        for name in self.names():
            try:
                line = self.load(name)
            except JournalError as error:
                notice(f"experiment {name} is left out: {error}")
                continue
            if line is not None:
                found.append(line)
        yield from sorted(found, key=lambda line: (line.opened.at, line.opened.name))

    def manifest(self, name: str, head: CheckpointKept, seq: int) -> Manifest:
        """The files of a checkpoint.

        Raises:
            JournalCorrupt, WorkplaceError: the list of them is damaged.
        """
        if head.files:
            return Manifest.decode(self.workplace.files.blobs.read(*head.files))
        with open_reader(self.journal_of(name)) as reader:
            return Manifest.decode(reader.record(seq).body or b"")

    def manifest_of(self, ref: Ref) -> Manifest:
        """The files of a checkpoint; raises ExperimentError where they are no longer kept, else as `manifest`."""
        line = self.load(ref.name)
        found = [] if line is None else [pair for pair in line.checkpoints if pair[0].number == ref.number]
        if not found or line is None:
            raise ExperimentError(f"there is no checkpoint {ref}")
        if ref.number in line.dropped:
            raise ExperimentError(f"the files of checkpoint {found[0][0].id} are no longer kept")
        return self.manifest(ref.name, *found[0])

    def resolve(self, text: str) -> Ref:
        """What a user means by a name, `name:number`, or (the beginning of) a checkpoint's id.

        Raises:
            ExperimentError: nothing, or several.
        """
        name, mark, number = text.partition(":")
        if name in self.names():
            line = self.load(name)
            if line is not None and mark and number.isdigit() and int(number) < line.next_number:
                return Ref(name, int(number))
            if line is not None and not mark and line.last is not None:
                return Ref(name, line.last.number)
            raise ExperimentError(f"experiment {name} has no checkpoint{' ' + number if mark else ' yet'}")
        found = list(self._by_id(text)) if _ID.match(text) else []
        if len(found) > 1:
            raise ExperimentError(f"{text} is the beginning of {len(found)} checkpoints: give more of it")
        if not found:
            raise ExperimentError(f"there is no experiment or checkpoint {text}: see `cuebook exp list`")
        return found[0]

    def _by_id(self, text: str) -> Iterator[Ref]:
        for line in self.all():
            for head, _ in line.checkpoints:
                if head.id.startswith(text):
                    yield Ref(line.opened.name, head.number)


def checked_experiment_name(name: str) -> str:
    """A name that an experiment may have.

    Raises:
        ExperimentError: it may not.
    """
    if not _NAME.match(name) or _ID.match(name):
        raise ExperimentError(
            f"{name!r} is no name for an experiment: letters, digits, '.', '_' and '-', and not like a checkpoint's id"
        )
    return name
