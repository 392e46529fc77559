"""Failures of actors in processes: what arrives of them, and what follows."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from cuebook import (
    ActorFailed,
    ActorOptions,
    ActorStopped,
    FunctionNotShippable,
    RestartLimitReached,
    Runtime,
)
from tests.processes.failing import Forwarder, eventually, living
from tests.support.lodgers import (
    Add,
    Fail,
    Lodger,
    Look,
    Seen,
    Total,
    Where,
)

pytestmark = pytest.mark.quick


def test_a_failure_arrives_with_its_traceback_and_its_cause_and_the_next_incarnation_begins_in_the_same_process() -> (
    None
):
    async def test(runtime: Runtime) -> None:
        ref = await runtime.spawn(Lodger, 7, where="process")
        pid = await ref.ask(Where())
        await ref.tell(Add(1))
        with pytest.raises(ActorFailed, match="KeyError: 'what'") as caught:
            await ref.ask(Fail("what"))
        assert isinstance(caught.value.__cause__, KeyError)
        assert caught.value.__cause__.args == ("what",)
        assert "raise KeyError(text)" in caught.value.traceback_text
        assert await ref.ask(Total()) == 7
        assert await ref.ask(Where()) == pid
        assert ref.statistics().restarts == 1

    living(test)


def test_what_waits_when_a_handler_fails_is_received_by_the_next_incarnation_in_order(tmp_path: Path) -> None:
    diary = tmp_path / "diary"

    async def test(runtime: Runtime) -> None:
        ref = await runtime.spawn(Lodger, 0, str(diary), where="process")
        await ref.ask(Total())
        await ref.tell(Add(0))
        ref.tell_nowait(Fail("now"))
        for n in range(1, 200):
            ref.tell_nowait(Add(n))
        await ref.ask(Total())
        assert await ref.stop()

    living(test)
    added = [line for line in diary.read_text().splitlines() if line.startswith("add")]
    assert added == [f"add {n}" for n in range(200)]
    assert "failure KeyError" in diary.read_text()


def test_directives_and_attempts_are_kept_by_the_type_of_the_exception_in_the_child() -> None:
    async def test(runtime: Runtime) -> None:
        resumed = await runtime.spawn(Lodger, where="process", options=ActorOptions(directives={KeyError: "resume"}))
        await resumed.tell(Add(5))
        with pytest.raises(ActorFailed):
            await resumed.ask(Fail("x"))
        assert await resumed.ask(Total()) == 5
        assert resumed.statistics().restarts == 0

        stopped = await runtime.spawn(Lodger, where="process", options=ActorOptions(directives={KeyError: "stop"}))
        with pytest.raises(ActorFailed):
            await stopped.ask(Fail("x"))
        await eventually(lambda: not stopped.is_alive)

        tried = await runtime.spawn(Lodger, where="process", options=ActorOptions(attempts=3))
        with pytest.raises(ActorFailed):
            await tried.ask(Fail("x"))
        await tried.ask(Total())
        assert tried.statistics().restarts == 3

    living(test)


def test_too_many_failures_end_it_and_all_that_waits_is_answered() -> None:
    async def test(runtime: Runtime) -> None:
        ref = await runtime.spawn(Lodger, where="process")
        watcher = await runtime.spawn(Lodger, name="watcher")
        await watcher.tell(Look(ref, False))
        asks = [asyncio.ensure_future(ref.ask(Fail("x"))) for _ in range(8)]
        results = await asyncio.gather(*asks, return_exceptions=True)
        assert {type(result) for result in results} == {ActorFailed, ActorStopped}
        await eventually(lambda: not ref.is_alive)
        seen = await watcher.ask(Seen())
        assert [entry[0] for entry in seen] == ["restarted"] * 3 + ["down"]
        assert "more than 3 restarts" in seen[-1][3]

    living(test)


def test_a_start_that_fails_is_a_failure_of_the_actor_with_its_reason() -> None:
    async def test(runtime: Runtime) -> None:
        ref = await runtime.spawn(Lodger, -1, where="process")
        with pytest.raises(ActorStopped) as caught:
            await ref.ask(Total())
        assert isinstance(caught.value.__cause__, RestartLimitReached)
        assert isinstance(caught.value.__cause__.__cause__, ValueError)

    living(test)


def test_what_cannot_be_pickled_is_refused_before_anything_starts() -> None:
    async def test(runtime: Runtime) -> None:
        with pytest.raises(FunctionNotShippable, match="Lodger cannot be sent to a process"):
            await runtime.spawn(Lodger, threading.Lock(), where="process")
        with pytest.raises(TypeError, match="missing a required"):
            await runtime.spawn(Forwarder, where="process")
        with pytest.raises(ValueError, match="an actor lives on this loop"):
            await runtime.spawn(Lodger, where="elsewhere")

    living(test)
