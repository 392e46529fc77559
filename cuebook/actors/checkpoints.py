"""Checkpoints of calls that are out: kept, found again, acknowledged once they are on disk, taken over after a failure.

Knows no scheduling: a checkpoint changes nothing of what a call's worker is given.
"""

from __future__ import annotations

from collections.abc import Collection

from cuebook.actors.messages import ReadState, StateRead, Urge
from cuebook.actors.outbox import Acknowledgement, Outbox, Outgoing
from cuebook.actors.runs.run import Run
from cuebook.actors.runs.slot import Slot
from cuebook.engines.calls.protocol import StateFound, StateKeptAck, StateSaved, StateWanted
from cuebook.persistence.history.run_writer import state_entry
from cuebook.wire.message import encode

__all__ = ["Checkpoints"]


class Checkpoints:
    """Answers what running calls ask about their progress.

    Args:
        outbox: takes the records, and says with `committed` and `refused` what became of them.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def save(self, run: Run, slot: Slot, said: StateSaved) -> None:
        """Keep a checkpoint of a call that is out, and tell the call when it is on disk."""
        if said.index not in slot.outstanding.indexes():
            _tell(slot, StateKeptAck(said.ticket, 0, "the call is over"))
            return
        number, seq = run.states.get(said.index, (0, 0))
        number += 1
        if run.journal is None:
            run.states[said.index] = (number, 0)
            run.states_in_memory[said.index] = said.state
            _tell(slot, StateKeptAck(said.ticket, number, None))
            return
        entry = state_entry(
            run.number,
            said.index,
            said.state,
            state_number=number,
            label=said.label,
            call_key=run.key_of(said.index),
            metrics=said.metrics,
        )
        run.states[said.index] = (number, seq)  # until this one is on disk, the one before is found
        outgoing = self._outbox.of(run)
        place = len(outgoing.entries)
        outgoing.states.append((place, said.state))
        outgoing.size += len(said.state)
        self._outbox.write(run, [entry])
        outgoing.acks.append(Acknowledgement(slot, slot.host, said.ticket, said.index, number, place))
        slot.saving[said.ticket] = (number, said)

    def find(self, run: Run, slot: Slot, said: StateWanted) -> None:
        """Give a call the newest state that an earlier attempt of it, or an earlier run, has kept."""
        if said.index not in slot.outstanding.indexes():
            _tell(slot, StateFound(said.ticket, None))
            return
        if run.journal is None:
            _tell(slot, StateFound(said.ticket, run.states_in_memory.get(said.index)))
            return
        seq = run.states.get(said.index, (0, 0))[1]
        if not seq and run.plan.earlier_states:
            seq = run.plan.earlier_states.get(run.key_of(said.index), 0)
        if seq in run.plan.states_at_hand:
            _tell(slot, StateFound(said.ticket, run.plan.states_at_hand[seq]))
        elif seq:
            run.journal.tell_nowait(ReadState(seq, slot.number, slot.host, said.ticket))
        else:
            _tell(slot, StateFound(said.ticket, None))

    def found(self, slot: Slot, read: StateRead) -> None:
        """The Journal has read a state: it goes to the host that asked, and to no later one."""
        # Each host counts its questions from 1, so that the ticket alone could be another call's.
        if read.host == slot.host:
            _tell(slot, StateFound(read.ticket, read.state))

    def committed(self, outgoing: Outgoing, seq: int) -> None:
        """What was sent is on disk, its last entry as record `seq`: tell the calls that wait for their checkpoints."""
        states = outgoing.run.states
        for ack in outgoing.acks:
            if states.get(ack.index, (0, 0))[0] == ack.number:
                states[ack.index] = (ack.number, seq - outgoing.count + 1 + ack.place)
            if ack.host == ack.slot.host:
                _acknowledge(ack.slot, ack.ticket, ack.number)

    def refused(self, outgoing: Outgoing, text: str) -> None:
        """What was sent is not kept: those calls are told why."""
        for ack in outgoing.acks:
            if ack.host == ack.slot.host:
                _acknowledge(ack.slot, ack.ticket, ack.number, text)

    def take_over(self, run: Run, slot: Slot, kept: Collection[tuple[int, int]]) -> None:
        """Answer for what the last incarnation had sent to the Journal, or send it again.

        Parameters:
            kept: the checkpoints that are on disk, as index of the call and number.
        """
        for ticket, (number, said) in list(slot.saving.items()):
            if (said.index, number) in kept:
                _acknowledge(slot, ticket, number)
            else:
                self.save(run, slot, said)


def _acknowledge(slot: Slot, ticket: int, number: int, error: str | None = None) -> None:
    if slot.saving.pop(ticket, None) is not None:
        _tell(slot, StateKeptAck(ticket, number, error))


def _tell(slot: Slot, answer: StateKeptAck | StateFound) -> None:
    """To the host past all that waits for it: the call that asked is the one that runs."""
    slot.ref.tell_nowait(Urge(encode(answer)))
