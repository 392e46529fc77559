"""Pekko's scenarios of snapshots."""

from __future__ import annotations

from typing import Any

from cuebook.durable.events.snapshots import SnapshotPolicy
from cuebook.testing.memory_runtime import MemoryRuntime
from tests.durable.pekko import Counter, Increment, Incremented, Value, play, start
from tests.support.cast import Get


class Often(Counter):
    snapshots = SnapshotPolicy(every=3, keep=2)


def test_snapshots_are_kept_by_number_and_recovery_begins_with_the_newest() -> None:
    async def first(runtime: MemoryRuntime, seen: list[Any]) -> None:
        ref = await start(runtime, seen, Often)
        for n in range(1, 11):
            await ref.ask(Increment(n))
        await ref.stop()
        assert len(runtime.store.states()) == 2

    applied: list[int] = []

    class Watched(Often):
        type_name = "Often"

        def apply_incremented(self, state: Value, event: Incremented) -> Value:
            applied.append(event.by)
            return super().apply_incremented(state, event)

    async def second(runtime: MemoryRuntime, seen: list[Any]) -> None:
        assert await (await start(runtime, seen, Watched)).ask(Get()) == 55
        assert applied == [10]

    play(first, second)


def test_a_snapshot_that_cannot_be_written_is_no_failure() -> None:
    class Unkept(Often):
        def apply_incremented(self, state: Value, event: Incremented) -> Value:
            return Value(state.total + event.by, ((_ for _ in ()),))  # type: ignore[arg-type]

    async def scene(runtime: MemoryRuntime, seen: list[Any]) -> None:
        ref = await start(runtime, seen, Unkept)
        for n in range(1, 8):
            assert await ref.ask(Increment()) == n
        assert runtime.store.states() == []

    play(scene)
