"""Actors of a living run are killed by name: the caller gets its list as if nothing had happened."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cuebook import CallFailed, EventKind, InternalError, RestartLimitReached, Runtime

CALLS = 300


def noting(log: Path, pause_s: float = 0.003) -> Callable[[int], int]:
    name = str(log)

    def f(x: int) -> int:
        fd = os.open(name, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
        os.write(fd, f"{x}\n".encode())
        os.close(fd)
        time.sleep(pause_s)
        return x * x

    return f


def executions(log: Path) -> Counter[str]:
    return Counter(log.read_text().split())


async def killed_while_it_runs(
    path: Path | None, log: Path, names: list[str], kills: int, pause_s: float, **options: Any
) -> list[int]:
    """A run during which actors are killed in turn, every `pause_s` or so."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    async with Runtime(path) as runtime:
        task = asyncio.create_task(runtime.chunk(noting(log), [[n] for n in range(CALLS)], chunk_size=2, **options))
        while not log.exists():
            await asyncio.sleep(0.005)
        for number in range(kills):
            if task.done():
                break
            with contextlib.suppress(KeyError):  # it has ended for good
                runtime.actor(names[number % len(names)]).kill()
            await asyncio.sleep(pause_s * (0.5 + chance.random()))
        async with asyncio.timeout(60):
            return await task


@pytest.mark.parametrize("where", ["process", "thread"])
@pytest.mark.parametrize(
    "names",
    [["supervisor"], ["journal"], ["worker-0"], ["supervisor", "journal", "worker-0", "worker-1"]],
    ids=lambda names: "+".join(names),
)
def test_actors_are_killed_one_after_the_other_and_the_result_is_right(
    names: list[str], where: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    output = asyncio.run(killed_while_it_runs(tmp_path / "x.cue", log, names, 8, 0.05, where=where))
    assert output == [n * n for n in range(CALLS)]
    made = executions(log)
    assert len(made) == CALLS
    assert sum(made.values()) <= CALLS + 8 * 4
    # what the next run finds is whole
    assert asyncio.run(killed_while_it_runs(tmp_path / "x.cue", log, names, 0, 0.0, where=where)) == output
    assert executions(log) == made


@pytest.mark.parametrize("name", ["supervisor", "journal"])
def test_a_burst_of_kills_amid_commits_loses_nothing(name: str, tmp_path: Path) -> None:
    """Kills come faster than commits end, so that some meet one under way."""

    async def main() -> list[int]:
        async with Runtime(tmp_path / "x.cue") as runtime:
            task = asyncio.create_task(
                runtime.chunk(lambda x: x * x, [[n] for n in range(20_000)], chunk_size=2, batch=4)
            )
            kills = 0
            while not task.done() and kills < 9:
                with contextlib.suppress(KeyError):  # not there yet
                    runtime.actor(name).kill()
                    kills += 1
                await asyncio.sleep(0.02)
            async with asyncio.timeout(60):
                return await task

    assert asyncio.run(main()) == [n * n for n in range(20_000)]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("round_", range(15))
def test_a_sweep_of_kills_of_every_actor(round_: int, tmp_path: Path) -> None:
    names = ["supervisor", "worker-0", "journal", "worker-1"]
    output = asyncio.run(killed_while_it_runs(tmp_path / "x.cue", tmp_path / "log", names, 16, 0.04 + round_ * 0.01))
    assert output == [n * n for n in range(CALLS)]


def test_a_worker_killed_in_a_run_that_keeps_nothing_is_replaced(tmp_path: Path) -> None:
    output = asyncio.run(killed_while_it_runs(None, tmp_path / "log", ["worker-0", "worker-1"], 6, 0.05))
    assert output == [n * n for n in range(CALLS)]


def test_a_supervisor_killed_where_nothing_is_kept_ends_the_run_with_an_internal_error(tmp_path: Path) -> None:
    with pytest.raises(InternalError, match="path=None"):
        asyncio.run(killed_while_it_runs(None, tmp_path / "log", ["supervisor"], 1, 0.01))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["supervisor", "journal"])
def test_an_actor_that_is_killed_without_end_ends_the_run_with_what_it_was(name: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with Runtime(tmp_path / "x.cue") as runtime:
            task = asyncio.create_task(runtime.chunk(noting(tmp_path / "log", 0.5), [[n] for n in range(CALLS)]))
            while not task.done():
                with contextlib.suppress(KeyError):  # not there yet, or gone for good
                    runtime.actor(name).kill()
                await asyncio.sleep(0.02)
            await task

    with pytest.raises(RestartLimitReached, match=name):
        asyncio.run(main())


def test_a_supervisor_killed_while_a_retry_pauses_still_makes_that_attempt(tmp_path: Path) -> None:
    tried: list[int] = []

    async def f(x: int) -> int:
        tried.append(x)
        if len(tried) == 1:
            raise OSError("not yet")
        return x

    async def main() -> list[int]:
        async with Runtime(tmp_path / "x.cue") as runtime:
            events = runtime.events()
            task = asyncio.create_task(runtime.chunk(f, [[1]], where="async", retries=1, backoff=0.2, version="1"))
            async for event in events:
                if event.kind is EventKind.CALL_RETRIED:
                    break
            runtime.actor("supervisor").kill()
            async with asyncio.timeout(20):
                return await task

    assert asyncio.run(main()) == [1]
    assert tried == [1, 1]


def test_a_supervisor_killed_while_a_stopped_run_has_its_grace_still_ends_the_run(tmp_path: Path) -> None:
    async def f(x: int) -> int:
        await asyncio.sleep(100)
        return x

    async def main() -> float:
        async with Runtime(tmp_path / "x.cue") as runtime:
            task = asyncio.create_task(runtime.chunk(f, [[1], [2]], where="async"))
            await asyncio.sleep(0.05)
            stopping = asyncio.create_task(runtime.stop("enough", grace_s=0.3))
            await asyncio.sleep(0.02)
            runtime.actor("supervisor").kill()
            began = time.monotonic()
            await asyncio.wait([task], timeout=30)
            assert task.done()
            assert task.exception() is not None
            await stopping
            return time.monotonic() - began

    assert asyncio.run(main()) < 10


def test_a_failure_of_the_run_survives_the_supervisor(tmp_path: Path) -> None:
    async def f(x: int) -> int:
        if x == 50:
            raise ValueError(x)
        await asyncio.sleep(0.002)
        return x

    async def main() -> list[Any]:
        async with Runtime(tmp_path / "x.cue") as runtime:
            task = asyncio.create_task(
                runtime.chunk(f, [[n] for n in range(100)], where="async", chunk_size=2, errors="collect")
            )
            for _ in range(8):
                await asyncio.sleep(0.02)
                runtime.actor("supervisor").kill()
            async with asyncio.timeout(30):
                return await task

    output = asyncio.run(main())
    failed = output.pop(50)
    assert isinstance(failed, CallFailed)
    assert failed.error_text == "50"
    assert output == [n for n in range(100) if n != 50]


def test_a_stream_survives_the_supervisor(tmp_path: Path) -> None:
    async def main() -> list[int]:
        seen = []
        async with Runtime(tmp_path / "x.cue") as runtime:
            parameters = ([n] for n in range(300))
            async for done in runtime.stream(noting(tmp_path / "log", 0.002), parameters, chunk_size=2):
                seen.append(done.value)
                if len(seen) in (20, 100, 200):
                    runtime.actor("supervisor").kill()
        return seen

    assert sorted(asyncio.run(main())) == [n * n for n in range(300)]


def test_nothing_of_a_killed_actors_run_is_left_behind(tmp_path: Path) -> None:
    """After a run with kills the workers are free again: the next run of the same runtime uses the same ones."""

    async def main() -> tuple[int, int]:
        async with Runtime(tmp_path / "x.cue") as runtime:
            task = asyncio.create_task(runtime.chunk(noting(tmp_path / "log"), [[n] for n in range(100)], chunk_size=2))
            for _ in range(3):
                await asyncio.sleep(0.05)
                runtime.actor("supervisor").kill()
            await task
            before = len(runtime.app.table.slots)
            for _ in range(3):
                await runtime.chunk(abs, [[n] for n in range(4)], chunk_size=2, path=None)
            return before, len(runtime.app.table.slots)

    before, after = asyncio.run(main())
    assert before == after == 2


def test_when_a_journal_stops_for_good_the_workers_of_its_run_are_free_again(tmp_path: Path) -> None:
    async def main() -> int:
        async with Runtime(tmp_path / "x.cue") as runtime:
            task = asyncio.create_task(runtime.chunk(noting(tmp_path / "log", 0.02), [[n] for n in range(1000)]))
            while not (tmp_path / "log").exists():
                await asyncio.sleep(0.005)
            await runtime.actor("journal").stop()
            with pytest.raises(InternalError, match="Journal"):
                await task
            count = len(runtime.app.table.slots)
            assert await runtime.chunk(abs, [[n] for n in range(100)], path=None) == list(range(100))
            return len(runtime.app.table.slots) - count

    assert asyncio.run(main()) == 0
