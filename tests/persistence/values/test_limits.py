"""Values that refer to themselves, are nested deeply, or cannot be kept: pickled whole, or refused with the path."""

from __future__ import annotations

import collections
import threading

import pytest

from cuebook.errors import ValueNotKept
from cuebook.persistence.values import ValueDecoder, ValueEncoder

PLAIN = ValueEncoder(pickle=False)
PICKLING = ValueEncoder()
READER = ValueDecoder()


class Holder:
    def __init__(self, value):
        self.value = value


def test_values_that_contain_themselves_are_pickled_whole():
    ring = [1]
    ring.append(ring)
    back = READER.decode(PICKLING.encode(ring))
    assert back[1] is back
    table = {}
    table["self"] = (table,)
    back = READER.decode(PICKLING.encode(table))
    assert back["self"][0] is back
    holder = Holder(None)
    holder.value = [holder]
    back = READER.decode(PICKLING.encode([holder]))[0]
    assert back.value[0] is back
    with pytest.raises(ValueNotKept, match="refers to itself"):
        PLAIN.encode(ring)


@pytest.mark.parametrize(
    "container",
    [lambda x: [x, x], lambda x: (x, x), lambda x: {"a": x, "b": [x]}],
    ids=["list", "tuple", "dict"],
)
def test_sharing_that_would_explode_as_a_tree_is_pickled_whole(container):
    value = container(1)
    for _ in range(60):
        value = container(value)
    data = PICKLING.encode(value)
    assert len(data) < 5000
    READER.decode(data)


def test_a_large_table_of_one_shared_row_is_no_explosion():
    value = [[1, [2]]] * 50_000
    assert READER.decode(PLAIN.encode(value)) == value


@pytest.mark.parametrize(
    "wrap", [lambda x: [x], lambda x: {"k": x}, lambda x: (x,), lambda x: [(x,), b"", bytearray()]]
)
def test_deep_nesting_is_kept_or_refused_but_never_crashes(wrap):
    value = "core"
    for depth in range(2000):
        if depth in {50, 90, 110, 400, 700, 1000, 1999}:
            try:
                data = PICKLING.encode(value)
            except ValueNotKept as error:
                assert depth > 200
                assert len(str(error)) < 1000
            else:
                back = READER.decode(data)
                while type(back) is not str:
                    back = back["k"] if type(back) is dict else back[0]
                assert back == "core"
        value = wrap(value)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (threading.Lock(), "result: _thread.lock"),
        ([1, (2, threading.Lock())], r"result\[1\]\[1\]: _thread.lock"),
        ({"model": Holder(threading.Lock())}, r"result\['model'\].value: _thread.lock"),
        ({"a": {3: (n for n in ())}}, r"result\['a'\]\[3\]: generator"),
        (
            [{"x"}, Holder([Holder({"deep": threading.Lock()})])],
            r"result\[1\].value\[0\].value\['deep'\]: _thread.lock",
        ),
        (collections.deque([threading.Lock()]), r"result\[0\]"),
    ],
    ids=["itself", "tuple", "attribute", "generator", "deep", "deque"],
)
def test_what_cannot_be_kept_is_named_by_its_path(value, path):
    with pytest.raises(ValueNotKept, match=path):
        PICKLING.encode(value)


def test_without_pickle_the_path_leads_to_the_first_object_that_needs_it():
    with pytest.raises(ValueNotKept, match=rf"result\['model'\]\[1\]: {__name__}.Holder.*pickle=False"):
        PLAIN.encode({"model": [1, Holder(1)]})
    with pytest.raises(ValueNotKept, match=r"arguments\[0\]"):
        ValueEncoder(pickle=False, label="arguments").encode([Holder(1)])


def test_an_open_file_is_refused_and_not_read(tmp_path):
    with open(tmp_path / "file", "w+") as file, pytest.raises(ValueNotKept, match=r"result\['f'\]"):
        PICKLING.encode({"f": file})


def test_a_closure_variable_is_part_of_the_path():
    lock = threading.Lock()
    with pytest.raises(ValueNotKept, match="closure lock"):
        PICKLING.encode([lambda: lock])
