"""Traces go through processes: what an actor does there is told here, as part of one chain of messages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from cuebook import Actor, ActorFailed, ActorRef, Runtime, message
from cuebook.tracing import TraceEvent

pytestmark = pytest.mark.quick


@message(tag=7420)
class Hop:
    """To the next of these actors, by ask or tell."""

    others: list[ActorRef]
    asks: bool = True


@message(tag=7421)
class Fall:
    pass


class Hopper(Actor):
    async def on_hop(self, m: Hop) -> int:
        if m.others:
            first, *others = m.others
            if m.asks:
                await first.ask(Hop(others))
            else:
                await first.tell(Hop(others, False), timeout=5.0)
        return 1

    def on_fall(self, m: Fall) -> None:
        raise ValueError("fell")


def run(test: Callable[[Runtime, Any], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(40), Runtime() as runtime:
            await test(runtime, runtime.traces())

    asyncio.run(main())


async def heard(traces: Any, count: int) -> list[TraceEvent]:
    return [await anext(traces) for _ in range(count)]


def shown(events: list[TraceEvent]) -> set[tuple[str, str, str | None]]:
    return {(each.actor, each.kind.value, each.peer) for each in events}


@pytest.mark.parametrize("asks", [True, False])
def test_a_chain_of_messages_through_processes_is_one_trace(asks: bool) -> None:
    async def test(runtime: Runtime, traces: Any) -> None:
        places: dict[str, Any] = {"here": None, "there": "process", "beyond": runtime.process("two"), "last": None}
        refs = {name: await runtime.spawn(Hopper, name=name, where=where) for name, where in places.items()}
        for ref in refs.values():
            await ref.ask(Hop([]))
        for name in ("here", "there", "last"):  # not the one in the middle: the chain goes on through it
            refs[name].trace()
        first, *others = refs.values()
        await first.ask(Hop(others, asks))
        done = "replied" if asks else "handled"
        events = await heard(traces, 8)
        assert shown(events) == {
            ("here", "received", None), ("here", "sent", "there"), ("here", "replied", None),
            ("there", "received", "here"), ("there", "sent", "beyond"), ("there", done, "here"),
            ("last", "received", "beyond"), ("last", done, "beyond"),
        }  # fmt: skip
        assert len({each.trace_id for each in events}) == 1
        assert {type(each.message).__name__ for each in events} == {"Hop"}

    run(test)


def test_a_failure_there_is_traced_and_the_next_incarnation_and_process_are_traced_as_well() -> None:
    async def test(runtime: Runtime, traces: Any) -> None:
        process = runtime.process("one")
        there = await runtime.spawn(Hopper, name="there", where=process)
        there.trace()
        with pytest.raises(ActorFailed):
            await there.ask(Fall())
        received, failed = await heard(traces, 2)
        assert (received.kind, failed.kind) == ("received", "failed")
        assert "fell" in str(failed.error)
        await there.ask(Hop([]))
        assert [each.kind for each in await heard(traces, 2)] == ["received", "replied"]
        process.kill()
        while process.is_alive:
            await asyncio.sleep(0.005)
        await there.ask(Hop([]))
        assert [each.kind for each in await heard(traces, 2)] == ["received", "replied"]
        there.trace(False)
        await there.ask(Hop([]))
        there.trace()
        await there.ask(Hop([]))
        assert [each.kind for each in await heard(traces, 2)] == ["received", "replied"]

    run(test)
