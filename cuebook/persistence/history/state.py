"""What a journal says up to a record: every run and stream, an experiment or a job. Plain data; the folds write it.

Knows no file.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cuebook.errors import JournalCorrupt
from cuebook.persistence.history.experiments.line import LineState
from cuebook.persistence.history.jobs.job import JobState
from cuebook.persistence.history.marks import Marks
from cuebook.persistence.history.run import RunState
from cuebook.persistence.history.stream import StreamState
from cuebook.persistence.records.run_heads import JournalOpened

__all__ = ["JournalState"]


@dataclass(slots=True)
class JournalState:
    """What a journal says up to record `last_seq`.

    Attributes:
        opened: what its first record says; None before it was read.
        runs: the runs by number, in the order in which they were opened.
        streams: those of durable actors, likewise, but for those that were removed: their numbers are `removed`.
        line: the experiment whose journal this is; None of any other journal.
        job: the job whose journal it is.
        last_seq: number of the last record that was folded in.
        by_function, by_fingerprint: the runs of a function's name, and of a fingerprint, in their order.
        with_states: the runs of which a call kept a state.
    """

    opened: JournalOpened | None = None
    runs: dict[int, RunState] = field(default_factory=dict)
    last_seq: int = 0
    streams: dict[int, StreamState] = field(default_factory=dict)
    removed: set[int] = field(default_factory=set)
    line: LineState | None = None
    job: JobState = field(default_factory=JobState)
    by_function: dict[str, list[RunState]] = field(default_factory=dict)
    by_fingerprint: dict[bytes, list[RunState]] = field(default_factory=dict)
    with_states: dict[int, RunState] = field(default_factory=dict)

    @property
    def newest(self) -> RunState | None:
        """The run that was opened last."""
        return self.runs[next(reversed(self.runs))] if self.runs else None

    def claimable(self, run: int) -> Marks:
        """The calls of a run whose result lies in a record of that run and may be reused.

        Not those that took their own result from an earlier run: the claim is on the run that made it.
        """
        return self.runs[run].own

    def origin(self, run: int, index: int) -> tuple[int, int]:
        """The run and call whose record holds the result of this call."""
        seen = set()
        while (run, index) not in seen and run in self.runs:
            seen.add((run, index))
            found = self.runs[run].reused_from(index)
            if found is None:
                break
            run, index = found
        return run, index

    def run_of(self, number: int, seq: int) -> RunState:
        """The run that record `seq` belongs to.

        Raises:
            JournalCorrupt: it was never opened.
        """
        try:
            return self.runs[number]
        except KeyError:
            raise JournalCorrupt(f"record {seq} belongs to run {number}, which was never opened", seq=seq) from None

    def stream_of(self, number: int, seq: int) -> StreamState:
        """The stream that record `seq` belongs to.

        Raises:
            JournalCorrupt: it was never opened.
        """
        try:
            return self.streams[number]
        except KeyError:
            text = f"record {seq} belongs to stream {number}, which was never opened"
            raise JournalCorrupt(text, seq=seq) from None
