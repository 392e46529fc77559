"""Reminders that come again and again: on time for ever, through failures, replacements and times when nothing ran."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cuebook.durable.effects import Effect, persist
from cuebook.durable.owed.repeating import MISSED_S, Missed, Repeated, first_not_missed, next_due
from cuebook.durable.persistent_actor import PersistentActor
from cuebook.runtime.refs.typed import Message
from cuebook.testing.durable_kit import DurableKit
from cuebook.testing.effects import Forgot, Reminded
from cuebook.testing.memory_runtime import MemoryRuntime
from cuebook.testing.memory_store import MemoryStore
from cuebook.testing.virtual_time import VirtualClock, run_virtual
from cuebook.wire.message import message


@message(tag=38_400)
class Tick:
    word: str = ""


@message(tag=38_401)
class Set(Message[str]):
    """Set the reminder: with `every`, or so that each handler sets the next one."""

    every: float
    missed: str = "one"
    by_hand: bool = False
    after: float | None = None


@message(tag=38_402)
class Forget:
    pass


@message(tag=38_403)
class Nobody:
    pass


@dataclass(frozen=True)
class Ticked:
    word: str


TICKS: list[tuple[float, str]] = []
FAILS: list[Any] = []
"""What the next handlers of ticks do: raise a true value, else nothing special."""


class Clock(PersistentActor[int]):
    def initial_state(self) -> int:
        return 0

    def on_set(self, command: Set) -> Effect:
        if command.by_hand:
            return Effect().remind("tick", Tick(str(command.every)), after=command.every).reply("set")
        when: dict[str, Any] = {"every": command.every, "missed": command.missed}
        return Effect().remind("tick", Tick(), after=command.after, **when).reply("set")

    def on_tick(self, command: Tick) -> Effect:
        if FAILS and (error := FAILS.pop(0)):
            raise error
        TICKS.append((VirtualClock().time(), command.word))
        effect = persist(Ticked(command.word))
        return effect.remind("tick", command, after=float(command.word)) if command.word else effect

    def on_forget(self, command: Forget) -> Effect:
        return Effect().forget("tick")

    def on_nobody(self, command: Nobody) -> Effect:
        return Effect().remind("tick", Set(1.0), every=5)

    def apply_ticked(self, state: int, event: Ticked) -> int:
        return state + 1


@pytest.fixture(autouse=True)
def _anew() -> None:
    TICKS.clear()
    FAILS.clear()


def lives(*scenes: Callable[[MemoryRuntime], Awaitable[None]] | float) -> None:
    """Play scenes one after the other over one journal; a number of seconds is a time when nothing runs."""

    async def main() -> None:
        store = MemoryStore()
        for scene in scenes:
            if isinstance(scene, int | float):
                await asyncio.sleep(scene)
                continue
            async with MemoryRuntime(store, is_virtual=True) as runtime:
                await runtime.host(Clock)
                await scene(runtime)

    run_virtual(main())


def setting(command: Set, seconds: float) -> Callable[[MemoryRuntime], Awaitable[None]]:
    async def scene(runtime: MemoryRuntime) -> None:
        await runtime.entity(Clock, "a").ask(command)
        await asyncio.sleep(seconds)

    return scene


async def for_an_hour(runtime: MemoryRuntime) -> None:
    await asyncio.sleep(3600)


def gaps() -> list[float]:
    return [round(later - at, 3) for (at, _), (later, _) in zip(TICKS, TICKS[1:], strict=False)]


@pytest.mark.parametrize("period", [0.5, 10.0, 3600.0])
@pytest.mark.parametrize("by_hand", [True, False])
def test_a_reminder_comes_at_its_period_for_ever(period: float, by_hand: bool) -> None:
    """Also where its handler sets it again, which is a new reminder."""
    lives(setting(Set(period, by_hand=by_hand), 200.5 * period))
    assert len(TICKS) == 200
    assert all(gap == pytest.approx(period, abs=0.01) for gap in gaps())
    if not by_hand:
        assert TICKS[-1][0] - TICKS[0][0] == pytest.approx(199 * period, abs=0.01), "nothing adds up"


def test_a_repeating_reminder_is_none_that_the_idle_are_kept_awake_by() -> None:
    async def scene(runtime: MemoryRuntime) -> None:
        await runtime.entity(Clock, "a", idle_s=60).ask(Set(600.0))
        asleep = 0
        for _ in range(60):
            await asyncio.sleep(60)
            asleep += "Clock/a" not in runtime.app.system.statistics()
        assert asleep > 45

    lives(scene)
    assert len(TICKS) == 6 or len(TICKS) == 5


@pytest.mark.parametrize(("missed", "count"), [("all", 10), ("one", 1), ("none", 0)])
def test_what_was_missed_while_nothing_ran_is_received_as_it_was_said(missed: str, count: int) -> None:
    lives(setting(Set(600.0, missed), 1205), 6200.0, for_an_hour)
    begin = TICKS[0][0] - 600
    after = [round(at - begin) for at, _ in TICKS[2:]]
    assert after[:count] == [7405] * count
    assert after[count:] == [7800, 8400, 9000, 9600, 10200, 10800], "and the others on time, as ever"


def test_one_that_is_due_just_before_the_start_is_not_missed_with_those_before_it() -> None:
    lives(setting(Set(600.0, "none"), 1205), 6000.0, for_an_hour)
    begin = TICKS[0][0] - 600
    assert [round(at - begin) for at, _ in TICKS[2:5]] == [7205, 7800, 8400]


def test_a_tick_that_was_late_by_less_than_half_a_period_was_not_missed() -> None:
    lives(setting(Set(600.0, "none"), 595), 20.0, for_an_hour)
    assert gaps()[0] == pytest.approx(600 - 15, abs=1)


def test_a_tick_whose_handler_fails_is_tried_again_and_the_next_one_is_on_time() -> None:
    for missed in Missed:
        TICKS.clear()
        FAILS[:] = [None, ZeroDivisionError("no"), ZeroDivisionError("no")]
        lives(setting(Set(10.0, str(missed)), 65))
        begin = TICKS[0][0]
        assert [round(at - begin, 1) for at, _ in TICKS] == [0, pytest.approx(10.3, abs=0.2), 20, 30, 40, 50]


def test_a_row_that_takes_the_place_of_a_failing_one_waits_for_nothing() -> None:
    async def scene(runtime: MemoryRuntime) -> None:
        clock = runtime.entity(Clock, "a")
        FAILS.extend([ZeroDivisionError("no")] * 8)
        await clock.ask(Set(1.0))
        await asyncio.sleep(20)
        FAILS.clear()
        assert TICKS == []
        now = VirtualClock().time()
        await clock.ask(Set(0.5, by_hand=True))
        await asyncio.sleep(3.1)
        assert [round(at - now, 2) for at, _ in TICKS] == [pytest.approx(0.5 * n, abs=0.02) for n in range(1, 7)]

    lives(scene)


def test_one_that_succeeds_at_last_has_a_clean_record() -> None:
    FAILS[:] = [ZeroDivisionError("no")] * 4 + [None] + [ZeroDivisionError("no")]
    lives(setting(Set(10.0, by_hand=True), 60))
    assert gaps()[0] == pytest.approx(10.1, abs=0.05), "the first failure of the second one waits 0.1 s"


def test_it_ends_with_forget_and_where_nobody_handles_it(caplog: pytest.LogCaptureFixture) -> None:
    async def scene(runtime: MemoryRuntime) -> None:
        clock = runtime.entity(Clock, "a")
        await clock.ask(Set(10.0))
        await asyncio.sleep(25)
        await clock.ask(Forget())
        await asyncio.sleep(25)
        assert len(TICKS) == 2

    class Deaf(PersistentActor[int]):
        def initial_state(self) -> int:
            return 0

        def on_nobody(self, command: Nobody) -> Effect:
            return Effect().remind("tick", Tick(), every=5)

    async def unheard(runtime: MemoryRuntime) -> None:
        await runtime.entity(Deaf, "d").ask(Nobody())
        await asyncio.sleep(60)

    lives(scene, 100.0, for_an_hour)
    assert len(TICKS) == 2
    with caplog.at_level(logging.WARNING, "cuebook"):
        lives(unheard)
    assert caplog.text.count("is rejected") == 1


def test_the_first_tick_may_have_a_time_of_its_own() -> None:
    lives(setting(Set(100.0, after=5.0), 306))
    assert gaps() == [pytest.approx(100.0, abs=0.01)] * 3


def test_a_kit_shows_the_period_and_lets_it_pass() -> None:
    kit = DurableKit(Clock, "a")
    assert kit.run(Set(10.0)).effects == (Reminded("tick", Tick(), 10.0, 10.0),)
    assert len(kit.advance(35)) == 3
    assert kit.run(Forget()).effects == (Forgot("tick"),)
    assert not kit.advance(100)


PERIODS = st.floats(min_value=1e-3, max_value=1e8, allow_nan=False)


@given(PERIODS, st.sampled_from(list(Missed)), st.floats(0, 1e6), st.floats(min_value=0, max_value=1e4))
def test_the_next_tick_is_later_than_now_and_a_whole_number_of_periods_on(
    every: float, missed: Missed, due: float, periods_late: float
) -> None:
    now = due + periods_late * every
    later = next_due(Repeated(every, missed, b""), due, now)
    count = round((later - due) / every)
    assert later == pytest.approx(due + count * every)
    assert later > due
    if missed is Missed.ALL:
        assert count == 1
    else:
        assert now < later <= now + every * (1 + 1e-6) + 1e-6 * max(1.0, due)


def test_only_none_leaves_ticks_out_and_only_late_ones() -> None:
    day = 86_400.0
    assert first_not_missed(Repeated(day, "none", b""), 0.0, MISSED_S + 1) == day
    assert first_not_missed(Repeated(day, "none", b""), 0.0, 3 * day + MISSED_S - 1) == 3 * day
    assert first_not_missed(Repeated(day, "none", b""), 0.0, MISSED_S - 1) == 0.0
    assert first_not_missed(Repeated(10.0, "none", b""), 0.0, 6.0) == 10.0
    assert all(first_not_missed(Repeated(day, missed, b""), 0.0, 10 * day) == 0.0 for missed in ("all", "one"))
