"""The phases of an actor's life: which follows which, alone and as an actor goes through them."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from cuebook.errors import InternalError
from cuebook.runtime.policy.phases import BETWEEN, SETTLED, TABLE, ActorState, PhaseEvent, after
from cuebook.runtime.policy.restarts import RestartIntensity
from cuebook.runtime.system import ActorSystem
from tests.support.cast import Boom, Counter, Get
from tests.support.virtually import virtually


def test_every_phase_is_reached_from_the_first_one_and_the_last_one_from_every_other() -> None:
    reached = {ActorState.STARTING}
    for _ in ActorState:
        reached |= {following for phase in reached for following in TABLE[phase].values()}
    assert reached == set(ActorState)
    assert all(PhaseEvent.ENDED in TABLE[phase] for phase in ActorState if phase is not ActorState.STOPPED)


@pytest.mark.parametrize(("phase", "change"), list(itertools.product(ActorState, PhaseEvent)))
def test_what_is_not_in_the_table_is_an_error_that_names_phase_and_change(
    phase: ActorState, change: PhaseEvent
) -> None:
    if change in TABLE[phase]:
        assert after(phase, change) is TABLE[phase][change]
    else:
        with pytest.raises(InternalError, match=phase.value):
            after(phase, change)


def test_nothing_begins_but_from_between_two_incarnations_and_nothing_fails_there() -> None:
    begin = {phase for phase in ActorState if PhaseEvent.BEGINS_AGAIN in TABLE[phase]}
    assert begin == set(BETWEEN) - {ActorState.STOPPED}
    assert not any(PhaseEvent.FAILED in TABLE[phase] for phase in BETWEEN)
    assert set(SETTLED) == {*BETWEEN, ActorState.RUNNING}


@virtually
async def test_an_actor_goes_through_all_of_them() -> None:
    seen: list[str] = []

    class Watched(Counter):
        async def on_start(self) -> None:
            seen.append(self.context.self_ref.statistics().state)

        async def on_failure(self, error: BaseException) -> None:
            seen.append(self.context.self_ref.statistics().state)

        async def on_stop(self) -> None:
            seen.append(self.context.self_ref.statistics().state)

    async with ActorSystem() as system:
        once = RestartIntensity(restarts_max=1, within_s=60.0)
        ref = system.spawn(Watched, name="w", on_exhausted="park", intensity=once)
        await ref.ask(Get())
        seen.append(ref.statistics().state)
        ref.tell_nowait(Boom())
        ref.tell_nowait(Boom())
        while ref.statistics().state != "parked":
            if ref.statistics().state == "restarting" and seen[-1] != "restarting":
                seen.append(ref.statistics().state)
            await asyncio.sleep(0.001)
        seen.append(ref.statistics().state)
        ref.unpark()
        await ref.ask(Get())
        await ref.stop()
        seen.append(ref.statistics().state)
    assert seen == [
        "starting", "running", "failing", "restarting", "starting", "failing", "parked", "starting", "stopping", "stopped",
    ]  # fmt: skip
