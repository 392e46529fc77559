"""What the Supervisor has for the Journal: gathered by run, sent together, and remembered until it is answered.

Decides nothing and delivers nothing: whoever asks is told what became of an answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cuebook.actors.messages import Append
from cuebook.actors.outcomes import FailCall
from cuebook.actors.runs.run import Run
from cuebook.actors.runs.sink import CommittedResults
from cuebook.actors.runs.slot import Slot
from cuebook.errors import CallFailed
from cuebook.persistence.history.run_writer import completed_entry, failed_entry
from cuebook.persistence.records.record import Entry

__all__ = ["Acknowledgement", "Outbox", "Outgoing"]

UNCOMMITTED_BYTES_MAX = 64 * 1024 * 1024
"""Results that wait for the disk; beyond it no more calls are started."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A call waits for its checkpoint: `place` is that of its record among the entries, `host` which host asked."""

    slot: Slot
    host: int
    ticket: int
    index: int
    number: int
    place: int


@dataclass(slots=True)
class Outgoing:
    """Entries of one run for one message to the Journal, and who hears of it when they are on disk.

    Attributes:
        entries: what goes on record; `states` are place in entries and bytes of checkpoints.
        outcomes: what reaches the sink then, in this order.
        acks: the calls that wait for their checkpoints.
        count: how many entries were sent.
        size: of all of it, in bytes.
        closes: whether the run is over with it.
    """

    run: Run
    entries: list[Entry] = field(default_factory=list)
    states: list[tuple[int, bytes]] = field(default_factory=list)
    outcomes: list[CommittedResults | CallFailed] = field(default_factory=list)
    acks: list[Acknowledgement] = field(default_factory=list)
    count: int = 0
    size: int = 0
    closes: bool = False


class Outbox:
    """One incarnation's way to the Journals of its runs.

    Args:
        incarnation: the Supervisor's, from 0.
    """

    def __init__(self, incarnation: int) -> None:
        # The Journal may still have to answer what an earlier incarnation has sent: its tickets must be no one else's.
        self._tickets = incarnation << 40
        self._open: dict[int, Outgoing] = {}
        self._sent: dict[int, Outgoing] = {}
        self._uncommitted = 0

    @property
    def has_room(self) -> bool:
        """Whether more results may be made: the disk is not too far behind."""
        return self._uncommitted < UNCOMMITTED_BYTES_MAX

    def of(self, run: Run) -> Outgoing:
        """What will be sent to the run's Journal next."""
        outgoing = self._open.get(run.key)
        if outgoing is None:
            outgoing = self._open[run.key] = Outgoing(run)
        return outgoing

    def write(self, run: Run, entries: Iterable[Entry]) -> Outgoing:
        """Have these entries committed with the next message; nothing is, where nothing is kept."""
        outgoing = self.of(run)
        if run.journal is not None:
            for entry in entries:
                outgoing.entries.append(entry)
                outgoing.size += len(entry.head) + len(entry.body or b"")
        return outgoing

    def complete(self, run: Run, results: CommittedResults) -> None:
        """Finished calls: on record first, then delivered."""
        entry = completed_entry(run.number, results.head, results.body)
        self.write(run, [entry]).outcomes.append(results)

    def fail(self, run: Run, failed: FailCall) -> None:
        """A call has failed for good: on record first, then told."""
        error = failed.error
        entry = failed_entry(
            run.number,
            error.index,
            attempts=error.attempts,
            started=failed.started,
            seconds=failed.seconds,
            reason=failed.reason,
            error=(error.error_type, error.error_text, error.traceback_text),
            exception=failed.exception,
        )
        self.write(run, [entry]).outcomes.append(error)

    def unsent(self) -> list[Run]:
        """The runs that something was gathered for."""
        return [outgoing.run for outgoing in self._open.values()]

    def send(self, run: Run) -> Outgoing | None:
        """Send what was gathered for a run. Gives it back where nobody will answer, as there was nothing to keep."""
        # Once a slice of messages and not once a result: whatever the workers have said meanwhile shares a message,
        # and the Journal makes one transaction of all messages that wait for it while the disk is busy with the last
        # one. So the slower the disk is, the more results share a sync: group commit, without a timer.
        outgoing = self._open.pop(run.key, None)
        if outgoing is None or run.journal is None or not outgoing.entries:
            return outgoing
        self._tickets += 1
        self._sent[self._tickets] = outgoing
        self._uncommitted += outgoing.size
        entries, states = tuple(outgoing.entries), tuple(outgoing.states)
        run.journal.tell_nowait(Append(run.number, self._tickets, entries, states))
        outgoing.count, outgoing.entries, outgoing.states = len(outgoing.entries), [], []
        return None

    def answered(self, ticket: int) -> Outgoing | None:
        """What the Journal has answered for; None where an earlier incarnation had sent it."""
        outgoing = self._sent.pop(ticket, None)
        if outgoing is not None:
            self._uncommitted -= outgoing.size
        return outgoing

    def is_waiting(self, run: Run) -> bool:
        """Whether something of this run is on its way to the disk."""
        return any(outgoing.run is run for outgoing in self._sent.values())
