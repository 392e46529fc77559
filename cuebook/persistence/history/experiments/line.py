"""The state of one experiment, as its records tell it one after the other. Knows no file and no program."""

from __future__ import annotations

from cuebook.errors import JournalCorrupt
from cuebook.persistence.records.experiment_heads import (
    AttemptBegun,
    AttemptEnded,
    CheckpointKept,
    CheckpointsDropped,
    ExperimentOpened,
)

__all__ = ["LineState"]


class LineState:
    """What a journal says of its experiment.

    Attributes:
        opened: its first record.
        checkpoints: head and number of the record of each, in order; the first is what was there at the beginning.
        dropped: numbers of those whose files are no longer kept.
        attempt: the last one. ended: how it ended; None while it runs, or where its runner is gone.
        attempts: how many there were.
        written: names of files that its command names, and that it has written itself.
        stages_done: names of the stages that ended well, and need not be run again to go on.
    """

    def __init__(self, opened: ExperimentOpened) -> None:
        self.opened = opened
        self.checkpoints: list[tuple[CheckpointKept, int]] = []
        self.dropped: set[int] = set()
        self.attempt: AttemptBegun | None = None
        self.ended: AttemptEnded | None = None
        self.attempts = 0
        self.stages_done: set[str] = set()
        self.written: set[str] = set()

    @property
    def last(self) -> CheckpointKept | None:
        """The newest checkpoint whose files are kept; None where there is none."""
        return next((head for head, _ in reversed(self.checkpoints) if head.number not in self.dropped), None)

    @property
    def next_number(self) -> int:
        """That of the next checkpoint."""
        return self.checkpoints[-1][0].number + 1 if self.checkpoints else 0

    def begin(self, head: AttemptBegun) -> None:
        """Fold in an ATTEMPT_BEGUN record."""
        self.attempt, self.ended = head, None
        self.attempts += 1

    def add(self, seq: int, head: CheckpointKept) -> None:
        """Fold in a CHECKPOINT_KEPT record.

        Raises:
            JournalCorrupt: it does not continue the line.
        """
        if head.number != self.next_number:
            raise JournalCorrupt(
                f"record {seq}: the checkpoints of {self.opened.name} go from {self.next_number - 1} to {head.number}",
                seq=seq,
            )
        self.checkpoints.append((head, seq))
        if head.ends:
            self.stages_done.add(head.stage)

    def end(self, head: AttemptEnded) -> None:
        """Fold in an ATTEMPT_ENDED record."""
        self.ended = head
        self.written.update(head.written)
        if head.outcome == "finished":
            self.stages_done.clear()

    def drop(self, head: CheckpointsDropped) -> None:
        """Fold in a CHECKPOINTS_DROPPED record."""
        self.dropped.update(head.numbers)
