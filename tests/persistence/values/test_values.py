"""The value codec: a value comes back as the same value of the same type, or is refused with a path."""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import fractions
import functools
import math
import operator
import pathlib
import threading
import uuid
import zoneinfo

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cuebook.errors import MalformedMessage, ValueNotKept
from cuebook.persistence.values import SCALARS, ValueDecoder, ValueEncoder
from cuebook.persistence.values.placeholders import Opaque, Unresolved
from cuebook.wire.codec import new_packer
from tests.support.ids import shown

PLAIN = ValueEncoder(pickle=False)
PICKLING = ValueEncoder()
READER = ValueDecoder()
DISTRUSTING = ValueDecoder(trusted=False)

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
TABLE = [
    None,
    True,
    False,
    0,
    -1,
    2**63 - 1,
    2**64 - 1,
    2**64,
    -(2**63),
    -(2**63) - 1,
    2**4000,
    1.5,
    -0.0,
    math.inf,
    "text",
    "\ud800\udc00",
    "\ud800 alone",
    b"bytes",
    bytearray(b"buffer"),
    [],
    [1, [2, [3, "x"]]],
    {1: "int key", (1, 2): "tuple key", None: 0, 1.5: 0, b"k": 0, frozenset({1}): 0},
    (),
    (1, (2, [3])),
    {1, 2.5, "x"},
    frozenset({(1, 2)}),
    complex(-0.0, math.inf),
    fractions.Fraction(-1, 3**100),
    range(3, 2**70, -2),
    slice(None, (1,), 2**70),
    decimal.Decimal("-0.00"),
    decimal.Decimal("Infinity"),
    dt.date(1, 1, 1),
    dt.time(1, 2, 3, 4, fold=1),
    dt.time(1, tzinfo=dt.UTC),
    dt.datetime(9999, 12, 31, 23, 59, 59, 999999),
    dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
    dt.datetime(2020, 10, 25, 2, 30, fold=1, tzinfo=BERLIN),
    dt.timezone(dt.timedelta(hours=-3, seconds=7), "named"),
    BERLIN,
    dt.timedelta(-5, 7, 9),
    uuid.UUID(int=2**127),
    pathlib.Path("a/b"),
    pathlib.PurePosixPath("/\udcff"),
    pathlib.PureWindowsPath("c:\\x"),
    ...,
    NotImplemented,
    collections.OrderedDict([(2, 1), (1, 2)]),
    collections.defaultdict(list, {1: [2]}),
    collections.defaultdict(None, {1: 2}),
    collections.Counter("aab"),
    collections.deque([1, (2,)], 5),
    collections.deque([1]),
    msgpack.ExtType(5, b"mine"),
    msgpack.Timestamp(1, 2),
    memoryview(b"view"),
]


def same(one, other):
    """Equality of values and types, all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return math.copysign(1, one) == math.copysign(1, other) and (one == other or (one != one and other != other))
    if isinstance(one, complex):
        return same(one.real, other.real) and same(one.imag, other.imag)
    if isinstance(one, (list, tuple, collections.deque)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return same(list(one.items()), list(other.items()))
    if isinstance(one, (set, frozenset)):
        return len(one) == len(other) and all(any(same(a, b) for b in other) for a in one)
    if isinstance(one, (dt.time, dt.datetime)):
        return one == other and one.fold == other.fold and repr(one) == repr(other)
    return one == other


@pytest.mark.parametrize("value", TABLE, ids=lambda value: f"{type(value).__name__}-{shown(value, 30)}")
def test_value_and_type_are_kept_without_pickle(value):
    for wrap in (
        lambda v: v,
        lambda v: [v],
        lambda v: (v,),
        lambda v: {"key": [v, 1]},
        lambda v: [{"k": (v,)}],
    ):
        data = PLAIN.encode(wrap(value))
        assert same(READER.decode(data), wrap(value))
        assert same(DISTRUSTING.decode(data), wrap(value))


leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.builds(bytearray, st.binary())
    | st.complex_numbers()
    | st.fractions()
    | st.decimals(allow_nan=False)
    | st.dates()
    | st.times()
    | st.datetimes(timezones=st.none() | st.timezones())
    | st.timedeltas()
    | st.uuids()
)
hashable = st.recursive(
    st.none() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary() | st.dates(),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)
values = st.recursive(
    leaves | hashable,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(hashable, inner, max_size=4)
        | st.sets(hashable, max_size=4)
        | st.dictionaries(hashable, inner, max_size=3).map(collections.OrderedDict)
        | st.lists(inner, max_size=3).map(collections.deque)
    ),
    max_leaves=15,
)


@settings(max_examples=300, deadline=None)
@given(values)
def test_any_nesting_of_plain_values_is_kept(value):
    data = PLAIN.encode(value)
    assert same(READER.decode(data), value)


@settings(max_examples=100, deadline=None)
@given(st.lists(values, max_size=6))
def test_many_values_are_the_concatenation_of_single_ones(parts):
    data, lengths = PLAIN.encode_many(parts)
    assert data == b"".join(map(PLAIN.encode, parts))
    assert lengths == [len(PLAIN.encode(part)) for part in parts]
    assert same(READER.decode_many(memoryview(data), len(parts)), parts)


@pytest.mark.parametrize(
    "parts", [[], [1, 2.5, None], [2**70, 1], [[1], [2**70]], [["a"], [1]], [[], [1.5]], ["x" * 70]], ids=repr
)
def test_many_values_take_no_shortcut_that_changes_them(parts):
    data, lengths = PLAIN.encode_many(parts)
    assert sum(lengths) == len(data)
    assert same(READER.decode_many(data, len(parts)), parts)


def test_numbers_that_are_equal_stay_what_they_are():
    assert len({PLAIN.encode(one) for one in (1, 1.0, True)}) == 3
    assert [type(part) for part in READER.decode(PLAIN.encode([1, 1.0, True]))] == [int, float, bool]


def test_nan_in_every_place_stays_nan():
    value = {"a": [math.nan, (math.nan,)], "b": complex(math.nan, 1)}
    assert same(READER.decode(PLAIN.encode(value)), value)
    assert READER.decode(PLAIN.encode(decimal.Decimal("sNaN123"))).compare_total(decimal.Decimal("sNaN123")) == 0


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_what_msgpack_takes_for_bytes_is_found_wherever_it_stands(kind):
    part = kind(b"buffer")
    for value in ([part], [1, [part]], {"k": part}, {"k": {"k": [part]}}, (part,), [[1]] * 100 + [[part]]):
        assert same(READER.decode(PLAIN.encode(value)), value)


def test_shaped_memoryviews_keep_shape_format_and_permission():
    view = memoryview(bytearray(range(24))).cast("B").cast("h", (3, 4))
    back = READER.decode(PLAIN.encode(view))
    assert (back.format, back.shape, back.readonly, back.tolist()) == ("h", (3, 4), False, view.tolist())
    assert READER.decode(PLAIN.encode(memoryview(b""))).tolist() == []


def test_a_decoded_list_shares_nothing_with_the_encoded_one():
    value = [[1], {"a": [2]}]
    data = PLAIN.encode(value)
    value[0].append(5)
    assert READER.decode(data) == [[1], {"a": [2]}]


class MyInt(int):
    pass


class MyList(list):
    pass


class Holder:
    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return type(self) is type(other) and self.value == other.value

    __hash__ = None


@pytest.mark.parametrize(
    "value",
    [
        MyInt(3),
        MyList([1]),
        Holder([1]),
        [Holder(1), (Holder(2),)],
        {"a": {Holder: MyInt(1)}},
        int,
        len,
        math.sin,
        operator.itemgetter(1),
        functools.partial(print, 1),
        collections.defaultdict(functools.partial(int, 1), {1: 2}),
        pathlib.Path,
    ],
    ids=lambda value: f"{value!r:.40}",
)
def test_other_objects_are_kept_by_pickle(value):
    back = READER.decode(PICKLING.encode(value))
    assert type(back) is type(value)
    assert repr(back)[:30] == repr(value)[:30]
    with pytest.raises(ValueNotKept, match="pickle=False"):
        PLAIN.encode(value)


def test_functions_and_local_classes_are_kept_by_pickle():
    class Local:
        pass

    factor = 3
    assert READER.decode(PICKLING.encode(lambda x: factor * x))(2) == 6
    assert type(READER.decode(PICKLING.encode(Local()))).__qualname__.endswith("Local")


def test_pickled_objects_of_one_value_share_what_they_shared():
    shared = Holder(1)
    one, other, again = READER.decode(PICKLING.encode([Holder(shared), {"k": Holder(shared)}, shared]))
    assert one.value is other["k"].value is again


def test_pickles_of_different_values_share_nothing():
    shared = Holder(1)
    data, _ = PICKLING.encode_many([shared, shared])
    one, other = READER.decode_many(data, 2)
    assert one is not other


def test_an_encoder_works_on_after_a_refusal():
    with pytest.raises(ValueNotKept):
        PICKLING.encode([Holder(1), (1, threading.Lock())])
    value = [(1, 2), MyInt(3)]
    assert same(READER.decode(PICKLING.encode(value)), value)


def read(data):
    return READER.decode(data)


class Reentrant:
    """An object whose pickling and unpickling use the very same codec."""

    def __reduce__(self):
        return read, (PICKLING.encode([(1, MyInt(2))]),)


def test_a_value_whose_code_uses_the_codec_does_not_disturb_it():
    assert same(READER.decode(PICKLING.encode([Reentrant(), (3,)])), [[(1, MyInt(2))], (3,)])


def test_threads_may_share_an_encoder_and_a_decoder():
    failures = []

    def work(number):
        value = [(number, (n, MyInt(number))) for n in range(20)]
        for _ in range(60):
            if READER.decode(PICKLING.encode(value)) != value:
                failures.append(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


class Counted:
    made = 0

    def __reduce__(self):
        return Counted.make, ()

    @staticmethod
    def make():
        Counted.made += 1
        return Counted()


def test_without_trust_nothing_is_unpickled():
    data = PICKLING.encode([Counted(), MyInt(1), (int, "plain")])
    before = Counted.made
    one, other, (third, text) = DISTRUSTING.decode(data)
    assert Counted.made == before
    assert text == "plain"
    assert {type(part) for part in (one, other, third)} == {Opaque}
    assert (one.kind, one.type_name) == ("pickle", f"{__name__}.Counted")
    assert "MyInt" in repr(other)
    assert third.type_name == "int"
    assert DISTRUSTING.decode(data)[0] == one != other
    assert len({one, other, DISTRUSTING.decode(data)[0]}) == 2


def test_a_decoder_counts_its_placeholders():
    decoder = ValueDecoder(trusted=False)
    decoder.decode(PICKLING.encode([MyInt(1), 2]))
    assert decoder.placeholders == 1
    trusting = ValueDecoder()
    trusting.decode(PICKLING.encode([MyInt(1), 2]))
    assert trusting.placeholders == 0


def test_placeholders_can_be_encoded_themselves():
    opaque = Opaque("pickle", "torch.Tensor", 12, b"digest")
    unresolved = Unresolved("lib", "Point", {"x": (1,)}, "why")
    assert DISTRUSTING.decode(PLAIN.encode([opaque, unresolved])) == [opaque, unresolved]
    with pytest.raises(AttributeError):
        opaque.kind = "other"


def test_scalars_need_no_encoder():
    pack = new_packer().pack
    for value in (None, True, False, 1.5, -0.0, math.inf):
        assert type(value) in SCALARS
        assert pack(value) == PLAIN.encode(value)


def test_cut_or_surplus_bytes_are_malformed():
    for value in TABLE:
        data = PLAIN.encode(value)
        for bad in (data[:-1], data + b"\x00", b""):
            with pytest.raises(MalformedMessage):
                READER.decode(bad)
    data, _ = PLAIN.encode_many([1, 2, (3,)])
    for count in (0, 2, 4, 2**32 - 1):
        with pytest.raises(MalformedMessage):
            READER.decode_many(data, count)
