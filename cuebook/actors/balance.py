"""Looks at the workers of a run when some wait while others are busy. Whether calls are taken back is `dispatch`'s."""

from __future__ import annotations

from math import inf

from cuebook.actors import orders
from cuebook.actors.dispatch import take_back
from cuebook.actors.messages import LookAgain
from cuebook.actors.runs.run import Run
from cuebook.runtime.cells.context import Context

__all__ = ["Balance"]


class Balance:
    """One incarnation's looks at its runs, each at most once at a time on a timer."""

    def __init__(self) -> None:
        self._due: dict[int, float] = {}

    def look(self, run: Run, now: float, context: Context) -> None:
        """Have calls given back that wait behind a busy worker while another one could run them.

        Cost: under a microsecond a worker where nothing waits.
        """
        slots = [slot for slot in run.crew_slots if slot.is_ready]
        if not any(slot.outstanding.calls > 1 for slot in slots):
            return
        is_dry = run.is_dry
        if run.key in self._due and not is_dry:
            return  # all have something to do, and those that are slow will be looked at in time
        found = take_back(run.load(), [slot.load(now) for slot in slots], is_dry=is_dry)
        for place in found.places:
            orders.take_back(run, slots[place])
        if found.look_again_s is not None:
            self._look_in(found.look_again_s, run, now, context)

    def look_in_time(self, run: Run, now: float, context: Context) -> None:
        """Look again when another call may begin, where that is limited and somebody waits for one."""
        pace = run.policy.pace
        if pace is not None and not run.is_dry and any(slot.is_free for slot in run.crew_slots):
            self._look_in(pace.wait_s(now), run, now, context)

    def _look_in(self, wait_s: float, run: Run, now: float, context: Context) -> None:
        if now + wait_s < self._due.get(run.key, inf):
            self._due[run.key] = now + wait_s
            context.after(wait_s, LookAgain(run.key), key=f"look-{run.key}")

    def looked(self, key: int) -> None:
        """The timer of this run has come."""
        self._due.pop(key, None)

    def over(self, run: Run, context: Context) -> None:
        """Nobody needs to look at this run any more."""
        if self._due.pop(run.key, None) is not None:
            context.cancel_timer(f"look-{run.key}")
