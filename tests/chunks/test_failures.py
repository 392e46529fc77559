"""Calls that raise: what the caller gets, what is kept, what is tried again. In processes, threads and coroutines."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cuebook import CallFailed, FunctionNotShippable, ValueNotKept, chunk
from tests.chunks.failing import WHERE, executions


def of_kind(where: str, func: Callable[..., Any]) -> Callable[..., Any]:
    """The function, as a coroutine function where only these run."""
    if where != "async":
        return func

    async def coroutine(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **kwargs)

    return coroutine


class OddError(Exception):
    """An exception that cannot be rebuilt from its arguments."""

    def __init__(self, code: int, *, detail: str) -> None:
        super().__init__(f"code {code}: {detail}")
        self.code = code


def raises_on_three(log: str) -> Callable[[int], int]:
    def f(x: int) -> int:
        with open(log, "a") as file:
            file.write(f"{x}\n")
        if x == 3:
            raise ValueError("three is wrong")
        return x * 10

    return f


@pytest.mark.parametrize("where", WHERE)
def test_the_first_failure_is_raised_with_call_arguments_traceback_and_cause(where: str, tmp_path: Path) -> None:
    func = of_kind(where, raises_on_three(str(tmp_path / "log")))
    with pytest.raises(CallFailed) as caught:
        chunk(func, [[n] for n in range(8)], where=where, chunk_size=2, path=tmp_path / "x.cue")
    error = caught.value
    assert (error.index, error.arguments, error.attempts) == (3, [3], 1)
    assert (error.error_type, error.error_text) == ("ValueError", "three is wrong")
    assert isinstance(error.__cause__, ValueError)
    assert error.__cause__.args == ("three is wrong",)
    assert 'raise ValueError("three is wrong")' in error.traceback_text
    assert "/cuebook/engines/" not in error.traceback_text
    assert str(error).startswith("call 3 with arguments [3] failed: ValueError: three is wrong")


@pytest.mark.parametrize("where", WHERE)
def test_what_was_done_beside_a_failure_is_kept_and_only_the_rest_runs_again(where: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    func = of_kind(where, raises_on_three(str(log)))
    for _ in range(2):
        with pytest.raises(CallFailed):
            chunk(func, [[n] for n in range(8)], where=where, chunk_size=2, path=tmp_path / "x.cue")
    made = executions(log)
    assert made[3] == 2  # a failure is never reused
    assert all(count == 1 for number, count in made.items() if number != 3)


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("keeps", [True, False])
def test_collected_failures_take_their_places_and_all_else_is_done(where: str, keeps: bool, tmp_path: Path) -> None:
    func = of_kind(where, raises_on_three(str(tmp_path / "log")))
    path = tmp_path / "x.cue" if keeps else None
    output = chunk(func, [[n] for n in range(8)], where=where, chunk_size=2, path=path, errors="collect")
    failed = output.pop(3)
    assert output == [0, 10, 20, 40, 50, 60, 70]
    assert isinstance(failed, CallFailed)
    assert failed.index == 3
    assert isinstance(failed.__cause__, ValueError)


@pytest.mark.parametrize("where", WHERE)
def test_retries_are_further_attempts_and_count_in_the_error(where: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    func = of_kind(where, raises_on_three(str(log)))
    output = chunk(func, [[n] for n in range(5)], where=where, retries=2, backoff=0, errors="collect")
    assert executions(log) == {0: 1, 1: 1, 2: 1, 3: 3, 4: 1}
    assert output[3].attempts == 3
    assert "after 3 attempts" in str(output[3])


@pytest.mark.parametrize("where", WHERE)
def test_an_attempt_that_succeeds_makes_the_call_a_success(where: str, tmp_path: Path) -> None:
    mark = tmp_path / "tried"

    def f(x: int) -> int:
        if x == 1 and not mark.exists():
            mark.touch()
            raise OSError("not yet")
        return x

    assert chunk(of_kind(where, f), [[0], [1], [2]], where=where, retries=1, backoff=0.001) == [0, 1, 2]


def test_backoff_is_asked_for_each_further_attempt() -> None:
    asked: list[int] = []

    def backoff(attempt: int) -> float:
        asked.append(attempt)
        return 0.0

    def f() -> None:
        raise OSError

    chunk(f, [[]], where="thread", retries=3, backoff=backoff, errors="collect")
    assert asked == [2, 3, 4]


def test_a_pause_lets_other_calls_go_first() -> None:
    order: list[int] = []

    def f(x: int) -> None:
        order.append(x)
        if x == 0 and len(order) == 1:
            raise OSError

    chunk(f, [[n] for n in range(4)], where="thread", chunk_size=1, retries=1, backoff=0.05)
    assert order == [0, 1, 2, 3, 0]


@pytest.mark.parametrize("backoff", [lambda attempt: 1 / 0, lambda attempt: "soon"])
def test_a_backoff_that_raises_ends_the_run_with_its_own_exception(backoff: Any) -> None:
    def f() -> None:
        raise OSError

    with pytest.raises((ZeroDivisionError, ValueError)) as caught:
        chunk(f, [[]], where="thread", retries=3, backoff=backoff)
    assert any("backoff" in note for note in caught.value.__notes__)


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError()])
def test_exceptions_that_would_end_a_program_end_only_their_call(where: str, error: BaseException) -> None:
    def f(x: int) -> int:
        if x == 1:
            raise error
        return x

    output = chunk(of_kind(where, f), [[0], [1], [2]], where=where, errors="collect")
    assert [output[0], output[2]] == [0, 2]
    assert isinstance(output[1], CallFailed)
    assert type(error).__name__ in output[1].error_type


@pytest.mark.parametrize("where", ["process", "thread"])
def test_an_exception_that_cannot_travel_is_told_in_words(where: str) -> None:
    class Local(Exception):
        def __init__(self, lock: Any) -> None:
            super().__init__("with a lock")
            self.lock = lock

        def __reduce__(self) -> Any:
            raise TypeError("no")

    def f() -> None:
        raise Local(threading.Lock())

    [failed] = chunk(f, [[]], where=where, errors="collect")
    assert failed.error_text == "with a lock"
    assert failed.error_type.endswith("Local")
    assert "with a lock" in failed.traceback_text


@pytest.mark.parametrize("where", ["process", "thread"])
def test_an_exception_with_a_constructor_of_its_own_keeps_its_type_and_attributes(where: str) -> None:
    def f() -> None:
        raise OddError(7, detail="odd")

    [failed] = chunk(f, [[]], where=where, errors="collect")
    assert type(failed.__cause__).__name__ == "OddError"
    assert failed.__cause__.code == 7
    assert str(failed.__cause__) == "code 7: odd"


@pytest.mark.parametrize("where", ["process", "thread"])
def test_an_exception_whose_text_cannot_be_made_is_a_failure_like_any_other(where: str) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("mute")

    def f(x: int) -> int:
        if x:
            raise Mute
        return x

    output = chunk(f, [[0], [1]], where=where, errors="collect")
    assert output[0] == 0
    assert output[1].error_type.endswith("Mute")


def test_a_chain_of_causes_reaches_the_caller() -> None:
    def f() -> None:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise RuntimeError("outer") from error

    [failed] = chunk(f, [[]], errors="collect")
    assert "inner" in failed.traceback_text
    assert isinstance(failed.__cause__.__cause__, KeyError)


def test_deep_recursion_in_a_call_is_a_failure_of_that_call() -> None:
    def f(x: int) -> int:
        return f(x) if x == 1 else x

    output = chunk(f, [[0], [1], [2]], errors="collect")
    assert output[1].error_type == "RecursionError"
    assert (output[0], output[2]) == (0, 2)


# -- what cannot travel or be kept


def test_a_function_that_cannot_be_sent_names_what_it_is_that_cannot(tmp_path: Path) -> None:
    lock = threading.Lock()

    def f(x: int) -> Any:
        return lock, x

    with pytest.raises(FunctionNotShippable, match=r"lock") as caught:
        chunk(f, [[1]], version="1", path=tmp_path / "x.cue")
    assert 'where="thread"' in str(caught.value)
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize("where", WHERE)
def test_a_result_that_cannot_be_kept_fails_its_call_with_the_reason_and_the_others_go_on(
    where: str, tmp_path: Path
) -> None:
    def f(x: int) -> Any:
        return {"rows": [1, threading.Lock()]} if x == 1 else x

    output = chunk(
        of_kind(where, f), [[0], [1], [2]], where=where, path=tmp_path / "x.cue", errors="collect", version="1"
    )
    assert (output[0], output[2]) == (0, 2)
    assert "ValueNotKept" in output[1].error_type
    assert "rows" in output[1].error_text
    assert isinstance(output[1].__cause__, ValueNotKept)


@pytest.mark.parametrize("where", WHERE)
def test_without_pickle_a_value_that_needs_it_fails_with_the_path_to_it(where: str) -> None:
    class Model:
        pass

    def f(x: int) -> Any:
        return {"fit": (x, Model())} if x == 1 else {"fit": (x, 2.5)}

    output = chunk(of_kind(where, f), [[0], [1]], where=where, pickle=False, errors="collect")
    assert output[0] == {"fit": (0, 2.5)}
    assert "fit" in output[1].error_text
    assert "pickle" in output[1].error_text


def test_arguments_that_cannot_be_sent_fail_their_call_and_the_others_go_on(tmp_path: Path) -> None:
    class Stuck:
        def __reduce__(self) -> Any:
            raise ZeroDivisionError("stuck")

    output = chunk(lambda x: 1, [[0], [Stuck()], [2]], errors="collect", path=tmp_path / "x.cue")
    assert (output[0], output[2]) == (1, 1)
    assert isinstance(output[1], CallFailed)
    assert "stuck" in str(output[1])


@pytest.mark.parametrize("where", WHERE)
def test_raise_waits_for_the_calls_that_run_and_starts_no_other(where: str, tmp_path: Path) -> None:
    log, gate = tmp_path / "log", tmp_path / "gate"

    def body(x: int) -> int:
        with open(log, "a") as file:
            file.write(f"{x}\n")
        if x == 0:
            raise ValueError
        return x

    def f(x: int) -> int:
        end = time.monotonic() + 20
        while x == 0 and not gate.exists() and time.monotonic() < end:
            time.sleep(0.005)
        if x == 1:
            gate.touch()
            time.sleep(0.2)
        return body(x)

    async def g(x: int) -> int:
        end = time.monotonic() + 20
        while x == 0 and not gate.exists() and time.monotonic() < end:
            await asyncio.sleep(0.005)
        if x == 1:
            gate.touch()
            await asyncio.sleep(0.2)
        return body(x)

    func = g if where == "async" else f
    path = tmp_path / "x.cue"
    with pytest.raises(CallFailed):
        chunk(func, [[n] for n in range(50)], where=where, chunk_size=2, path=path, batch=1)
    assert executions(log)[1] == 1
    assert len(executions(log)) < 10
    with pytest.raises(CallFailed):
        chunk(func, [[n] for n in range(50)], where=where, chunk_size=2, path=path, batch=1)
    assert executions(log)[1] == 1


def test_calls_in_a_worker_do_not_change_the_recursion_limit_of_the_caller() -> None:
    before = sys.getrecursionlimit()
    chunk(lambda: sys.setrecursionlimit(500), [[]])
    assert sys.getrecursionlimit() == before


def test_arguments_that_cannot_even_be_shown_do_not_hide_the_failure() -> None:
    class Shy:
        def __repr__(self) -> str:
            raise RuntimeError("shy")

    def f(x: object) -> None:
        raise ValueError("the failure")

    [failed] = chunk(f, [[Shy()]], where="thread", errors="collect")
    assert "the failure" in str(failed)
    assert "call 0" in str(failed)
