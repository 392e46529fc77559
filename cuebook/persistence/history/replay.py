"""The replay: a pure fold of the journal's records into the state of every run.

Knows no file, opens no body and runs nothing: what is completed is what this gives back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cuebook.errors import JournalCorrupt
from cuebook.persistence.history.run import RunState
from cuebook.persistence.history.stream import StreamState
from cuebook.persistence.journal.reader import Reader
from cuebook.persistence.records.record import Kind, Record
from cuebook.persistence.records.run_heads import (
    Arguments,
    Completed,
    Failed,
    Forgetting,
    Forgotten,
    JournalOpened,
    Reused,
    RunClosed,
    RunOpened,
    StateKept,
)
from cuebook.persistence.records.stream_heads import StreamOpened

__all__ = ["JournalState", "replay", "state_of"]


@dataclass(slots=True)
class JournalState:
    """What a journal says up to record `last_seq`.

    Attributes:
        opened: what its first record says; None before it was read.
        runs: the runs by number, in the order in which they were opened.
        streams: those of durable actors, likewise.
        last_seq: number of the last record that was folded in.
    """

    opened: JournalOpened | None = None
    runs: dict[int, RunState] = field(default_factory=dict)
    last_seq: int = 0
    streams: dict[int, StreamState] = field(default_factory=dict)

    @property
    def newest(self) -> RunState | None:
        """The run that was opened last."""
        return self.runs[next(reversed(self.runs))] if self.runs else None

    def apply(self, record: Record) -> None:
        """Fold one more record in.

        Raises:
            JournalCorrupt: it contradicts the records before it; this state is as it was.
        Cost: about 4 us for a COMPLETED record.
        """
        _FOLDS[record.kind](self, record)
        self.last_seq = record.seq

    def claimable(self, run: int) -> bytearray:
        """A byte for each call of a run: 1 where the result lies in a record of that run and may be reused.

        A call that took its own result from an earlier run has 0: the claim is on the run that made it.
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

    def _run_of(self, record: Record) -> RunState:
        try:
            return self.runs[record.run]
        except KeyError:
            raise JournalCorrupt(
                f"record {record.seq} belongs to run {record.run}, which was never opened", seq=record.seq
            ) from None

    def _journal(self, record: Record) -> None:
        self.opened = JournalOpened.decode(record.head)

    def _run_opened(self, record: Record) -> None:
        if record.run in self.runs:
            raise JournalCorrupt(f"record {record.seq} opens run {record.run} again", seq=record.seq)
        self.runs[record.run] = RunState(record.run, record.seq, RunOpened.decode(record.head))

    def _arguments(self, record: Record) -> None:
        self._run_of(record).add_arguments(record.seq, Arguments.decode(record.head))

    def _completed(self, record: Record) -> None:
        run = self.runs.get(record.run) or self._run_of(record)
        run.add_completed(record.seq, Completed.decode(record.head))

    def _failed(self, record: Record) -> None:
        self._run_of(record).add_failed(record.seq, Failed.decode(record.head))

    def _reused(self, record: Record) -> None:
        head = Reused.decode(record.head)
        for source_run, source_start, _, count in head.ranges:
            source = self.runs.get(source_run)
            found = b"" if source is None else source.done[source_start : source_start + count]
            if len(found) < count or 0 in found:
                raise JournalCorrupt(
                    f"record {record.seq} takes results of run {source_run} that are not there", seq=record.seq
                )
        self._run_of(record).add_reused(record.seq, head)

    def _stream_opened(self, record: Record) -> None:
        if record.run in self.streams or record.run >= 0:
            raise JournalCorrupt(f"record {record.seq} opens stream {record.run} again", seq=record.seq)
        self.streams[record.run] = StreamState(record.run, StreamOpened.decode(record.head))

    def _of_stream(self, record: Record) -> None:
        stream = self.streams.get(record.run)
        if stream is None:
            text = f"record {record.seq} belongs to stream {record.run}, which was never opened"
            raise JournalCorrupt(text, seq=record.seq)
        stream.apply(record)

    def _state(self, record: Record) -> None:
        self._run_of(record).add_state(record.seq, StateKept.decode(record.head))

    def _closed(self, record: Record) -> None:
        self._run_of(record).add_closed(record.seq, RunClosed.decode(record.head))

    def _forgotten(self, record: Record) -> None:
        head = Forgotten.decode(record.head)
        if head.what is Forgetting.CALL and head.run is not None and head.index is not None:
            run, index = self.origin(head.run, head.index)
            if run in self.runs:
                self.runs[run].forget(index)
        for run_state in self.runs.values():
            is_run = head.what is Forgetting.RUN and run_state.number == head.run
            if is_run or (head.what is Forgetting.FUNCTION and run_state.opened.function == head.function):
                run_state.forget_all()


def replay(records: Iterable[Record], state: JournalState | None = None) -> JournalState:
    """Fold `records`, in ascending order, into `state` (a new one where it is None). Bodies may be left out.

    Raises:
        JournalCorrupt: a record contradicts those before it.
    """
    state = JournalState() if state is None else state
    apply = state.apply
    for record in records:
        apply(record)
    return state


_FOLDS: dict[Kind, Callable[[JournalState, Record], None]] = {
    Kind.JOURNAL: JournalState._journal,
    Kind.RUN_OPENED: JournalState._run_opened,
    Kind.ARGUMENTS: JournalState._arguments,
    Kind.COMPLETED: JournalState._completed,
    Kind.FAILED: JournalState._failed,
    Kind.REUSED: JournalState._reused,
    Kind.STATE: JournalState._state,
    Kind.RUN_CLOSED: JournalState._closed,
    Kind.FORGOTTEN: JournalState._forgotten,
    Kind.STREAM_OPENED: JournalState._stream_opened,
    Kind.EVENTS: JournalState._of_stream,
    Kind.SNAPSHOT: JournalState._of_stream,
    Kind.DUTIES: JournalState._of_stream,
    Kind.RECEIVED: JournalState._of_stream,
}


def state_of(reader: Reader, state: JournalState | None = None) -> JournalState:
    """The state of every run in an open journal now; with `state`, what was read before is not read again.

    Raises:
        JournalError, JournalCorrupt: as `Reader.records`.
    Cost: 4 us a record.
    """
    after = state.last_seq if state else 0
    return replay(reader.records(after=after, bodies=False), state)
