"""Checkpoints of running calls: acknowledged once they are on disk, to the host that asked, after a failure too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from cuebook.actors.checkpoints import Checkpoints
from cuebook.actors.messages import Append, ReadState, StateRead, Urge
from cuebook.actors.outbox import Outbox
from cuebook.actors.runs.run import Run
from cuebook.actors.runs.slot import Slot
from cuebook.engines.calls.protocol import StateFound, StateKeptAck, StateSaved, StateWanted
from cuebook.persistence.records.run_heads import StateKept
from cuebook.wire.message import decode
from tests.support.crew import Post, crewed_run


class Desk:
    """One run, one worker with calls 3 and 4, and what is told to whom."""

    def __init__(self, *, is_kept: bool = True) -> None:
        self.journal = Post()
        self.run: Run = crewed_run(journal=self.journal.ref if is_kept else None)
        self.slot: Slot = self.run.slots[0]
        self.slot.outstanding.add([3, 4])
        self.outbox = Outbox(0)
        self.checkpoints = Checkpoints(self.outbox)

    def save(self, index: int, ticket: int, state: bytes = b"state") -> None:
        self.checkpoints.save(self.run, self.slot, StateSaved(1, index, ticket, "label", state))

    def want(self, index: int, ticket: int) -> None:
        self.checkpoints.find(self.run, self.slot, StateWanted(1, index, ticket))

    def commit(self, seq: int) -> None:
        self.outbox.send(self.run)
        outgoing = self.outbox.answered(self.journal.told[-1].ticket)
        assert outgoing is not None
        self.checkpoints.committed(outgoing, seq)

    @property
    def answers(self) -> list[Any]:
        told: Any = self.slot.ref
        return [decode(each.frame) for each in told.told if isinstance(each, Urge)]


def on_loop(test: Callable[[], None]) -> Callable[[], None]:
    """A test that only needs a loop to be running."""

    def run() -> None:
        async def main() -> None:
            test()

        asyncio.run(main())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


@on_loop
def test_a_call_hears_of_its_checkpoint_when_it_is_on_disk_and_not_before() -> None:
    desk = Desk()
    desk.save(3, 11)
    desk.outbox.send(desk.run)
    append = desk.journal.told[0]
    assert isinstance(append, Append) and append.states == ((0, b"state"),)
    assert StateKept.decode(append.entries[0].head).number == 1
    assert desk.answers == []
    outgoing = desk.outbox.answered(append.ticket)
    assert outgoing is not None
    desk.checkpoints.committed(outgoing, 40)
    assert desk.answers == [StateKeptAck(11, 1, None)]
    assert desk.run.states[3] == (1, 40)


@on_loop
def test_the_newest_state_on_disk_is_found_while_a_newer_one_is_on_its_way() -> None:
    desk = Desk()
    desk.save(3, 11)
    desk.commit(40)
    desk.save(3, 12)
    desk.want(3, 13)
    assert desk.journal.told[-1] == ReadState(40, 0, 0, 13)


@on_loop
def test_an_answer_for_a_host_that_is_gone_reaches_no_later_one() -> None:
    desk = Desk()
    desk.save(3, 11)
    desk.slot.forget()
    desk.slot.outstanding.add([3])
    desk.commit(40)
    desk.checkpoints.found(desk.slot, StateRead(0, 0, 1, b"old"))
    assert desk.answers == []
    desk.checkpoints.found(desk.slot, StateRead(0, 1, 1, b"new"))
    assert desk.answers == [StateFound(1, b"new")]


@on_loop
def test_a_call_that_is_over_keeps_no_checkpoint_and_finds_none() -> None:
    desk = Desk()
    desk.save(9, 11)
    desk.want(9, 12)
    assert desk.answers == [StateKeptAck(11, 0, "the call is over"), StateFound(12, None)]
    assert desk.outbox.unsent() == []


@on_loop
def test_without_a_journal_states_stay_in_memory_for_the_next_attempt() -> None:
    desk = Desk(is_kept=False)
    desk.save(3, 11, b"half")
    desk.want(3, 12)
    desk.want(4, 13)
    assert desk.answers == [StateKeptAck(11, 1, None), StateFound(12, b"half"), StateFound(13, None)]


@on_loop
def test_a_checkpoint_that_is_not_kept_says_why() -> None:
    desk = Desk()
    desk.save(3, 11)
    desk.checkpoints.refused(desk.outbox.of(desk.run), "no space left")
    assert desk.answers == [StateKeptAck(11, 1, "no space left")]


@on_loop
def test_a_later_incarnation_answers_for_what_is_on_disk_and_sends_the_rest_again() -> None:
    desk = Desk()
    desk.save(3, 11)
    desk.save(4, 12)
    desk.outbox.send(desk.run)
    later = Checkpoints(Outbox(1))
    later.take_over(desk.run, desk.slot, {(3, 1)})
    assert desk.answers == [StateKeptAck(11, 1, None)]
    assert list(desk.slot.saving) == [12]
    assert desk.slot.saving[12][0] == 2
