"""Workers whose setup, run and teardown are coroutines: awaited on the loop of the calls, in one task, whatever happens."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import anyio
import pytest

from cuebook import CallFailed, CallTimedOut, Chunker, Runtime, Worker, chunk, current_call
from cuebook.engines.calls.current import CurrentCall, NoStates
from cuebook.engines.local import shared_worker
from cuebook.engines.local.shared_worker import SharedWorker

WHERE = ["process", "thread", "async"]


class Noted(Worker):
    """Notes what becomes of it, in a file, as it may be in another process."""

    log = ""

    def note(self, text: str) -> None:
        with open(self.log, "a") as file:
            file.write(f"{text}\n")

    async def setup(self) -> None:
        self.note("setup")
        await asyncio.sleep(0)
        self.loop = asyncio.get_running_loop()
        self.session = "open"

    async def run(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        assert asyncio.get_running_loop() is self.loop
        assert self.session == "open"
        return await func(*args, **kwargs)

    async def teardown(self) -> None:
        await asyncio.sleep(0)
        assert asyncio.get_running_loop() is self.loop
        self.session = "closed"
        self.note("teardown")


def noted(folder: Path) -> type[Noted]:
    """A class that notes in a file of this folder."""
    path = str(folder / "log")

    class Here(Noted):
        log = path

    return Here


def notes(folder: Path) -> list[str]:
    return (folder / "log").read_text().split()


async def double(x: int) -> int:
    await asyncio.sleep(0)
    return 2 * x


async def fail(x: int) -> int:
    raise ValueError(x)


async def hang(x: int) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("where", WHERE)
def test_setup_and_teardown_are_awaited_on_the_loop_of_the_calls(where: str, tmp_path: Path) -> None:
    assert chunk(double, [[n] for n in range(4)], actors=noted(tmp_path), chunk_size=1, where=where) == [0, 2, 4, 6]
    assert notes(tmp_path) == ["setup", "teardown"]


def test_all_coroutines_of_a_run_share_one_instance(tmp_path: Path) -> None:
    seen = set()

    class Here(noted(tmp_path)):  # type: ignore[misc]
        async def run(self, func: Any, *args: Any, **kwargs: Any) -> Any:
            seen.add(id(self))
            return await super().run(func, *args, **kwargs)

    with Chunker(double, actors=Here, chunk_size=10, where="async") as chunker:
        assert chunker([[n] for n in range(40)]) == [2 * n for n in range(40)]
        assert len(seen) == 1
        assert notes(tmp_path) == ["setup", "teardown"]
        assert chunker([[1]]) == [2]
        assert notes(tmp_path) == ["setup", "teardown"] * 2


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("errors", ["raise", "collect"])
def test_teardown_is_awaited_after_failures(where: str, errors: str, tmp_path: Path) -> None:
    options: Any = {"actors": noted(tmp_path), "chunk_size": 1, "where": where}
    if errors == "raise":
        with pytest.raises(CallFailed):
            chunk(fail, [[1], [2]], errors=errors, **options)
    else:
        assert [type(failed) for failed in chunk(fail, [[1], [2]], errors=errors, **options)] == [CallFailed] * 2
    assert notes(tmp_path) == ["setup", "teardown"]


async def leave_a_stream(where: str, folder: Path) -> None:
    async with Runtime(where=where, chunk_size=1, actors=noted(folder)) as runtime:
        stream = runtime.stream(double, ([n] for n in range(10_000)))
        async for _ in stream:
            break
        await stream.aclose()


@pytest.mark.parametrize("where", WHERE)
def test_teardown_is_awaited_after_a_stream_that_was_left(where: str, tmp_path: Path) -> None:
    asyncio.run(leave_a_stream(where, tmp_path))
    assert notes(tmp_path) == ["setup", "teardown"]


def test_teardown_is_awaited_after_a_cancellation_and_what_calls_end_with_still_has_the_session(tmp_path: Path) -> None:
    seen = []

    class Here(noted(tmp_path)):  # type: ignore[misc]
        async def run(self, func: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return await super().run(func, *args, **kwargs)
            finally:
                await asyncio.sleep(0)
                seen.append(self.session)

    async def main() -> None:
        async with Runtime(where="async", chunk_size=3, actors=Here) as runtime:
            began = asyncio.Event()

            async def begin_and_hang(x: int) -> None:
                began.set()
                await hang(x)

            run = asyncio.create_task(runtime.chunk(begin_and_hang, [[n] for n in range(3)]))
            await began.wait()
            runtime.interrupt("enough", 2)
            run.cancel()
            with pytest.raises(asyncio.CancelledError):
                await run

    asyncio.run(main())
    assert notes(tmp_path) == ["setup", "teardown"]
    assert seen
    assert set(seen) == {"open"}


def test_a_call_over_its_time_leaves_the_session_open_for_the_others(tmp_path: Path) -> None:
    async def some(x: int) -> int:
        return await (hang(x) if x == 1 else double(x))  # type: ignore[return-value]

    found = chunk(
        some,
        [[n] for n in range(4)],
        actors=noted(tmp_path),
        where="async",
        chunk_size=1,
        timeout=0.05,
        errors="collect",
    )
    assert [found[0], found[2], found[3]] == [0, 4, 6]
    assert isinstance(found[1], CallTimedOut)
    assert notes(tmp_path) == ["setup", "teardown"]


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("chunk_size", [1, 5])
def test_a_setup_that_raises_is_tried_three_times_and_not_torn_down(
    where: str, chunk_size: int, tmp_path: Path
) -> None:
    class Refused(noted(tmp_path)):  # type: ignore[misc]
        async def setup(self) -> None:
            self.note("setup")
            await asyncio.sleep(0)
            raise LookupError("no server")

    with pytest.raises(LookupError, match="no server"):
        chunk(double, [[n] for n in range(5)], actors=Refused, where=where, chunk_size=chunk_size)
    assert set(notes(tmp_path)) == {"setup"}
    assert len(notes(tmp_path)) == 3 or where != "async"


@pytest.mark.parametrize("where", WHERE)
def test_a_setup_that_succeeds_at_the_second_try_is_a_success(where: str, tmp_path: Path) -> None:
    class Shy(noted(tmp_path)):  # type: ignore[misc]
        async def setup(self) -> None:
            await super().setup()
            if len(notes(tmp_path)) < 2:
                raise OSError("not yet")

    assert chunk(double, [[1]], actors=Shy, where=where, chunk_size=1) == [2]
    assert notes(tmp_path) == ["setup", "setup", "teardown"]


@pytest.mark.parametrize("where", WHERE)
def test_what_setup_enters_teardown_may_leave_as_both_are_one_task(where: str, tmp_path: Path) -> None:
    class Grouped(noted(tmp_path)):  # type: ignore[misc]
        async def setup(self) -> None:
            await super().setup()
            self.group = anyio.create_task_group()
            await self.group.__aenter__()
            self.group.start_soon(anyio.sleep_forever)
            self.task = asyncio.current_task()

        async def teardown(self) -> None:
            assert asyncio.current_task() is self.task
            self.group.cancel_scope.cancel()
            await self.group.__aexit__(None, None, None)
            await super().teardown()

    assert chunk(double, [[1], [2]], actors=Grouped, where=where, chunk_size=1) == [2, 4]
    assert notes(tmp_path) == ["setup", "teardown"]


def test_a_plain_setup_and_an_async_teardown_go_together(tmp_path: Path) -> None:
    class Mixed(noted(tmp_path)):  # type: ignore[misc]
        def setup(self) -> None:
            self.session = "open"
            self.note("setup")

        def run(self, func: Any, *args: Any, **kwargs: Any) -> Any:
            return func(*args, **kwargs)

        async def teardown(self) -> None:
            self.note("teardown")

    for where in WHERE:
        assert chunk(double, [[1], [2]], actors=Mixed, where=where, chunk_size=1) == [2, 4]
    assert notes(tmp_path) == ["setup", "teardown"] * 3


def test_a_worker_with_an_async_run_makes_coroutines_of_plain_functions(tmp_path: Path) -> None:
    class Fetching(noted(tmp_path)):  # type: ignore[misc]
        async def run(self, func: Any, *args: Any, **kwargs: Any) -> Any:
            await asyncio.sleep(0)
            return func(*args, **kwargs)

    for where in WHERE:
        assert chunk(abs, [[-1], [2]], actors=Fetching, where=where, chunk_size=1) == [1, 2]


@pytest.mark.parametrize("where", WHERE)
def test_a_teardown_that_raises_is_printed_and_fails_nothing(
    where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Clumsy(noted(tmp_path)):  # type: ignore[misc]
        async def teardown(self) -> None:
            await super().teardown()
            raise RuntimeError("clumsy")

    assert chunk(double, [[1], [2]], actors=Clumsy, where=where, chunk_size=1) == [2, 4]
    assert notes(tmp_path) == ["setup", "teardown"]
    assert "RuntimeError: clumsy" in capsys.readouterr().err


def test_a_teardown_without_end_is_left_to_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shared_worker, "ABANDON_S", 0.02)

    class Endless(Worker):
        async def teardown(self) -> None:
            await asyncio.Event().wait()

    assert chunk(double, [[1]], actors=Endless, where="async", chunk_size=1) == [2]
    assert "Endless did not end within 0.02 s" in capsys.readouterr().err


def test_a_shared_worker_that_nobody_asked_for_is_not_made() -> None:
    async def main() -> None:
        call = CurrentCall(-1, 0, [], worker=0, fingerprint=b"", port=NoStates())
        await SharedWorker(type("Never", (), {}), lambda: 1 / 0, call).end()

    asyncio.run(main())


# -- initializer


@pytest.mark.parametrize("where", WHERE)
def test_an_initializer_runs_in_each_worker_before_its_first_call(where: str, tmp_path: Path) -> None:
    log = str(tmp_path / "log")

    def initialize() -> None:
        os.environ["CUEBOOK_TEST_PREPARED"] = "yes"
        with open(log, "a") as file:
            file.write("once\n")

    async def coroutine(x: int) -> tuple[int, str]:
        return plain(x)

    def plain(x: int) -> tuple[int, str]:
        return x, os.environ["CUEBOOK_TEST_PREPARED"]

    func = coroutine if where == "async" else plain
    try:
        found = chunk(func, [[n] for n in range(6)], initializer=initialize, where=where, chunk_size=2)
    finally:
        os.environ.pop("CUEBOOK_TEST_PREPARED", None)
    assert found == [(n, "yes") for n in range(6)]
    assert len(notes(tmp_path)) == {"process": 2, "thread": 2, "async": 1}[where]


@pytest.mark.parametrize("where", WHERE)
def test_an_initializer_may_be_a_coroutine_function_and_comes_before_the_workers_setup(
    where: str, tmp_path: Path
) -> None:
    log = str(tmp_path / "log")

    async def initialize() -> None:
        await asyncio.sleep(0)
        with open(log, "a") as file:
            file.write("initializer\n")

    actors = noted(tmp_path)
    assert chunk(double, [[1]], initializer=initialize, actors=actors, where=where, chunk_size=1) == [2]
    assert notes(tmp_path) == ["initializer", "setup", "teardown"]


@pytest.mark.parametrize("where", WHERE)
def test_an_initializer_that_raises_three_times_ends_the_run_with_its_exception(where: str) -> None:
    def refuse() -> None:
        raise LookupError("no licence")

    with pytest.raises(LookupError, match="no licence"):
        chunk(double, [[1], [2]], initializer=refuse, where=where, chunk_size=1)


def test_an_initializer_counts_as_the_functions_code_does(tmp_path: Path) -> None:
    def initialize(text: str) -> Any:
        return lambda: print(text)

    async def count(initializer: Any) -> int:
        async with Runtime(tmp_path / "y.cue", where="thread") as runtime:
            return [done.reused async for done in runtime.stream(abs, [[1], [2]], initializer=initializer)].count(True)

    assert asyncio.run(count(initialize("a"))) == 0
    assert asyncio.run(count(initialize("a"))) == 2
    assert asyncio.run(count(initialize("b"))) == 0
    assert asyncio.run(count(None)) == 0


def test_what_is_no_function_is_no_initializer() -> None:
    with pytest.raises(TypeError, match="initializer is 3; give a function"):
        chunk(abs, [[1]], initializer=3)  # type: ignore[arg-type]


# -- which worker


@pytest.mark.parametrize("where", ["process", "thread"])
def test_setup_and_initializer_know_the_number_of_their_worker(where: str, tmp_path: Path) -> None:
    log = str(tmp_path / "log")

    def note(text: str) -> None:
        call = current_call()
        assert call is not None
        with open(log, "a") as file:
            file.write(f"{text}-{call.worker}-{call.index}-{call.is_resumed}\n")

    class Numbered(Worker):
        def setup(self) -> None:
            note("setup")
            self.number = current_call().worker  # type: ignore[union-attr]

        def run(self, func: Any, *args: Any, **kwargs: Any) -> Any:
            return self.number == current_call().worker  # type: ignore[union-attr]

        def teardown(self) -> None:
            note("teardown")

    def initialize() -> None:
        note("initializer")

    options: Any = {"initializer": initialize, "actors": Numbered, "where": where, "chunk_size": 2}
    assert all(chunk(abs, [[n] for n in range(8)], **options))
    expected = [f"{what}-{n}--1-False" for n in (0, 1) for what in ("initializer", "setup", "teardown")]
    assert sorted(notes(tmp_path)) == sorted(expected)
    assert current_call() is None


def test_the_seed_of_a_setup_differs_from_worker_to_worker() -> None:
    calls = [CurrentCall(-1, 0, [], worker=n, fingerprint=b"f", port=NoStates()) for n in (0, 1, 0)]
    assert calls[0].seed == calls[2].seed != calls[1].seed
    assert repr(calls[1]) == "<CurrentCall of no call, worker 1>"
