"""The asynchronous face: streams, several runs and runtimes, cancellation, events, stopping."""

from __future__ import annotations

import asyncio
import itertools
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from cuebook import (
    CallFailed,
    Event,
    EventKind,
    JournalError,
    RunStopped,
    Runtime,
    chunk,
    current_call,
    make_checkpoint,
)
from tests.api.calls import run, slowly, square


async def forever(x: int) -> int:
    await asyncio.sleep(1000)
    return x


async def made_by(runtime: Runtime, count: int, *, runs: int = 1) -> None:
    """Returns once each of so many runs, the only ones, has completed `count` calls."""
    done: dict[int | None, int] = {}
    async for event in runtime.events():
        if event.kind is EventKind.PROGRESS:
            done[event.progress.total] = event.progress.done
        if len(done) == runs and min(done.values()) >= count:
            return


# -- several at once


@pytest.mark.parametrize("where", ["process", "thread", "async"])
def test_two_runs_of_one_runtime_go_on_side_by_side(where: str, tmp_path: Path) -> None:
    async def main() -> Any:
        async with Runtime(tmp_path / "x.cue", where=where, chunk_size=2) as runtime:
            return await asyncio.gather(
                runtime.chunk(slowly, [[n] for n in range(40)]),
                runtime.chunk(slowly, [[n] for n in range(40, 80)]),
                runtime.chunk(slowly, [[n] for n in range(10)], path=None),
                runtime.chunk(slowly, ([n] for n in range(10)), path=tmp_path / "other.cue"),
            )

    first, second, third, fourth = run(main())
    assert first + second == [n * n for n in range(80)]
    assert third == fourth == [n * n for n in range(10)]


def test_a_failure_of_one_run_leaves_the_others_alone(tmp_path: Path) -> None:
    async def fails(x: int) -> int:
        raise ValueError(x)

    async def main() -> Any:
        async with Runtime(tmp_path / "x.cue", where="async", chunk_size=2) as runtime:
            return await asyncio.gather(
                runtime.chunk(fails, [[1]]), runtime.chunk(slowly, [[n] for n in range(40)]), return_exceptions=True
            )

    failed, output = run(main())
    assert isinstance(failed, CallFailed)
    assert output == [n * n for n in range(40)]


def test_two_runtimes_of_a_process_share_a_journal_and_know_nothing_else_of_each_other(tmp_path: Path) -> None:
    async def main() -> Any:
        async with Runtime(tmp_path / "x.cue", where="async") as one, Runtime(tmp_path / "x.cue", where="async") as two:
            a, b = await asyncio.gather(
                one.chunk(slowly, [[n] for n in range(30)]), two.chunk(slowly, [[n] for n in range(30, 60)])
            )
            events = [done.reused async for done in two.stream(slowly, [[n] for n in range(60)])]
            return a + b, events

    output, reused = run(main())
    assert output == [n * n for n in range(60)]
    assert all(reused)


def test_the_same_journal_by_another_spelling_of_its_path_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "link.cue").symlink_to(tmp_path / "x.cue")
    (tmp_path / "sub").mkdir()

    async def main() -> Any:
        async with Runtime(where="async") as runtime:
            await runtime.chunk(slowly, [[1]], path=tmp_path / "x.cue")
            spellings = [tmp_path / "sub" / ".." / "x.cue", tmp_path / "link.cue", str(tmp_path / "x.cue")]
            return [[d.reused async for d in runtime.stream(slowly, [[1]], path=path)] for path in spellings]

    assert run(main()) == [[True]] * 3


# -- cancellation and stopping


def test_a_cancelled_run_keeps_what_is_finished_and_passes_the_cancellation_on(tmp_path: Path) -> None:
    async def main() -> Any:
        async with Runtime(tmp_path / "x.cue", where="async", chunk_size=2) as runtime:
            far = asyncio.create_task(made_by(runtime, 10))
            await asyncio.sleep(0)
            task = asyncio.create_task(runtime.chunk(slowly, [[n] for n in range(1000)]))
            await far
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return [d.index async for d in runtime.stream(slowly, ([n] for n in range(5))) if d.reused]

    assert sorted(run(main())) == [0, 1, 2, 3, 4]


def test_a_timeout_around_a_run_is_a_timeout(tmp_path: Path) -> None:
    async def main() -> None:
        async with Runtime(tmp_path / "x.cue", where="async", chunk_size=2) as runtime:
            began = time.monotonic()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await runtime.chunk(forever, [[1]])
            assert time.monotonic() - began < 6
            assert await runtime.chunk(slowly, [[2]]) == [4]

    run(main())


def test_a_task_group_that_fails_cancels_its_runs(tmp_path: Path) -> None:
    async def main() -> None:
        async with Runtime(tmp_path / "x.cue", where="async", chunk_size=2) as runtime, asyncio.TaskGroup() as group:
            group.create_task(runtime.chunk(slowly, ([n] for n in itertools.count())))
            await asyncio.sleep(0.05)
            raise KeyError("mine")

    with pytest.raises(ExceptionGroup) as caught:
        run(main())
    assert caught.group_contains(KeyError)


def test_stop_ends_every_run_and_says_how_far_each_was(tmp_path: Path) -> None:
    async def main() -> list[Any]:
        async with Runtime(tmp_path / "x.cue", where="async", chunk_size=2) as runtime:
            far = asyncio.create_task(made_by(runtime, 1, runs=2))
            await asyncio.sleep(0)
            tasks = [asyncio.create_task(runtime.chunk(slowly, [[n] for n in range(k)])) for k in (1000, 1001)]
            await far
            await runtime.stop("enough")
            return await asyncio.gather(*tasks, return_exceptions=True)

    for stopped in run(main()):
        assert isinstance(stopped, RunStopped)
        assert stopped.reason == "enough"
        assert 0 < stopped.done < 1000 <= stopped.total
        assert str(stopped.done) in str(stopped)


def test_leaving_a_runtime_ends_the_run_that_is_being_opened_at_any_moment(tmp_path: Path) -> None:
    async def main(turns: int) -> Any:
        async with Runtime(tmp_path / f"{turns}.cue", where="async", chunk_size=2) as runtime:
            task = asyncio.create_task(runtime.chunk(forever, [[1], [2]]))
            for _ in range(turns):
                await asyncio.sleep(0)
        return (await asyncio.gather(task, return_exceptions=True))[0]

    for turns in range(1, 40):
        stopped = run(main(turns))
        assert isinstance(stopped, RunStopped)
        assert "closed" in str(stopped)


def test_leaving_a_runtime_with_runs_under_way_ends_them(tmp_path: Path) -> None:
    async def main() -> Any:
        async with Runtime(tmp_path / "x.cue", where="async", chunk_size=2) as runtime:
            task = asyncio.create_task(runtime.chunk(forever, [[1], [2]]))
            await asyncio.sleep(0.1)
        return (await asyncio.gather(task, return_exceptions=True))[0]

    began = time.monotonic()
    stopped = run(main())
    assert isinstance(stopped, RunStopped)
    assert "closed" in str(stopped)
    assert time.monotonic() - began < 10


def test_leaving_a_runtime_keeps_what_its_runs_have_finished(tmp_path: Path) -> None:
    async def main() -> int:
        async with Runtime(tmp_path / "x.cue", where="async", chunk_size=2) as runtime:
            far = asyncio.create_task(made_by(runtime, 10))
            await asyncio.sleep(0)
            task = asyncio.create_task(runtime.chunk(slowly, [[n] for n in range(1000)]))
            await far
        with pytest.raises(RunStopped) as caught:
            await task
        return caught.value.done

    done = run(main())
    assert 0 < done < 1000

    async def again() -> int:
        async with Runtime(tmp_path / "x.cue", where="async") as runtime:
            return sum([d.reused async for d in runtime.stream(slowly, [[n] for n in range(1000)]) if d.index < done])

    assert run(again()) == done


def test_a_listener_that_is_far_behind_does_not_keep_the_runtime_from_closing() -> None:
    async def main() -> None:
        async with Runtime(where="async", chunk_size=1, errors="collect") as runtime:
            events = runtime.events()
            task = asyncio.create_task(anext(events))
            await asyncio.sleep(0)

            async def fails(x: int) -> int:
                raise ValueError(x)

            await runtime.chunk(fails, [[n] for n in range(1500)])
            await task

    run(main())


def test_a_runtime_touches_no_signals_unless_told_to() -> None:
    def handlers() -> list[Any]:
        return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)]

    async def main() -> None:
        before = handlers()
        async with Runtime(where="async") as runtime:
            assert handlers() == before
            await runtime.chunk(slowly, [[1]])
            assert handlers() == before
        assert handlers() == before

    run(main())


def test_an_exception_in_the_body_is_the_one_that_is_raised_and_the_journal_is_closed(tmp_path: Path) -> None:
    async def main() -> None:
        async with Runtime(tmp_path / "x.cue", where="async") as runtime:
            await runtime.chunk(slowly, [[1]])
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        run(main())
    assert chunk(slowly, [[1]], where="async", path=tmp_path / "x.cue") == [1]


# -- events


def test_events_tell_the_story_of_a_run_from_its_start_to_its_end() -> None:
    async def odd(x: int) -> int:
        call = current_call()
        assert call is not None
        if x == 1 and call.attempt == 1:
            raise ValueError("again")
        if x == 2:
            raise ValueError("for good")
        return x

    async def main() -> list[Event]:
        seen: list[Event] = []
        async with Runtime(where="async", chunk_size=1) as runtime:

            async def listen() -> None:
                async for event in runtime.events():
                    seen.append(event)

            listener = asyncio.create_task(listen())
            await asyncio.sleep(0)
            await runtime.chunk(odd, [[n] for n in range(4)], retries=1, backoff=0, errors="collect")
        await listener
        return seen

    seen = run(main())
    kinds = [event.kind for event in seen]
    assert kinds[0] is EventKind.STARTED
    assert kinds[-1] is EventKind.ENDED
    assert [event.index for event in seen if event.kind is EventKind.CALL_RETRIED] == [1, 2]
    [failed] = [event for event in seen if event.kind is EventKind.CALL_FAILED]
    assert failed.index == 2
    assert "for good" in failed.detail
    last = seen[-1].progress
    assert (last.done, last.failed, last.total, last.retried, last.is_over) == (3, 1, 4, 2, True)
    counts = [event.progress.done for event in seen]
    assert counts == sorted(counts)
    assert all(event.function.endswith("odd") for event in seen)


def test_a_listener_that_does_not_listen_holds_nothing_up() -> None:
    async def main() -> list[int]:
        async with Runtime(where="thread") as runtime:
            events = runtime.events()
            task = asyncio.create_task(anext(events))
            await asyncio.sleep(0)
            output = await runtime.chunk(square, [[n] for n in range(3000)], batch=1)
            assert (await task).kind is EventKind.STARTED
            return output

    assert run(main()) == [n * n for n in range(3000)]


# -- wrong use


def test_a_runtime_that_is_not_open_says_so() -> None:
    async def main() -> None:
        await Runtime(where="async").chunk(slowly, [[1]])

    with pytest.raises(RuntimeError, match="async with"):
        run(main())


def test_a_journal_that_cannot_be_opened_fails_the_run_and_not_the_runtime(tmp_path: Path) -> None:
    async def main() -> list[int]:
        async with Runtime(where="async") as runtime:
            with pytest.raises(JournalError):
                await runtime.chunk(slowly, [[1]], path=tmp_path)
            return await runtime.chunk(slowly, [[3]])

    assert run(main()) == [9]


def test_events_of_a_runtime_that_has_ended_end_at_once() -> None:
    async def main() -> list[Event]:
        runtime = Runtime(where="thread")
        async with runtime:
            await runtime.chunk(square, [[1]])
        return [event async for event in runtime.events()]

    assert run(main()) == []


def test_a_runtime_is_opened_once() -> None:
    async def main() -> None:
        runtime = Runtime(where="thread")
        async with runtime:
            assert await runtime.chunk(square, [[2]]) == [4]
        with pytest.raises(RuntimeError, match="opened once"):
            async with runtime:
                pass

    run(main())


def test_calls_that_are_over_leave_nothing_in_the_books_of_a_run_without_end() -> None:
    tried: set[int] = set()

    def f(n: int) -> int:
        make_checkpoint(b"x" * 1000)
        if n % 3 == 0 or (n % 3 == 1 and n not in tried):
            tried.add(n)
            raise ValueError(n)
        return n

    async def main() -> None:
        async with Runtime(where="thread", errors="collect", retries=1, backoff=0) as runtime:
            seen = 0
            async for _ in runtime.stream(f, ([n] for n in itertools.count())):
                seen += 1
                if seen == 200:
                    [flow] = runtime._runs.values()
                    books = (flow.attempts, flow.deaths, flow.states, flow.states_in_memory)
                    assert max(map(len, books)) < 100
                    break

    run(main())
