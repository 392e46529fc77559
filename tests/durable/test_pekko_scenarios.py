"""What Pekko's persistence and its test kit ask of an event-sourced actor, asked of this one: over a journal that fails
on demand, in virtual time.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cuebook.errors import (
    ActorFailed,
    ActorStopped,
    CuebookError,
    JournalError,
    JournalFull,
    Rejected,
    UnhandledMessage,
)
from cuebook.persistence.records.record import Kind
from cuebook.testing.memory_runtime import MemoryRuntime
from cuebook.testing.probe import Probe
from tests.durable.pekko import Act, Counter, Increment, Several, play, start
from tests.support.cast import Add, Get


def stored(runtime: MemoryRuntime) -> int:
    """How many records of events the journal holds."""
    return sum(1 for _ in runtime.store.scan(kinds=(Kind.EVENTS,)))


def test_events_are_persisted_and_the_state_is_updated_before_the_reply() -> None:
    async def scene(runtime: MemoryRuntime, seen: list[Any]) -> None:
        ref = await start(runtime, seen)
        assert await ref.ask(Increment()) == 1
        assert stored(runtime) == 1
        assert await ref.ask(Several([2, 3])) == [1, 2, 3]
        assert await ref.ask(Get()) == 6

    assert play(scene) == [("recovered", 0), 1]


def test_the_state_is_recovered_and_side_effects_are_not_replayed() -> None:
    async def first(runtime: MemoryRuntime, seen: list[Any]) -> None:
        ref = await start(runtime, seen)
        for _ in range(3):
            await ref.ask(Increment())

    async def second(runtime: MemoryRuntime, seen: list[Any]) -> None:
        ref = await start(runtime, seen)
        assert await ref.ask(Get()) == 3
        assert await ref.ask(Increment()) == 4

    assert play(first, second) == [("recovered", 0), 1, 2, 3, ("recovered", 3), 4]


def test_a_failed_persist_is_told_and_the_actor_comes_back_with_what_is_stored() -> None:
    """FailNextPersisted."""

    async def scene(runtime: MemoryRuntime, seen: list[Any]) -> None:
        ref, faults = await start(runtime, seen), runtime.store.faults
        await ref.ask(Increment())
        faults.fail_next()
        with pytest.raises(ActorFailed) as failure:
            await ref.ask(Increment())
        assert isinstance(failure.value.__cause__, JournalError)
        assert await ref.ask(Increment()) == 2
        assert stored(runtime) == 2

    assert play(scene) == [("recovered", 0), 1, ("recovered", 1), 2]


def test_several_failures_in_a_row_are_survived() -> None:
    """FailNextNPersisted: the actor is restarted, later each time, and what was not stored was not answered."""

    async def scene(runtime: MemoryRuntime, seen: list[Any]) -> None:
        ref, faults = await start(runtime, seen), runtime.store.faults
        faults.fail_next(4)
        answers = []
        for _ in range(8):
            try:
                answers.append(await ref.ask(Increment()))
            except CuebookError:
                answers.append(None)
        assert [answer for answer in answers if answer is not None] == list(range(1, 9 - answers.count(None)))
        assert 1 <= answers.count(None) <= 4
        assert stored(runtime) == 8 - answers.count(None)

    play(scene)


def test_a_journal_without_room_says_so_and_goes_on_when_there_is() -> None:
    """RejectNextPersisted."""

    async def scene(runtime: MemoryRuntime, seen: list[Any]) -> None:
        ref, faults = await start(runtime, seen), runtime.store.faults
        faults.fill()
        with pytest.raises(ActorFailed) as failure:
            await ref.ask(Increment())
        assert isinstance(failure.value.__cause__, JournalFull)
        faults.make_room()
        assert await ref.ask(Increment()) == 1

    play(scene)


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_torn_write_is_what_the_journal_shows_when_it_opens_again(is_kept: bool) -> None:
    async def scene(runtime: MemoryRuntime, seen: list[Any]) -> None:
        ref, faults = await start(runtime, seen), runtime.store.faults
        await ref.ask(Increment())
        faults.tear_next(is_kept=is_kept)
        try:
            answer = await ref.ask(Increment())
        except ActorFailed:
            answer = None
        assert answer == (2 if is_kept else None)
        assert await ref.ask(Get()) == (2 if is_kept else 1)

    play(scene)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_after_a_crash_everything_acknowledged_is_there(count: int) -> None:
    acknowledged: list[int] = []

    async def first(runtime: MemoryRuntime, seen: list[Any]) -> None:
        ref = await start(runtime, seen)
        runtime.store.faults.crash_after(count)
        for _ in range(6):
            try:
                acknowledged.append(await ref.ask(Increment(), timeout=5))
            except CuebookError:
                break
        assert len(acknowledged) < 6

    async def second(runtime: MemoryRuntime, seen: list[Any]) -> None:
        total = await (await start(runtime, seen)).ask(Get())
        assert total in (len(acknowledged), len(acknowledged) + 1)

    play(first, second)
    assert acknowledged == list(range(1, len(acknowledged) + 1))


def test_a_read_that_fails_fails_the_recovery_and_it_is_tried_again() -> None:
    """FailNextRead."""

    async def first(runtime: MemoryRuntime, seen: list[Any]) -> None:
        await (await start(runtime, seen)).ask(Increment())

    async def second(runtime: MemoryRuntime, seen: list[Any]) -> None:
        select, failures = runtime.store.select, [1, 1]

        def failing(kind: int, *args: Any, **options: Any) -> Any:
            if failures and kind == Kind.EVENTS:
                failures.pop()
                raise JournalError("cannot be read, as it was told")
            return select(kind, *args, **options)

        runtime.store.select = failing  # type: ignore[method-assign]
        ref = await start(runtime, seen)
        assert await ref.ask(Get()) == 1
        assert not failures

    play(first, second)


def test_commands_wait_in_order_while_the_actor_recovers() -> None:
    async def first(runtime: MemoryRuntime, seen: list[Any]) -> None:
        ref = await start(runtime, seen)
        for n in range(50):
            ref.tell_nowait(Increment(n))
        await ref.ask(Get())

    async def second(runtime: MemoryRuntime, seen: list[Any]) -> None:
        ref = await start(runtime, seen)
        answers = await asyncio.gather(*(ref.ask(Several([1000 + n])) for n in range(20)))
        assert answers[-1] == [*range(50), *range(1000, 1020)]
        assert [len(answer) for answer in answers] == list(range(51, 71))

    play(first, second)


def test_commands_that_come_while_events_are_being_written_see_them_and_are_answered_in_order() -> None:
    async def scene(runtime: MemoryRuntime, seen: list[Any]) -> None:
        ref = await start(runtime, seen)
        answers = await asyncio.gather(*(ref.ask(Increment()) for _ in range(100)))
        assert answers == list(range(1, 101))

    assert play(scene) == [("recovered", 0), *range(1, 101)]


def test_a_failing_command_handler_loses_that_command_and_nothing_else() -> None:
    async def scene(runtime: MemoryRuntime, seen: list[Any]) -> None:
        ref = await start(runtime, seen)
        first, failing, second = await asyncio.gather(
            ref.ask(Increment()), ref.ask(Act("fail")), ref.ask(Increment()), return_exceptions=True
        )
        assert (first, second) == (1, 2)
        assert isinstance(failing, ActorFailed)

    play(scene)


def test_rejected_and_unhandled_commands_persist_nothing_and_the_actor_goes_on() -> None:
    async def scene(runtime: MemoryRuntime, seen: list[Any]) -> None:
        ref = await start(runtime, seen)
        with pytest.raises(Rejected, match="only upwards"):
            await ref.ask(Increment(-1))
        with pytest.raises(UnhandledMessage):
            await ref.ask(Add(1))
        assert await ref.ask(Get()) == 0
        assert stored(runtime) == 0

    assert play(scene) == [("recovered", 0)]


def test_then_stop_stops_after_the_events_are_persisted() -> None:
    async def first(runtime: MemoryRuntime, seen: list[Any]) -> None:
        ref, probe = await start(runtime, seen), Probe(runtime)
        assert await ref.ask(Act("stop")) == "last words"
        await probe.expect_terminated(ref)
        with pytest.raises(ActorStopped):
            await ref.ask(Get())

    async def second(runtime: MemoryRuntime, seen: list[Any]) -> None:
        assert await (await start(runtime, seen)).ask(Get()) == 100

    play(first, second)


def test_stashed_commands_come_after_unstash() -> None:
    async def scene(runtime: MemoryRuntime, seen: list[Any]) -> None:
        ref = await start(runtime, seen)
        stashed = asyncio.ensure_future(ref.ask(Act("stash"), timeout=60))
        await asyncio.sleep(1)
        assert ref.statistics().stashed == 1
        await ref.ask(Act("unstash"))
        await asyncio.sleep(1)
        assert ref.statistics().stashed == 1, "it was received, and stashed again"
        await ref.stop()
        with pytest.raises(ActorStopped):
            await stashed

    play(scene)


def test_a_second_actor_of_one_id_is_refused_while_the_first_lives() -> None:
    async def scene(runtime: MemoryRuntime, seen: list[Any]) -> None:
        ref = await start(runtime, seen)
        await ref.ask(Increment())
        with pytest.raises((ValueError, CuebookError)):
            await (await start(runtime, seen)).ask(Get())
        assert await ref.ask(Increment()) == 2

    play(scene)


def test_two_writers_of_one_id_under_two_names_never_mix_their_events() -> None:
    """The replay filter's case: the older writer finds out, and folds again."""

    async def scene(runtime: MemoryRuntime, seen: list[Any]) -> None:
        one = await runtime.spawn(Counter, "c1", seen, name="one")
        assert await one.ask(Increment()) == 1
        two = await runtime.spawn(Counter, "c1", seen, name="two")
        assert await two.ask(Increment()) == 2
        answers = []
        for ref in (one, two) * 4:
            try:
                answers.append(await ref.ask(Increment(), timeout=60))
            except CuebookError:
                answers.append(None)
        given = [answer for answer in answers if answer is not None]
        assert given == sorted(set(given)), "an answer was given twice"
        again = await runtime.spawn(Counter, "c1", seen, name="again")
        assert await again.ask(Get()) == 2 + len(given)

    play(scene)
