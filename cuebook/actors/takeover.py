"""How a new incarnation of the Supervisor takes over a run: fold what was committed, requeue what nobody has."""

from __future__ import annotations

from cuebook.actors.messages import Recover, Recovered
from cuebook.actors.runs.run import Run
from cuebook.actors.runs.sink import CommittedResults
from cuebook.errors import CallFailed, InternalError, JournalCorrupt
from cuebook.persistence.history.failures import FailedCall
from cuebook.persistence.records.bodies import open_failed
from cuebook.persistence.records.record import Kind, Record
from cuebook.persistence.records.run_heads import Completed, Failed, StateKept
from cuebook.persistence.values import ValueDecoder

__all__ = ["recover_run"]


async def recover_run(run: Run) -> set[tuple[int, int]]:
    """Bring a run's books up to what the Journal holds, then put the calls that nobody has back into the queue.

    Where nothing is kept, what was under way is lost with the failed incarnation: the run ends with InternalError. A
    record that cannot be read ends it with JournalCorrupt.

    Returns:
        the checkpoints that were found, as index of the call and number.
    """
    states: set[tuple[int, int]] = set()
    if run.journal is None:
        run.end(InternalError("the Supervisor failed, and with path=None nothing of this run is kept"))
        return states
    while True:
        # The question waits behind the appends that the failed incarnation had sent, so that its answer counts them.
        answer = await run.journal.ask(Recover(run.number, run.delivered_seq))
        assert isinstance(answer, Recovered)
        if not answer.records:
            break
        undone = set(run.source.undone())
        for record in answer.records:
            try:
                _fold(run, record, undone, states)
            except JournalCorrupt as error:
                run.end(error)
                return states
            run.note_delivered(record.seq)
    run.take_up_again()
    return states


def _fold(run: Run, record: Record, undone: set[int], states: set[tuple[int, int]]) -> None:
    if record.kind is Kind.STATE:
        kept = StateKept.decode(record.head)
        run.states[kept.index] = (kept.number, record.seq)
        states.add((kept.index, kept.number))
    elif record.kind is Kind.COMPLETED:
        indexes = Completed.decode(record.head).places
        if undone.issuperset(indexes):
            run.deliver(CommittedResults(indexes, record.head, record.body or b""))
            undone.difference_update(indexes)
    elif record.kind is Kind.FAILED:
        failed = Failed.decode(record.head)
        if failed.index in undone:
            undone.discard(failed.index)
            run.deliver_failure(_failure(run, failed, record.body, record.seq))
    elif record.kind is Kind.RUN_CLOSED:
        run.end()


def _failure(run: Run, head: Failed, body: bytes | None, seq: int) -> CallFailed:
    text, exception = open_failed(body, seq)
    return FailedCall(head, run.source.argument(head.index), text, exception).error(ValueDecoder())
