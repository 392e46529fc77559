"""What the Supervisor has for the Journal: one message a slice, nobody else's tickets, and records that say what was."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cuebook.actors import outbox as outbox_module
from cuebook.actors.messages import Append
from cuebook.actors.outbox import Outbox
from cuebook.actors.outcomes import FailCall
from cuebook.actors.runs.sink import CommittedResults
from cuebook.errors import CallFailed
from cuebook.persistence.records.bodies import open_failed
from cuebook.persistence.records.record import Entry, Kind
from cuebook.persistence.records.run_heads import Failed, Reason
from tests.support.crew import Post, crewed_run

RESULTS = CommittedResults(range(2), b"head", b"body")


def error_of(index: int) -> CallFailed:
    return CallFailed(index, [index], error_type="ValueError", error_text="bad", traceback_text="Tb", attempts=2)


def test_what_was_gathered_is_one_message_in_its_order() -> None:
    async def main() -> None:
        journal, outbox = Post(), Outbox(0)
        run = crewed_run(journal=journal.ref)
        outbox.complete(run, RESULTS)
        outbox.write(run, [Entry(Kind.RUN_CLOSED, 1, b"end")])
        assert outbox.unsent() == [run]
        assert outbox.send(run) is None
        assert outbox.send(run) is None
        (append,) = journal.told
        assert isinstance(append, Append)
        assert append.entries == (Entry(Kind.COMPLETED, 1, b"head", b"body"), Entry(Kind.RUN_CLOSED, 1, b"end"))
        assert outbox.is_waiting(run) and outbox.unsent() == []
        outgoing = outbox.answered(append.ticket)
        assert outgoing is not None and outgoing.outcomes == [RESULTS] and outgoing.count == 2
        assert not outbox.is_waiting(run)
        assert outbox.answered(append.ticket) is None

    asyncio.run(main())


def test_where_nothing_is_kept_nobody_is_waited_for() -> None:
    async def main() -> None:
        outbox = Outbox(0)
        run = crewed_run(journal=None)
        outbox.complete(run, RESULTS)
        outgoing = outbox.send(run)
        assert outgoing is not None and outgoing.outcomes == [RESULTS] and outgoing.entries == []
        assert not outbox.is_waiting(run)

    asyncio.run(main())


def test_an_answer_to_an_earlier_incarnation_is_no_one_elses() -> None:
    async def main() -> None:
        journal = Post()
        run = crewed_run(journal=journal.ref)
        first, second = Outbox(0), Outbox(1)
        for outbox in (first, second):
            outbox.complete(run, RESULTS)
            outbox.send(run)
        assert second.answered(journal.told[0].ticket) is None
        assert second.answered(journal.told[1].ticket) is not None

    asyncio.run(main())


def test_no_more_calls_are_started_while_the_disk_is_far_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "UNCOMMITTED_BYTES_MAX", 10)

    async def main() -> None:
        journal, outbox = Post(), Outbox(0)
        run = crewed_run(journal=journal.ref)
        outbox.complete(run, CommittedResults(range(1), b"head", b"123456"))
        assert outbox.has_room
        outbox.send(run)
        assert not outbox.has_room
        outbox.answered(journal.told[0].ticket)
        assert outbox.has_room

    asyncio.run(main())


def test_the_record_of_a_failed_call_has_the_start_and_the_duration_of_its_last_attempt() -> None:
    async def main() -> None:
        journal, outbox = Post(), Outbox(0)
        run = crewed_run(journal=journal.ref)
        outbox.fail(run, FailCall(error_of(3), Reason.RAISED, 1234.5, 6.25, b"exception"))
        outgoing = outbox.of(run)
        (entry,) = outgoing.entries
        assert entry.kind is Kind.FAILED
        failed: Any = Failed.decode(entry.head)
        assert (failed.index, failed.attempts, failed.started, failed.seconds) == (3, 2, 1234.5, 6.25)
        assert open_failed(entry.body, 7) == ("Tb", b"exception")

    asyncio.run(main())
