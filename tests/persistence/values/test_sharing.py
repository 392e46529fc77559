"""What stands in a value twice comes back as one object in two places; what holds itself, too."""

from __future__ import annotations

import collections
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

from cuebook import chunk
from cuebook.persistence.blobs.folder import BlobStore
from cuebook.persistence.values import ValueDecoder, ValueEncoder
from cuebook.persistence.values.sharing import shared_parts


@dataclass
class Node:
    value: Any
    other: Any = None


class Pair(NamedTuple):
    a: Any
    b: Any


class Pickled:
    def __init__(self, inner: Any) -> None:
        self.inner = inner


MADE: dict[str, Callable[[], Any]] = {
    "a list": lambda: [1],
    "an empty list": list,
    "a dict": lambda: {"a": 1},
    "nested lists": lambda: [[1], [2]],
    "a set": lambda: {1},
    "a bytearray": lambda: bytearray(b"x"),
    "an array": lambda: np.zeros(3),
    "a dataclass": lambda: Node([1]),
    "an ordered dict": lambda: collections.OrderedDict(a=[1]),
    "a defaultdict": lambda: collections.defaultdict(list, a=[1]),
    "a deque": lambda: collections.deque([[1]]),
    "an object of pickle": lambda: Pickled([1]),
}


def again(value: Any, **options: Any) -> Any:
    return ValueDecoder(**options).decode(ValueEncoder(**options).encode(value))


@pytest.mark.parametrize("name", MADE)
def test_one_object_in_two_places_is_one_object_again(name: str) -> None:
    one = MADE[name]()
    first, second = again([one, one])
    assert first is second
    found = again({"k": one, "t": (1, {"deep": [one]}), "n": Node(one), "p": Pair(one, 2)})
    places = [found["k"], found["t"][1]["deep"][0], found["n"].value, found["p"].a]
    assert all(each is places[0] for each in places)
    assert type(found["k"]) is type(one)
    first, second = again([one, MADE[name]()])
    assert first is not second


def test_what_shared_parts_share_stays_shared() -> None:
    inner = [1]
    outer = {"inner": inner}
    found = again([outer, inner, outer, (inner,)])
    assert found[0] is found[2] and found[0]["inner"] is found[1] is found[3][0]
    row = [0] * 3
    rows = again([row] * 3)
    rows[0][0] = 5
    assert rows == [[5, 0, 0]] * 3
    node = Node(1)
    node.other = [node.value, inner]
    found = again((node, inner, node))
    assert found[0] is found[2] and found[0].other[1] is found[1]


def test_what_is_equal_but_not_one_stays_two() -> None:
    found = again([[1], [1], {"a": [1]}, (1,), (1,)])
    assert found[0] is not found[1]
    shared = (1, 2)
    assert again([shared, shared]) == [(1, 2), (1, 2)]


def test_what_holds_itself_beside_what_is_shared_is_kept() -> None:
    ring: list[Any] = [1]
    ring.append(ring)
    inner = [2]
    found = again([ring, inner, inner])
    assert found[0][1] is found[0] and found[1] is found[2]


def test_shared_parts_need_no_pickle_and_no_trust() -> None:
    inner = {"a": [1]}
    data = ValueEncoder(pickle=False).encode([inner, (inner,), inner["a"]])
    found = ValueDecoder(trusted=False).decode(data)
    assert found[0] is found[1][0] and found[0]["a"] is found[2]


def test_large_parts_are_written_once(tmp_path: Any) -> None:
    array = np.arange(100_000.0)
    blobs = BlobStore(tmp_path)
    found = again([array, {"k": array}, [array]], blobs=blobs)
    assert found[0] is found[1]["k"] is found[2][0] and (found[0] == array).all()
    text = ["x" * 400_000]
    found = again((text, text), blobs=blobs)
    assert found[0] is found[1] and found[0] == text


def test_many_containers_are_looked_at_together() -> None:
    rows = [[n, float(n)] for n in range(1000)]
    assert shared_parts(rows) == frozenset() == shared_parts([]) == shared_parts(5)
    assert shared_parts([*rows, rows[500]]) == {id(rows[500])}
    found = again([*rows, rows[500], rows[3]])
    assert found[500] is found[1000] and found[3] is found[1001] and len(set(map(id, found))) == 1000
    found = again([rows, rows])
    assert found[0] is found[1] and found[0] == rows


def test_values_without_shared_parts_have_the_bytes_that_they_had() -> None:
    for value in ([[1], [2]], {"a": {"b": [1]}}, [(1, 2), (1, 2)], Node([1])):
        assert b"\x34" not in ValueEncoder().encode(value)[:8]


@pytest.mark.parametrize("where", ["thread", "process"])
def test_results_and_arguments_of_calls_keep_what_they_share(where: str) -> None:
    def twice(a: Any, b: Any) -> Any:
        return [a, a, a is b]

    one = [1]
    ((first, second, was_one),) = chunk(twice, [[one, one]], where=where)
    assert first is second and was_one
