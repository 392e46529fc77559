"""What goes wrong with a store in a test, and when: decided append by append. Writes nothing itself."""

from __future__ import annotations

from enum import Enum

__all__ = ["Fault", "JournalFaults"]


class Fault(Enum):
    """How one append, or one opening, goes wrong."""

    FAIL = "fail"
    """Nothing is written: JournalError."""
    FULL = "full"
    """Nothing is written, as there is no room: JournalFull."""
    TORN_LOST = "torn, lost"
    """The sync fails: JournalError. Opening the store again shows that nothing of it was stored."""
    TORN_KEPT = "torn, kept"
    """The sync fails: JournalError. Opening the store again shows that all of it was stored."""
    CRASH = "crash"
    """It is stored, and nobody hears of it: the machine is gone. The store answers nothing any more."""


class JournalFaults:
    """A plan of failures for a store; nothing goes wrong until it says so.

    After each failure the store accepts nothing until it is opened again, as a file does: the journal opens it, folds
    what is there, and only then answers.

    Attributes:
        appends, opens: how many there were so far, whether they went well or not.
        is_crashed: whether the crash has come.
    """

    def __init__(self) -> None:
        self.appends = 0
        self.opens = 0
        self.is_crashed = False
        self._appends: dict[int, Fault] = {}
        self._opens: set[int] = set()
        self._full_from: int | None = None

    def fail_next(self, count: int = 1) -> None:
        """The next appends write nothing: JournalError."""
        self._plan(count, Fault.FAIL)

    def reject_next(self, count: int = 1) -> None:
        """The next appends find no room: JournalFull."""
        self._plan(count, Fault.FULL)

    def tear_next(self, count: int = 1, *, is_kept: bool = False) -> None:
        """The sync of the next appends fails, so that their fate is unknown: JournalError.

        Parameters:
            is_kept: their fate: what is found when the store is opened again.
        """
        self._plan(count, Fault.TORN_KEPT if is_kept else Fault.TORN_LOST)

    def crash_after(self, count: int = 1) -> None:
        """The count-th append from now (1 or more) is stored, and then the machine is gone: whoever waits for it gets
        JournalError, as all that comes later.
        """
        self.at(self.appends + _checked(count), Fault.CRASH)

    def fill(self, after: int = 0) -> None:
        """After so many more appends there is no room any more, until `make_room`: JournalFull."""
        self._full_from = self.appends + 1 + after

    def make_room(self) -> None:
        """There is room again."""
        self._full_from = None

    def fail_next_open(self, count: int = 1) -> None:
        """The next openings fail: JournalError."""
        for number in range(self.opens + 1, self.opens + 1 + _checked(count)):
            self.fail_open_at(number)

    def fail_open_at(self, opening: int) -> None:
        """One opening fails, counted from 1 since the plan was made: JournalError."""
        self._opens.add(opening)

    def at(self, append: int, fault: Fault) -> None:
        """What becomes of one append, counted from 1 since the plan was made; it takes the place of an earlier plan."""
        self._appends[append] = fault

    # What stores ask

    def next_append(self) -> Fault | None:
        """The fate of the append that begins now; None: it goes well."""
        self.appends += 1
        if self.is_crashed:
            return Fault.FAIL
        fault = self._appends.pop(self.appends, None)
        if fault is None and self._full_from is not None and self.appends >= self._full_from:
            fault = Fault.FULL
        self.is_crashed = fault is Fault.CRASH
        return fault

    def next_open(self) -> Fault | None:
        """The fate of the opening that begins now; None: it goes well."""
        self.opens += 1
        return Fault.FAIL if self.is_crashed or self.opens in self._opens else None

    def _plan(self, count: int, fault: Fault) -> None:
        for number in range(self.appends + 1, self.appends + 1 + _checked(count)):
            self.at(number, fault)


def _checked(count: int) -> int:
    if type(count) is not int or count < 1:
        raise ValueError(f"a plan is for 1 or more appends, not {count!r}")
    return count
