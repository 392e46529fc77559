"""What a function holds, or a call is given, may be as large as memory has room for, and lies there once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cuebook import Chunker, chunk
from tests.support.programs import run_script

LARGE = 9_000_000
"""Floats: 72 MB, more than a message holds."""


class Model:
    def __init__(self, size: int) -> None:
        self.weights = np.arange(float(size))

    def part(self, step: int) -> float:
        return float(self.weights[::step].sum())


def closure_over(value: Any) -> Any:
    return lambda step: float(np.asarray(value)[::step].sum())


FORMS = {
    "a closure": closure_over(np.arange(1000.0)),
    "a bound method": Model(1000).part,
    "an array in the order of Fortran": closure_over(np.asfortranarray(np.arange(1000.0).reshape(10, 100))),
    "a frame": closure_over(pd.DataFrame({"a": np.arange(1000.0)})["a"]),
    "a list": closure_over([float(n) for n in range(1000)]),
    "a view": closure_over(np.arange(2000.0)[::2]),
}


@pytest.mark.parametrize("func", FORMS.values(), ids=FORMS.keys())
def test_what_a_function_holds_comes_beside_its_message(func: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cuebook.chunks.packing.BESIDE_BYTES", 500)
    assert chunk(func, [[1], [3]], chunk_size=2) == [func(1), func(3)]


def test_a_function_with_more_than_a_message_holds_is_loaded_once_and_lies_in_memory_once(tmp_path: Path) -> None:
    body = f"""
import functools
import numpy as np
DATA = np.arange({LARGE}.0)
def own_bytes():
    lines = open("/proc/self/smaps_rollup").read().splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Anonymous:"))
def part(data, step):
    note("called", str(os.getpid()))
    return float(data[::step].sum()), float(DATA[::step].sum()), own_bytes()
if __name__ == "__main__":
    got = chunk(functools.partial(part, DATA), [[1], [2], [3], [4]], chunk_size=2, path=None, progress_bar=False)
    print([value[:2] == (DATA[::n + 1].sum(),) * 2 for n, value in enumerate(got)])
    print(max(value[2] for value in got) < DATA.nbytes)
"""
    assert run_script(tmp_path, body) == "[True, True, True, True]\nTrue\n"


def test_a_call_may_write_into_what_is_shared_and_nobody_else_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cuebook.chunks.packing.BESIDE_BYTES", 500)
    argument, fixed = np.zeros(1000), np.zeros(1000)
    fixed.flags.writeable = False

    def f(array: Any, number: int) -> tuple[float, float, bool]:
        before = float(array.sum())
        array += number
        return before, float(array.sum()), fixed.flags.writeable

    calls = [[argument, n] for n in range(1, 6)]
    assert chunk(f, calls, chunk_size=2) == [(0.0, n * 1000.0, False) for n in range(1, 6)]
    assert argument.sum() == 0


def test_a_worker_that_takes_a_dead_ones_place_has_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cuebook.chunks.packing.BESIDE_BYTES", 500)
    data, died = np.arange(1000.0), tmp_path / "died"

    def f(argument: Any, number: int) -> float:
        import os

        if number == 2 and not died.exists():
            died.touch()
            os._exit(1)
        return float(argument.sum() + data[number])

    with Chunker(f, chunk_size=2, recycle_after=2) as chunker:
        for _ in range(2):
            right = [float(data.sum() + data[n]) for n in range(6)]
            assert chunker([[data, n] for n in range(6)]) == right
    assert died.exists()


def test_arrays_of_an_iterator_that_lie_where_others_lay_are_not_taken_for_those(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cuebook.chunks.packing.BESIDE_BYTES", 500)

    def calls() -> Any:
        for number in range(6):
            yield [np.full(1000, float(number))]

    assert chunk(lambda array: float(array.sum()), calls(), chunk_size=2) == [n * 1000.0 for n in range(6)]
