"""What becomes of a stage while its job runs, for whoever watches: one line, or a row that changes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cuebook.wording import duration

__all__ = ["StageNews"]


@dataclass(frozen=True, slots=True)
class StageNews:
    """One call of a stage, as it is now.

    Attributes:
        key: which call; the same from its beginning to its end.
        stage: its name. depth: how many stages are around it.
        status: "running", "done", "skipped" or "failed".
        rows: of its value. seconds: how long it took. version: of its data set.
        reasons: why it is done again; empty where it is not.
        note: of one that is running, what else there is to say.
    """

    key: object
    stage: str
    depth: int
    status: str
    rows: int | None = None
    seconds: float = 0.0
    version: int = 0
    reasons: Sequence[str] = ()
    note: str = ""

    def line(self) -> str:
        """It in a line, for a file or a pipe."""
        return f"{'    ' * self.depth}{self.stage} {self.told(self.seconds)}"

    def told(self, seconds: float) -> str:
        """What is told of it beside its name, when it has taken so long."""
        if self.status == "running":
            return f"... {self.note}".rstrip()
        if self.status == "skipped":
            return f"taken over, version {self.version}{self._rows()}"
        if self.status == "failed":
            return f"failed after {duration(seconds)}"
        rate = f", {self.rows / seconds:,.0f} rows/s" if self.rows and seconds > 0 else ""
        return f"done in {duration(seconds)}{self._rows()}{rate}"

    def _rows(self) -> str:
        return "" if self.rows is None else f", {self.rows:,} rows"
