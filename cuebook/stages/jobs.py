"""The jobs of one `.cuebook/`, looked at from outside: nothing is run, and nothing is disturbed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cuebook.errors import JournalError, StageError
from cuebook.notices import notice
from cuebook.persistence.history.jobs.job import JobState
from cuebook.persistence.history.replay import state_of
from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.records.bodies import open_metrics
from cuebook.persistence.records.job_heads import StageState
from cuebook.stages.job_name import JOURNAL, folder_name
from cuebook.workplace.location import Workplace, find_workplace

__all__ = ["SeenJob", "checkpoints_of", "every_job", "job_at", "job_named", "seen_jobs"]


@dataclass(frozen=True, slots=True)
class SeenJob:
    """A job as its journal has it.

    Attributes:
        state: its runs. journal: the file. is_live: whether somebody is running it just now.
    """

    state: JobState
    journal: Path
    is_live: bool


def seen_jobs(workplace: Workplace) -> Iterator[SeenJob]:
    """All jobs, by name; one whose journal cannot be read is left out, and that is said."""
    found = []
    for journal in _journals(workplace):
        try:
            found.append(_seen(journal))
        except JournalError as error:
            notice(f"job {journal.parent.name} is left out: {error}")
    yield from sorted((seen for seen in found if seen is not None), key=lambda seen: seen.state.name)


def every_job(workplace: Workplace) -> Iterator[SeenJob]:
    """All jobs.

    Raises:
        JournalError: the journal of one cannot be read.
    """
    yield from (seen for journal in _journals(workplace) if (seen := _seen(journal)) is not None)


def job_named(workplace: Workplace, name: str) -> SeenJob:
    """The job of a name, or of a script; the end of a name is enough where one job has it.

    Raises:
        StageError: there is none, or several. JournalError: its journal cannot be read.
    """
    for exact in (name, str(Path(name).resolve())):
        journal = workplace.folder / "jobs" / folder_name(exact) / JOURNAL
        seen = _seen(journal) if journal.exists() else None
        if seen is not None and seen.state.name == exact:
            return seen
    found = [seen for seen in seen_jobs(workplace) if seen.state.name.endswith(name)]
    if len(found) != 1:
        names = ", ".join(seen.state.name for seen in (found or seen_jobs(workplace))) or "none yet"
        what = "no job" if not found else "more than one job"
        raise StageError(f"there is {what} {name}; there are: {names}")
    return found[0]


def checkpoints_of(seen: SeenJob, run: int) -> list[tuple[StageState, dict[str, Any]]]:
    """The newest checkpoint of each stage that is not done and was begun by a run, with its metrics."""
    newest = [kept[-1] for kept in seen.state.states.values() if kept[-1][2] == run]
    if not newest:
        return []
    with open_reader(seen.journal) as reader:
        return [(head, open_metrics(reader.record(seq).body, seq)) for seq, head, _ in newest]


def job_at(path: str) -> SeenJob | None:
    """The job that a script is, or whose journal this is; None where it is neither.

    Raises:
        JournalError: its journal cannot be read.
    """
    file = Path(path)
    if file.name == JOURNAL:
        return _seen(file) if file.is_file() else None
    if file.suffix != ".py" or not file.is_file():
        return None
    workplace, name = find_workplace(file), str(file.resolve())
    journal = None if workplace is None else workplace.folder / "jobs" / folder_name(name) / JOURNAL
    return _seen(journal) if journal is not None and journal.is_file() else None


def _journals(workplace: Workplace) -> list[Path]:
    return sorted((workplace.folder / "jobs").glob(f"*/{JOURNAL}"))


def _seen(journal: Path) -> SeenJob | None:
    with open_reader(journal) as reader:
        state = state_of(reader).job
        return SeenJob(state, journal, reader.holder() is not None) if state.runs else None
