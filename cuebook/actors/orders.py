"""The Supervisor's orders to Workers, with the books that go with each. Knows no reason for any of them."""

from __future__ import annotations

from collections.abc import Iterable

from cuebook.actors.messages import KillHost, Prepare, Release, TakeBack, ToWorker
from cuebook.actors.runs.run import Run
from cuebook.actors.runs.slot import Slot
from cuebook.actors.shipping import Shipment
from cuebook.wire.message import encode

__all__ = ["kill_busy", "prepare", "recycle", "ship", "take_back"]


def prepare(run: Run, slot: Slot) -> None:
    """Load the run's function, in a fresh host where there is none; the worker answers Ready or SetupFailed."""
    # Making the Setup may fail, and the Supervisor with it. Then the worker counts as not ready, so that the next
    # incarnation prepares it; but no answer is counted on, as none was asked for: it would never come.
    slot.is_ready = False
    setup = encode(run.plan.setup(slot.place))
    slot.ref.tell_nowait(Prepare(run.key, setup, run.policy.timeout, slot.life))
    slot.expect_ready()


def recycle(run: Run, slot: Slot) -> None:
    """Go on in a fresh host; what the old one was given has no answer, and is handed out again."""
    left = slot.forget()
    if left and run.stop is None:
        run.put_back(left)
    slot.ref.tell_nowait(Release())
    prepare(run, slot)


def ship(shipments: Iterable[Shipment]) -> None:
    """Run these calls."""
    for shipment in shipments:
        if shipment.frames:
            slot = shipment.slot
            slot.ref.tell_nowait(ToWorker(tuple(shipment.frames), shipment.calls, slot.life))


def take_back(run: Run, slot: Slot) -> None:
    """Give back the calls that were not begun; the worker answers Returned, whether there are any or not."""
    slot.is_asked = True
    slot.ref.tell_nowait(TakeBack(run.key))


def kill_busy(run: Run, reason: str) -> None:
    """End the hosts that have something to do, or load the function."""
    for slot in run.slots:
        if slot.outstanding.calls or not slot.is_ready:
            slot.ref.tell_nowait(KillHost(reason))
