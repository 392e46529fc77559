"""Numpy arrays and scalars keep dtype, shape, order and content without pickle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cuebook.errors import ValueNotKept
from cuebook.persistence.values import ValueDecoder, ValueEncoder
from cuebook.persistence.values.placeholders import Opaque

pytestmark = pytest.mark.quick

PLAIN = ValueEncoder(pickle=False)
PICKLING = ValueEncoder()
READER = ValueDecoder()
DISTRUSTING = ValueDecoder(trusted=False)
INNER = np.dtype([("a", "<i4"), ("b", ">f8", (2, 3))])
WITHOUT_UNIT = np.array([1, np.iinfo("i8").min])
"""1 and NaT for times without a unit, which newer numpy refuses to make from text; what is kept of them has to be read."""

ARRAYS = [
    np.arange(6).reshape(2, 3),
    np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)),
    np.arange(10)[::2],
    np.arange(12).reshape(3, 4)[:, 1:3],
    np.arange(12).reshape(3, 4).T[::-1],
    np.broadcast_to(np.array([1, 2]), (3, 2)),
    np.array(3),
    np.array("text"),
    np.zeros((0, 3)),
    np.zeros((2, 0, 3), order="F"),
    np.zeros(3, "U0"),
    np.zeros(3, "V0"),
    np.array(["a", "bc", "\ud800", "\0"]),
    np.array([b"a", b"bc\0"]),
    np.array(["2020-01-01", "NaT"], "M8[ns]"),
    np.array([1, 2], "m8[25s]"),
    WITHOUT_UNIT.view("m8"),
    np.array([np.nan, -0.0, np.inf], "f2"),
    np.array([1, 2], ">i4"),
    np.array([1], np.longlong),
    np.array([1], np.longdouble),
    np.array([1j], "c8"),
    np.array([True, False]),
    np.zeros(3, "V5"),
    np.zeros(3, INNER),
    np.zeros((2, 2), [("inner", INNER), ("t", "M8[s]")]),
    np.zeros(2, np.dtype([("a", "i1"), ("b", "f8")], align=True)),
    np.zeros(2, np.dtype({"names": ["b", "a"], "formats": ["i4", "i2"], "offsets": [8, 2], "itemsize": 20})),
    np.zeros(2, [(("title", "name"), "i4")]),
    np.zeros(0, [("a", "i4")]),
    np.zeros(3, []),
]


def assert_same(back, value):
    assert type(back) is type(value)
    assert back.dtype == value.dtype
    assert back.dtype.char == value.dtype.char
    assert back.dtype.isalignedstruct == value.dtype.isalignedstruct
    assert back.dtype.fields == value.dtype.fields
    assert back.shape == value.shape
    assert back.tobytes() == value.tobytes()


@pytest.mark.parametrize("value", ARRAYS, ids=lambda value: f"{value.dtype.str}{value.shape}")
def test_arrays_are_kept_without_pickle_or_trust(value):
    data = PLAIN.encode({"a": [value]})
    for reader in (READER, DISTRUSTING):
        back = reader.decode(data)["a"][0]
        assert_same(back, value)
        assert back.flags.writeable
        assert not np.shares_memory(back, value)
        assert back.flags.c_contiguous or value.flags.f_contiguous
    if value.flags.f_contiguous and not value.flags.c_contiguous:
        assert back.flags.f_contiguous


@settings(max_examples=150, deadline=None)
@given(
    hnp.arrays(
        st.one_of(hnp.scalar_dtypes(), hnp.array_dtypes(max_size=3, allow_subarrays=True)),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
        fill=st.nothing(),
    )
)
def test_any_array_is_kept(value):
    assert_same(READER.decode(PLAIN.encode(value)), value)


SCALARS = [
    np.float64(1),
    np.float64("nan"),
    np.float32(-0.0),
    np.int64(3),
    np.longlong(3),
    np.ulonglong(3),
    np.uint8(255),
    np.bool_(True),
    np.complex64(1j),
    np.longdouble("0.1"),
    np.float16(1.5),
    np.str_("zeros at the end\0\0"),
    np.str_("\ud800"),
    np.bytes_(b"zeros\0\0"),
    np.datetime64("2020-01-01T00:00:01.5"),
    WITHOUT_UNIT.view("M8")[1],
    np.timedelta64(3, "25s"),
    np.void(b"raw"),
    np.zeros((), INNER)[()],
]


@pytest.mark.parametrize("value", SCALARS, ids=lambda value: type(value).__name__)
def test_scalars_are_kept_without_pickle(value):
    for back in (READER.decode(PLAIN.encode(value)), READER.decode(PLAIN.encode([value]))[0]):
        assert type(back) is type(value)
        assert back.dtype == value.dtype
        assert back.tobytes() == value.tobytes()
        assert repr(back) == repr(value)


def test_a_float64_is_no_float_and_an_int64_is_no_int():
    assert [type(part) for part in READER.decode(PLAIN.encode([np.float64(1), 1.0, np.int64(1), 1]))] == [
        np.float64,
        float,
        np.int64,
        int,
    ]


def test_scalars_may_be_keys_and_members():
    value = {np.int64(1): {np.str_("x"), np.float64(2)}}
    back = READER.decode(PLAIN.encode(value))
    assert back == value
    assert type(next(iter(back))) is np.int64


@pytest.mark.parametrize(
    "value",
    [
        np.array([None, (1,)], dtype=object),
        np.ma.array([1, 2], mask=[False, True]),
        np.zeros(2, [("a", object)]),
        np.rec.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
        np.dtype("f8"),
        np.random.default_rng(1).bit_generator.state["state"],
        np.ufunc,
        np.sin,
    ],
    ids=lambda value: f"{type(value).__name__}",
)
def test_what_is_more_than_a_buffer_is_pickled(value):
    back = READER.decode(PICKLING.encode(value))
    assert type(back) is type(value)
    assert repr(back) == repr(value)


def test_an_array_of_objects_needs_pickle_and_is_named():
    with pytest.raises(ValueNotKept, match=r"result\['a'\]: numpy.ndarray.*pickle=False"):
        PLAIN.encode({"a": np.array([None])})
    assert type(DISTRUSTING.decode(PICKLING.encode(np.array([None])))) is Opaque


def test_a_read_only_array_is_kept():
    value = np.arange(3)
    value.flags.writeable = False
    assert_same(READER.decode(PLAIN.encode(value)), value)
