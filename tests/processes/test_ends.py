"""The end of a runtime, of its owner and of a start leaves no process."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from cuebook import (
    ActorFailed,
    ActorOptions,
    ActorStopped,
    Backoff,
    RestartIntensity,
    Runtime,
    SupervisionError,
)
from tests.processes.dying import eventually, living
from tests.support.lodgers import (
    Block,
    Lodger,
    Pause,
    Total,
    Where,
)
from tests.support.programs import is_alive, start, wait_until


def test_the_end_of_the_runtime_answers_every_ask_and_leaves_no_process(tmp_path: Path) -> None:
    async def run() -> list[Any]:
        async with Runtime() as runtime:
            options = ActorOptions(shutdown_s=0.2)
            ref = await runtime.spawn(Lodger, 0, str(tmp_path / "diary"), where="process", options=options)
            pid = await ref.ask(Where())
            asked = [asyncio.ensure_future(ref.ask(Pause(1000), timeout=None)) for _ in range(20)]
            await eventually(lambda: "pausing" in (tmp_path / "diary").read_text())
        assert not is_alive(pid)
        return await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 5)

    results = asyncio.run(run())
    assert {isinstance(result, ActorStopped | ActorFailed) for result in results} == {True}


def test_a_handler_that_holds_its_process_is_ended_with_it_when_the_runtime_ends(tmp_path: Path) -> None:
    async def run() -> int:
        async with Runtime() as runtime:
            options = ActorOptions(shutdown_s=0.1)
            ref = await runtime.spawn(Lodger, where="process", options=options)
            pid = int(await ref.ask(Where()))
            ref.tell_nowait(Block(1000.0, str(tmp_path / "diary")))
            await eventually(lambda: (tmp_path / "diary").exists())
        return pid

    assert not is_alive(asyncio.run(run()))


def test_a_cancelled_block_ends_its_processes() -> None:
    async def run() -> int:
        pids: list[int] = []

        async def block() -> None:
            async with Runtime() as runtime:
                ref = await runtime.spawn(Lodger, where="process", options=ActorOptions(shutdown_s=1.0))
                pids.append(await ref.ask(Where()))
                await asyncio.Event().wait()

        task = asyncio.ensure_future(block())
        await eventually(lambda: pids)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return pids[0]

    assert not is_alive(asyncio.run(run()))


def test_when_the_owner_is_killed_its_processes_and_what_they_started_end(tmp_path: Path) -> None:
    body = """
import asyncio, subprocess

@message(tag=1000)
class Go:
    pass

class Starter(Actor):
    def on_go(self, message: Go) -> None:
        note(subprocess.Popen(["sleep", "1000"]).pid, "pids")
        note(os.getpid(), "pids")
        time.sleep(1000)

async def main():
    async with Runtime() as runtime:
        ref = await runtime.spawn(Starter, where="process")
        await ref.ask(Go())

asyncio.run(main())
"""
    with start(tmp_path, body) as program:
        log = tmp_path / "pids"
        wait_until(lambda: log.exists() and len(log.read_text().split()) == 2, "the actor's start")
        program.send(signal.SIGKILL)
        program.wait()
        pids = [int(line) for line in log.read_text().split()]
        wait_until(lambda: not any(map(is_alive, pids)), "the end of all", 10)


def test_an_actor_that_is_killed_or_stopped_while_its_process_starts_leaves_the_process_to_others() -> None:
    async def test(runtime: Runtime) -> None:
        process = runtime.process("shared")
        first = await runtime.spawn(Lodger, where=process)
        second = await runtime.spawn(Lodger, 2, where=process)
        third = await runtime.spawn(Lodger, 3, where=process)
        await asyncio.sleep(0)
        first.kill()
        assert await third.stop(0.0) in (True, False)
        assert await second.ask(Total()) == 2
        assert await first.ask(Total()) == 0
        assert second.statistics().restarts == 0

    living(test)


def test_a_runtime_that_ends_at_once_leaves_no_process() -> None:
    async def test(runtime: Runtime) -> None:
        await runtime.spawn(Lodger, where="process", options=ActorOptions(shutdown_s=0.0))
        await runtime.spawn(Lodger, where=runtime.process("named"), options=ActorOptions(shutdown_s=0.0))
        await asyncio.sleep(0)

    living(test)


def test_where_no_process_can_be_started_the_spawn_is_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")

    async def test(runtime: Runtime) -> None:
        with pytest.raises(SupervisionError, match="/no/such/python"):
            await runtime.spawn(Lodger, where="process")

    living(test)


def test_a_kill_at_any_moment_of_a_start_is_a_failure_and_the_next_incarnation_begins() -> None:
    async def test(runtime: Runtime) -> None:
        process = runtime.process("shared")
        options = ActorOptions(intensity=RestartIntensity(1000, 10.0), backoff=Backoff(first_s=0.0))
        bystander = await runtime.spawn(Lodger, where=process)
        pid = await bystander.ask(Where())
        ref = await runtime.spawn(Lodger, 3, where=process, options=options)
        assert await ref.ask(Total()) == 3
        for turns in range(40):
            ref.kill()
            for _ in range(turns):
                await asyncio.sleep(0)
            ref.kill()
            assert await ref.ask(Total(), timeout=10) == 3
        assert await bystander.ask(Where()) == pid

    living(test)
