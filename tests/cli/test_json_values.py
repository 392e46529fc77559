"""Values as JSON: always valid JSON, always readable, nothing executed."""

from __future__ import annotations

import json
import math
from collections import namedtuple
from datetime import date
from decimal import Decimal
from pathlib import PurePosixPath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cuebook.cli.json_values import ITEMS_MAX, json_value
from cuebook.persistence.history.arguments import Unkept
from cuebook.persistence.values import Opaque, Unresolved, ValueDecoder, ValueEncoder

KEYS = st.one_of(st.text(), st.integers(), st.booleans(), st.none(), st.floats(), st.binary())
VALUES = st.recursive(
    st.one_of(KEYS, st.complex_numbers(), st.decimals(), st.dates(), st.timedeltas(), st.uuids(), st.fractions()),
    lambda inner: st.one_of(
        st.lists(inner), st.tuples(inner, inner), st.dictionaries(KEYS, inner), st.frozensets(KEYS)
    ),
    max_leaves=20,
)
PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.floats(allow_nan=False, allow_infinity=False)),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text().filter(lambda key: key != "$type"), inner)),
    max_leaves=20,
)


@given(VALUES)
def test_every_value_is_strict_json(value: object) -> None:
    json.dumps(json_value(value), allow_nan=False)


@given(PLAIN)
def test_what_json_has_goes_in_as_it_is(value: object) -> None:
    assert json.loads(json.dumps(json_value(value))) == value


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (math.nan, {"$type": "float", "repr": "nan"}),
        (-math.inf, {"$type": "float", "repr": "-inf"}),
        ((1, "a"), [1, "a"]),
        ({1: 2}, {"$type": "dict", "items": [[1, 2]]}),
        ({"$type": 2}, {"$type": "dict", "items": [["$type", 2]]}),
        ({3, 1, 2}, {"$type": "set", "items": [1, 2, 3]}),
        (b"ab", {"$type": "bytes", "repr": "b'ab'"}),
        (Decimal("1.50"), {"$type": "decimal.Decimal", "repr": "Decimal('1.50')"}),
        (date(2026, 1, 2), {"$type": "datetime.date", "repr": "datetime.date(2026, 1, 2)"}),
        (PurePosixPath("/a"), {"$type": "pathlib.PurePosixPath", "repr": "PurePosixPath('/a')"}),
        (np.float64(1.5), 1.5),
        (np.float32("nan"), {"$type": "float", "repr": "nan"}),
        (np.int16(7), 7),
        (np.array([[1, 2]], "i2"), {"$type": "numpy.ndarray", "dtype": "int16", "shape": [1, 2], "items": [[1, 2]]}),
        (np.array(1.5), {"$type": "numpy.ndarray", "dtype": "float64", "shape": [], "items": 1.5}),
        (Unkept("ab", "[1, 2..."), {"$type": "not kept", "repr": "[1, 2...", "digest": "ab"}),
        (Unresolved("m", "C", {"x": (1,)}), {"$type": "m.C", "fields": {"x": [1]}}),
        (Opaque("pickle", "m.C", 10, b"d"), {"$type": "m.C", "repr": "<pickle: m.C, 10 bytes>"}),
    ],
)
def test_what_json_lacks_is_readable(value: object, shown: object) -> None:
    assert json_value(value) == shown


def test_a_large_array_is_described_not_written_out() -> None:
    shown = json_value(np.zeros((ITEMS_MAX, 2)))
    assert shown["shape"] == [ITEMS_MAX, 2]
    assert "items" not in shown
    assert len(shown["repr"]) < 2000


def test_a_deeply_nested_value_is_no_error() -> None:
    value: list[object] = []
    for _ in range(100_000):
        value = [value]
    assert json_value(value)["$type"] == "list"


def test_a_class_of_the_users_is_not_imported_and_not_called() -> None:
    point = namedtuple("point", "x y")  # noqa: PYI024
    shown = json_value(ValueDecoder(trusted=False).decode(ValueEncoder().encode(point(1, 2))))
    assert shown["$type"].endswith("point")
