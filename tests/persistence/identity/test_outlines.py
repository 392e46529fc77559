"""Outlines: a value in a few lines, and the innermost part in which two of them differ."""

from __future__ import annotations

import collections
import dataclasses
import enum
import random
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from cuebook.persistence.identity.argument_outlines import are_alike, difference_lines
from cuebook.persistence.identity.change_text import change_lines, outline_lines
from cuebook.persistence.identity.outline_changes import outline_changes
from cuebook.persistence.identity.parts import Change
from cuebook.persistence.identity.source_detail import line_changes, shown_source, source_detail
from cuebook.persistence.identity.values.outline import OUTLINE_CHARACTERS_MAX, outline, outline_of_parts
from cuebook.persistence.identity.values.walk import ValueWalk


@dataclasses.dataclass
class Model:
    rate: Any = 0.1
    layers: Any = dataclasses.field(default_factory=lambda: [10, 20])
    api_key: str = "none"


class Color(enum.Enum):
    RED = 1


class Row(NamedTuple):
    a: Any
    b: Any


class Odd:
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise RuntimeError("no")


def shown(value: Any, name: str = "") -> str:
    return outline(value, ValueWalk(), name)


def paths(before: Any, after: Any) -> list[str]:
    return [change.path for change in outline_changes(shown(before), shown(after))]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2, "2"), (None, "None"), ("a", "'a'"), (b"a", "b'a'"), ([1, (2,)], "[1, (2,)]"), ({2, 1}, "{1, 2}"), (set(), "set()"),
        (frozenset({1}), "frozenset({1})"), ({"a": [len, Color.RED]}, "{'a': [len, Color.RED]}"), (Model, "Model"),
        (PurePosixPath("a"), "PurePosixPath('a')"), (np.float64(1.5), "np.float64(1.5)"),
        (np.array([[1, 2]]), "array([[1, 2]], int64)"), ((), "()"), ({}, "{}"), (range(3), "range(0, 3)"),
    ],
)  # fmt: skip
def test_what_one_line_shows_whole_is_one_line(value: Any, text: str) -> None:
    assert shown(value) == text


def test_an_outline_is_bounded_and_the_same_each_time() -> None:
    nested: Any = {f"key {n}": [{"x" * 50: Model(layers=list(range(100)))} for _ in range(20)] for n in range(50)}
    for value in (
        nested,
        Model(nested),
        [nested] * 50,
        "x" * 10_000,
        np.zeros((50, 50)),
        pd.DataFrame({"a": range(500)}),
    ):
        text = shown(value)
        assert len(text) <= OUTLINE_CHARACTERS_MAX + 200
        assert text == shown(value)
    assert shown(Odd()) == "<Odd #" + shown(Odd())[6:] and shown([Odd()]).startswith("<list, 1 item #")
    ring: list[Any] = ["x" * 200]
    ring.append(ring)
    assert shown(ring).startswith("<list, 2 items")
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    assert shown(deep) == "<list>"
    while isinstance(deep, list):
        deep = deep[0]


LONG = {f"key {n}": "v" * 60 for n in range(10)}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (1, 2, [""]),
        ({**LONG, "k": 1}, {**LONG, "k": 2}, ["['k']"]),
        ({**LONG, "k": 1}, LONG, ["['k']"]),
        (LONG, {**LONG, "k": 1}, ["['k']"]),
        (Model(), Model(rate=0.2), [".rate"]),
        (Model(), Model(rate=0.2, layers=[10, 21]), [".rate", ".layers"]),
        (Model(api_key="a"), Model(api_key="b"), [".api_key"]),
        ([Model(), Model()], [Model(), Model(rate=1)], ["[1].rate"]),
        (Row(Model(), 1), Row(Model(rate=2), 1), [".a.rate"]),
        (
            {"m": {**LONG, "deep": {**LONG, "x": [Model()]}}},
            {"m": {**LONG, "deep": {**LONG, "x": [Model(rate=2)]}}},
            None,
        ),
        (list(range(100)), [*range(99), 0], ["[98:100]"]),
        (list("abcdefghijklmnopqrstuvwxyz" * 2), list("abcdefghijklmnopqrstuvwxyz" + "z" * 26), None),
        (np.arange(1000), np.array([*range(999), 0]), ["[992:1000]"]),
        (np.arange(1000), np.arange(1001), [""]),
        (np.zeros((100, 5)), np.ones((100, 5)) * (np.arange(100) == 70)[:, None], ["[70:72]"]),
        (pd.DataFrame({"a": range(50), "b": 1}), pd.DataFrame({"a": range(50), "b": [1] * 49 + [2]}), ["['b'][49]"]),
        (collections.OrderedDict(LONG), collections.OrderedDict({**LONG, "key 3": 1}), ["['key 3']"]),
        (dict.fromkeys(range(500), "v" * 20), {n: "v" * (20 + (n == 400)) for n in range(500)}, ["[400:408]"]),
    ],
)
def test_the_innermost_part_that_differs_is_named(before: Any, after: Any, expected: list[str] | None) -> None:
    found = paths(before, after)
    if expected is None:
        assert found and all(found)
    else:
        assert found == expected
    assert paths(before, before) == []


def test_secrets_show_a_digest_alone_and_still_differ() -> None:
    text = shown(Model(api_key="hunter2hunter2"))
    assert "hunter2" not in text and ".api_key = <hidden #" in text
    assert shown("hunter2hunter2", "password").startswith("<hidden #")
    assert "hunter" not in shown({"credentials": {"a": ["hunter2"]}, **LONG})
    assert "hunter" not in shown({n: {"token": f"hunter{n}"} for n in range(100)})


def lines(label: str, before: Any, after: Any) -> list[str]:
    return list(outline_lines(label, shown(before), shown(after)))


def test_differences_are_said_in_words() -> None:
    assert lines("global SCALE", 2, 3) == ["global SCALE: 2 -> 3"]
    assert lines("closure model of f", Model(), Model(rate=0.2)) == ["closure model.rate of f: 0.1 -> 0.2"]
    assert lines("state of C", Model(), Model(rate=0.2)) == ["state .rate of C: 0.1 -> 0.2"]
    assert lines("global T", {"a": 1, "b": 2}, {"b": 2, "a": 1}) == ["global T: same items in another order"]
    reordered = dict(reversed(LONG.items()))
    assert lines("global T", LONG, reordered) == ["global T: same items in another order"]
    assert lines("global T", {"t": LONG}, {"t": reordered}) == ["global T['t']: same items in another order"]
    assert lines("global T", {**LONG, "a": 1}, LONG) == ["global T['a']: gone, 1"]
    assert lines("global T", LONG, {**LONG, "a": 1}) == ["global T['a']: added, 1"]
    assert lines("global R", random.Random(1), random.Random(2))[0].startswith(
        "global R: a random generator in another"
    )
    assert lines("global A", np.arange(1000), np.arange(1000)[::-1].copy())[0] == "global A[0:16]: differs"
    assert lines("global X", Model, Model) == ["global X: differs"]


def test_parts_that_came_or_went_and_code_are_named() -> None:
    assert list(change_lines(Change("code of f", "changed", "a", "b"))) == ["code of f"]
    assert list(change_lines(Change("code of g", "gone", "a", ""))) == ["code of g: gone"]
    assert list(change_lines(Change("global X", "added", "", "3"))) == ["global X: added, 3"]
    assert list(change_lines(Change("global X", "gone", "<P #00000000>\n.x = 1", ""))) == ["global X: gone, <P>"]


def called(**arguments: Any) -> str:
    return outline_of_parts(arguments.items(), ValueWalk())


@pytest.mark.parametrize(
    ("before", "after", "alike"),
    [
        (1, 1.0, True), (1, True, True), (1, 2, False), ([1, 2], (1, 2), True), ("a", PurePosixPath("a"), True), ("a", b"a", False),
        (np.int64(3), 3, True), (np.array([1, 2]), [1, 2], True), ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True), ({1, 2}, {1, 2}, True),
        (Model(), Model(), True), (Model(), Model(rate=2), False), (Model(1), Model(1.0), True), (Model(), 1, False),
        (np.zeros(100), np.ones(100), True), (None, 0, False), (LONG, {**LONG, "a": 1}, False),
    ],
)  # fmt: skip
def test_the_same_arguments_in_another_form_are_alike(before: Any, after: Any, alike: bool) -> None:
    assert are_alike(called(n=before, m=5), called(n=after, m=5)) is alike


def test_a_calls_difference_is_told_beside_the_last_run_or_as_one_of_each_time() -> None:
    first, second, third = (called(client=Model(rate=n), n=1) for n in (1, 2, 3))
    assert list(difference_lines([(1, first)], second)) == ["argument client.rate: 1 -> 2, beside run 1"]
    assert list(difference_lines([(1, first), (2, second)], third)) == [
        "argument client.rate: 2 -> 3, different each time"
    ]
    assert list(difference_lines([(1, first), (2, first)], third)) == ["argument client.rate: 1 -> 3, beside run 2"]
    assert list(difference_lines([], third)) == [] == list(difference_lines([(1, "")], third))
    assert list(difference_lines([(1, first)], first)) == []


def test_of_a_long_source_the_lines_that_differ_are_told() -> None:
    text = "\n".join(f"    x = {n}  # a line of some length" for n in range(400))
    detail = source_detail(text)
    assert len(detail) <= 2048 and text.startswith("\n".join(shown_source(detail)))
    other = source_detail(text.replace("x = 300 ", "x = -1 "))
    ((first, last),) = line_changes(detail, other)
    assert first <= 301 <= last and last - first < 5
    assert line_changes(detail, detail) == [] == line_changes("a", "b")
    assert source_detail("short") == "short" and shown_source("short") == ["short"]
