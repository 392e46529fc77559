"""Runs in a few numbers each: what people and programs want to see of a journal at a glance.

Knows no value and no file beyond its reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cuebook.persistence.history.replay import state_of
from cuebook.persistence.history.run import RunState, RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cuebook.persistence.history.replay import JournalState
    from cuebook.persistence.journal.reader import Reader
    from cuebook.persistence.stores.port import Holder

__all__ = ["Picture", "RunSummary", "look"]

_LOOKS_MAX = 5


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run of a journal.

    Attributes:
        number: from 1, in the order of opening.
        function: name of the function.
        status: what has become of it.
        started: seconds since the epoch.
        ended: seconds since the epoch; None where nobody closed it.
        done: calls with a result, reused ones too.
        total: number of calls; None while the source has not ended.
        failed: calls that failed for good.
        reused: calls that took an earlier result.
        rate: calls made per second, from the start to the end (or now); None where that is not known.
        seconds: what its own completed calls took together.
        reason: why it has ended as it has; empty where nobody knows.
    """

    number: int
    function: str
    status: RunStatus
    started: float
    ended: float | None
    done: int
    total: int | None
    failed: int
    reused: int
    rate: float | None
    seconds: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A journal at one moment.

    Attributes:
        state: what its records say.
        holder: who writes to it; None: nobody.
        trouble: who could not write to it any more, and why; None where its last writer could.
    """

    state: JournalState
    holder: Holder | None
    trouble: tuple[Holder, str] | None = None

    def status(self, run: RunState) -> RunStatus:
        """What has become of a run."""
        status = run.status(self.holder)
        if status is RunStatus.ABANDONED and self.trouble is not None and run.is_of(self.trouble[0]):
            return RunStatus.FAILED
        return status

    def reason(self, run: RunState) -> str:
        """Why a run has ended as it has; empty where nobody knows."""
        if run.closed is not None:
            return run.closed.reason
        is_cut_short = self.trouble is not None and self.status(run) is RunStatus.FAILED
        return self.trouble[1] if is_cut_short and self.trouble is not None else ""

    def summary(self, run: RunState, now: float) -> RunSummary:
        """One run in numbers. `now` is seconds since the epoch."""
        return _summary(run, (self.status(run), self.reason(run)), now)

    def summaries(self, now: float) -> Iterator[RunSummary]:
        """Every run, in order. `now` is seconds since the epoch."""
        return (self.summary(run, now) for run in self.state.runs.values())


def look(reader: Reader, state: JournalState | None = None) -> Picture:
    """The journal now, so that a run that starts or ends meanwhile is not taken for an abandoned one.

    Args:
        reader: the journal.
        state: what was read before; it is brought up to date and nothing of it is read again.

    Raises:
        JournalCorrupt: a record is damaged.
    Cost: about 10 us a record not yet read.
    """
    before = reader.holder()
    for _ in range(_LOOKS_MAX):
        state = state_of(reader, state)
        after = reader.holder()
        if after == before:
            break
        before = after
    assert state is not None
    return Picture(state, before, reader.trouble())


def _summary(run: RunState, ending: tuple[RunStatus, str], now: float) -> RunSummary:
    status, reason = ending
    ended = run.closed.at if run.closed is not None else None
    return RunSummary(
        number=run.number,
        function=run.opened.function,
        status=status,
        started=run.opened.started,
        ended=ended,
        done=run.done.count(),
        total=run.total,
        failed=len(run.failures),
        reused=run.reused_count,
        rate=_rate(run, now if status is RunStatus.RUNNING else ended or run.last_at),
        seconds=run.seconds,
        reason=reason,
    )


def _rate(run: RunState, until: float) -> float | None:
    elapsed = until - run.opened.started
    return run.completed / elapsed if run.completed and elapsed > 0 else None
