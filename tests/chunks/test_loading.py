"""An argument that ends, interrupts or holds up its worker while it is loaded there costs its own call, and no other."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Any

import pytest

from cuebook import CallFailed, Runtime, chunk

HERE = os.getpid()


class Argument:
    """Does something as it is loaded in a worker."""

    def __init__(self, how: str) -> None:
        self.how = how

    def __reduce__(self) -> Any:
        return load, (self.how, HERE)


def load(how: str, parent: int) -> Argument:
    if os.getpid() == parent:
        return Argument(how)
    if how == "exit":
        sys.exit(3)
    if how == "interrupt":
        raise KeyboardInterrupt
    if how == "generator exit":
        raise GeneratorExit
    if how == "quit":
        os._exit(5)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "hang":
        signal.pause()
    return Argument(how)


def how(argument: Any, number: int = 0) -> Any:
    return argument if isinstance(argument, int) else argument.how


RIGHT = {
    "exit": "SystemExit",
    "interrupt": "KeyboardInterrupt",
    "generator exit": "GeneratorExit",
    "quit": "WorkerDied",
    "kill": "WorkerDied",
}


@pytest.mark.parametrize(("way", "error_type"), RIGHT.items())
def test_it_fails_its_call_and_the_others_are_made(way: str, error_type: str) -> None:
    calls = [[1], [Argument(way)], [Argument("well")], {"argument": Argument(way)}, [4]]
    got = chunk(how, calls, chunk_size=2, batch=5, errors="collect")
    assert [got[0], got[2], got[4]] == [1, "well", 4]
    assert all(isinstance(got[place], CallFailed) for place in (1, 3))
    assert [got[1].error_type, got[3].error_type] == [error_type] * 2


def test_one_that_takes_without_end_is_ended_by_the_time_out() -> None:
    got = chunk(how, [[1], [Argument("hang")], [2]], chunk_size=2, batch=3, errors="collect", timeout=0.5)
    assert (got[0], got[1].error_type, got[2]) == (1, "CallTimedOut", 2)


def test_several_in_a_row_do_not_end_the_run() -> None:
    got = chunk(how, [[Argument("quit")] for _ in range(3)] + [[7]], chunk_size=1, errors="collect")
    assert [getattr(value, "error_type", value) for value in got] == [*["WorkerDied"] * 3, 7]


def test_a_stream_goes_on_too() -> None:
    async def main() -> list[Any]:
        async with Runtime(chunk_size=2) as runtime:
            calls = ([Argument("exit") if n == 2 else n] for n in range(5))
            return [
                getattr(done.error, "error_type", done.value)
                async for done in runtime.stream(how, calls, errors="collect")
            ]

    assert sorted(asyncio.run(main()), key=str) == [0, 1, 3, 4, "SystemExit"]
