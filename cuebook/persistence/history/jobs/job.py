"""What a journal says of one job: its runs, and what stages and steps have kept. Plain data; knows no file."""

from __future__ import annotations

from dataclasses import dataclass, field

from cuebook.persistence.records.job_heads import (
    STAGE_STATES_KEPT,
    JobClosed,
    JobOpened,
    StageKept,
    StageState,
    StepKept,
)

__all__ = ["JobRun", "JobState", "KeptStage"]


@dataclass(frozen=True, slots=True)
class KeptStage:
    """A stage that is kept.

    Attributes:
        seq: number of its record. run: number of the job's run that has done it.
        head: what the record says.
    """

    seq: int
    run: int
    head: StageKept


@dataclass(slots=True)
class JobRun:
    """One run of a job.

    Attributes:
        number: as recorded. opened, closed: its first and last record; None: it is not over, or was killed.
        kept: what its stages have kept. steps: how many steps it has done.
    """

    number: int
    opened: JobOpened
    closed: JobClosed | None = None
    kept: list[KeptStage] = field(default_factory=list)
    steps: int = 0


@dataclass(slots=True)
class JobState:
    """A job, up to some record.

    Attributes:
        runs: by number, oldest first.
        stages: what is kept, by hash; of equal hashes the newest.
        by_seq: what is kept, by the number of its record.
        by_name: the newest that is kept by a stage's name and the number of its call.
        steps: number of the record of each step, by its key.
        states: of stages that are not done, the newest states, oldest first: number of the record, head, run.
    """

    runs: dict[int, JobRun] = field(default_factory=dict)
    stages: dict[bytes, KeptStage] = field(default_factory=dict)
    by_seq: dict[int, KeptStage] = field(default_factory=dict)
    by_name: dict[tuple[str, int], KeptStage] = field(default_factory=dict)
    steps: dict[bytes, tuple[int, StepKept]] = field(default_factory=dict)
    states: dict[bytes, list[tuple[int, StageState, int]]] = field(default_factory=dict)

    def add_stage(self, seq: int, run: int, head: StageKept) -> KeptStage:
        """One more is kept."""
        kept = KeptStage(seq, run, head)
        self.runs[run].kept.append(kept)
        self.stages[head.hash] = self.by_seq[seq] = kept
        self.by_name[head.stage, head.number] = kept
        self.states.pop(head.hash, None)
        return kept

    def add_state(self, seq: int, run: int, head: StageState) -> None:
        """A stage that runs has kept one more state."""
        kept = self.states.setdefault(head.hash, [])
        kept.append((seq, head, run))
        del kept[:-STAGE_STATES_KEPT]

    def add_step(self, seq: int, run: int, head: StepKept) -> None:
        """One more step is kept; the first of a key stays."""
        self.runs[run].steps += 1
        self.steps.setdefault(head.key, (seq, head))

    @property
    def newest(self) -> JobRun | None:
        """The run that was begun last."""
        return self.runs[next(reversed(self.runs))] if self.runs else None

    @property
    def name(self) -> str:
        """Of the job; empty where it has no run."""
        newest = self.newest
        return "" if newest is None else newest.opened.name
