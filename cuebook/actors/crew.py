"""Looks at how fast runs go whose number of workers is to be found, and hires. The number is `crew_size`'s."""

from __future__ import annotations

from cuebook.actors import orders
from cuebook.actors.messages import CrewDue
from cuebook.actors.runs.crew_size import LOOK_S
from cuebook.actors.runs.roster import RunTable
from cuebook.actors.runs.run import Run
from cuebook.runtime.cells.context import Context

__all__ = ["look_at_crew", "watch_crew"]


def watch_crew(run: Run, context: Context) -> None:
    """Look at the run in a while, and again until its number of workers is found."""
    if run.crew is not None and not run.crew.is_settled:
        context.after(LOOK_S, CrewDue(run.key), key=f"crew-{run.key}")


def look_at_crew(run: Run, table: RunTable, now: float, context: Context) -> None:
    """Hire more workers where they pay; those that do not are given no calls any more."""
    crew, remaining = run.crew, run.source.remaining
    if crew is None or run.stop is not None or (remaining is not None and remaining <= len(run.crew_slots)):
        return  # what is left is for those that are there
    ready = sum(1 for slot in run.crew_slots if slot.is_ready)
    wanted = crew.look(now, run.done + run.failed, ready)
    for slot in table.enlarge(run, wanted):
        orders.prepare(run, slot)
    watch_crew(run, context)
