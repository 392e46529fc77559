"""What people have at hand is taken as parameters; what cannot be meant says what to write, for the very type."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cuebook import Checkpoint, Runtime, chunk, stream

pandas = pytest.importorskip("pandas")
TABLE = pandas.DataFrame({"a": [1, 2], "b": [3, 4]})


def both(a: int, b: int = 0) -> int:
    return int(a * 10 + b)


@pytest.mark.parametrize(
    "parameters",
    [
        zip([1, 2], [3, 4], strict=True),
        itertools.starmap(lambda a, b: (a, b), [(1, 3), (2, 4)]),
        TABLE.itertuples(index=False),
        list(TABLE.itertuples(index=False)),
        TABLE.to_dict("records"),
        np.array([[1, 3], [2, 4]]),
        np.array([(1, 3), (2, 4)], dtype=[("a", "i4"), ("b", "i4")]),
    ],
    ids=["zip", "iterator", "itertuples", "list of namedtuples", "records", "rows", "structured"],
)
def test_rows_are_taken_as_they_are(parameters: Any) -> None:
    assert chunk(both, parameters, workers=1, where="thread") == [13, 24]


def test_one_argument_a_call_is_the_same_call_either_way(tmp_path: Path) -> None:
    path = tmp_path / "x.cue"
    assert chunk(both, range(3), star=False, path=path, workers=1, where="thread") == [0, 10, 20]
    assert chunk(both, [[n] for n in range(3)], path=path, workers=1, where="thread") == [0, 10, 20]
    assert Checkpoint.load(path).runs[-1].reused == 3


@pytest.mark.parametrize("item", [[1, 2], (1, 2), {"a": 1}, "ab", np.arange(2), None], ids=repr)
def test_with_star_false_whatever_the_item_is_it_is_the_one_argument(item: Any) -> None:
    [done] = stream(type, iter([item]), star=False, workers=1, where="thread")
    assert done.value is type(item)
    assert chunk(type, [item], star=False, workers=1, where="thread") == [type(item)]


def test_an_asynchronous_iterator_may_give_single_arguments() -> None:
    async def test() -> None:
        async def numbers() -> AsyncIterator[int]:
            for number in range(3):
                yield number

        async with Runtime(where="thread", workers=1) as runtime:
            assert await runtime.chunk(both, numbers(), star=False) == [0, 10, 20]

    asyncio.run(test())


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (TABLE, "parameters.itertuples(index=False)"),
        ({"a": 1}, "[parameters]"),
        ("ab", "parameters is 'ab' (str); give an iterable"),
        (range(3), "parameters[0] is 0 (int), and each item is one call's arguments, such as [[1], [2], ...]"),
        (TABLE["a"], "star=False"),
        ([np.arange(2)], "parameters[0] is <ndarray (2,)> (ndarray)"),
        (5, "parameters is 5 (int); give an iterable"),
    ],
    ids=str,
)
def test_what_is_no_list_of_calls_says_what_to_write(parameters: Any, words: str) -> None:
    with pytest.raises(TypeError) as caught:
        chunk(both, parameters, workers=1, where="thread")
    assert words in str(caught.value)
