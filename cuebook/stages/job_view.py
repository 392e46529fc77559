"""A job for people: its runs, and what became of each stage. Pure; knows no file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cuebook.persistence.history.jobs.job import JobRun, JobState, KeptStage
from cuebook.wording import duration

__all__ = ["StageLine", "job_text", "lines_of", "status_of"]


@dataclass(frozen=True, slots=True)
class StageLine:
    """What became of one call of a stage in one run.

    Attributes:
        stage, version: its name, and the version of its data set.
        status: "done", "skipped" or "redone".
        rows: of its value. seconds: how long it took when it was done.
        reasons: why it was redone.
    """

    stage: str
    version: int
    status: str
    rows: int | None
    seconds: float
    reasons: tuple[str, ...]


def status_of(run: JobRun, *, is_live: bool) -> str:
    """How a run is, or how it has ended: one without an end was killed, unless it is still at work."""
    if run.closed is not None:
        return run.closed.status
    return "running" if is_live else "killed"


def lines_of(state: JobState, run: JobRun, skipped: Sequence[int] = ()) -> list[StageLine]:
    """What became of the stages of a run: first what it took over, then what it did."""
    taken = run.closed.skipped if run.closed is not None else skipped
    lines = [_line(state.by_seq[seq], "skipped") for seq in taken if seq in state.by_seq]
    return [*lines, *(_line(kept, "done" if _is_first(kept) else "redone") for kept in run.kept)]


def _is_first(kept: KeptStage) -> bool:
    from cuebook.stages.reasons import FIRST_TIME

    return kept.head.reasons == (FIRST_TIME,)


def _line(kept: KeptStage, status: str) -> StageLine:
    head = kept.head
    return StageLine(
        head.stage, head.version, status, head.rows, head.seconds, head.reasons if status == "redone" else ()
    )


def job_text(state: JobState, number: int, *, skipped: Sequence[int], steps: int, is_live: bool = True) -> str:
    """A run of a job as a table."""
    run = state.runs[number]
    head = f"job {state.name}, run {number}: {status_of(run, is_live=is_live)}"
    rows = [_cells(line) for line in lines_of(state, run, skipped)]
    if run.steps or steps:
        head += f", {run.steps} steps done, {steps} taken over"
    return "\n".join([head, *_aligned(rows)])


def _cells(line: StageLine) -> tuple[str, ...]:
    rows = "" if line.rows is None else f"{line.rows:,} rows"
    took = "" if line.status == "skipped" else duration(line.seconds)
    return (line.status, f"{line.stage} v{line.version}", rows, took, "; ".join(line.reasons))


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    if not rows:
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield ("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip()
