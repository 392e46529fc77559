"""What a new incarnation of the Supervisor makes of a run that an earlier one had in hand."""

from __future__ import annotations

import asyncio
from array import array
from typing import cast

import pytest

from cuebook.actors.messages import Recover, Recovered
from cuebook.actors.runs.run import Run
from cuebook.actors.runs.sink import CommittedResults
from cuebook.actors.takeover import recover_run
from cuebook.errors import CallTimedOut, InternalError, JournalCorrupt
from cuebook.persistence.records.record import Kind, Record
from cuebook.persistence.records.run_heads import Completed, Failed, Reason
from cuebook.runtime.refs.ref import ActorRef
from cuebook.wire.codec import pack
from tests.support.crew import Shelf, crewed_run


class Archive:
    """Stands for the Journal's ref: answers with these records, then with none."""

    def __init__(self, *records: Record) -> None:
        self.records = records

    async def ask(self, question: Recover) -> Recovered:
        return Recovered(tuple(record for record in self.records if record.seq > question.after))


def completed(seq: int, start: int, count: int) -> Record:
    floats = array("f", [0.0] * count).tobytes()
    head = Completed(start, None, count, 0.0, floats, floats, array("I", [1] * count).tobytes())
    return Record(seq, Kind.COMPLETED, 1, head.encode(), b"\x01" * count, b"")


def failed(seq: int, index: int, body: bytes | None) -> Record:
    head = Failed(index, 2, 1000.0, 3.0, Reason.TIMED_OUT, "CallTimedOut", "too slow")
    return Record(seq, Kind.FAILED, 1, head.encode(), body, b"")


def taken_over(*records: Record) -> Run:
    """A run whose calls 0 to 5 were taken, of which 4 and 5 are with a worker."""

    async def main() -> Run:
        run = crewed_run(journal=cast("ActorRef", Archive(*records)))
        run.take(6)
        run.slots[0].outstanding.add([4, 5])
        await recover_run(run)
        if run.ended.done():
            run.ended.exception()
        return run

    return asyncio.run(main())


def test_what_was_committed_is_delivered_and_what_nobody_has_goes_back() -> None:
    run = taken_over(completed(7, 0, 2), failed(8, 2, pack(["Traceback ...", None])))
    shelf = cast("Shelf", run.sink)
    results, error = shelf.kept
    assert isinstance(results, CommittedResults) and list(results.indexes) == [0, 1]
    assert isinstance(error, CallTimedOut) and error.traceback_text == "Traceback ..." and error.arguments == [2]
    assert [index for index, _ in run.retries] == [3]
    assert run.delivered_seq == 8


def test_a_record_that_was_delivered_before_is_not_delivered_again() -> None:
    async def main() -> None:
        run = crewed_run(journal=cast("ActorRef", Archive(completed(7, 0, 2), completed(9, 0, 2))))
        run.take(2)
        await recover_run(run)
        assert run.done == 2 and len(cast("Shelf", run.sink).kept) == 1

    asyncio.run(main())


@pytest.mark.parametrize("body", [b"\xc1", pack(7), pack(["text"]), b"", pack(["text", None])[:-1]])
def test_a_failure_whose_body_is_damaged_ends_the_run_and_is_named(body: bytes) -> None:
    run = taken_over(failed(8, 2, body))
    error = run.ended.exception()
    assert isinstance(error, JournalCorrupt)
    assert "record 8" in str(error)


def test_where_nothing_is_kept_the_run_ends() -> None:
    async def main() -> None:
        run = crewed_run(journal=None)
        await recover_run(run)
        assert isinstance(run.ended.exception(), InternalError)

    asyncio.run(main())
