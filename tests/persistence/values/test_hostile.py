"""Bytes of a journal that others can write to: refused or shown, never executed, never a crash."""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import fractions
import pathlib
import pickle
import random
import subprocess
import sys
import threading
import tracemalloc
import uuid

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cuebook.errors import JournalCorrupt, MalformedMessage
from cuebook.persistence.blobs.folder import BlobStore
from cuebook.persistence.values import ValueDecoder, ValueEncoder
from cuebook.persistence.values.codes import Code
from cuebook.persistence.values.placeholders import Opaque

REFUSALS = (MalformedMessage, JournalCorrupt)
PLAIN = ValueEncoder(pickle=False)


class Trap:
    """Fails the test that unpickles it."""

    sprung = False

    def __reduce__(self):
        return spring, ()


def spring():
    Trap.sprung = True


class Point(collections.namedtuple("Point", "x y")):  # noqa: PYI024
    __slots__ = ()


def reader():
    return ValueDecoder(trusted=False)


def samples():
    values = [
        [1, 2**70, "x", b"y", bytearray(b"z"), (1, {2, 3}), frozenset({4})],
        {"a": 1j, (1,): fractions.Fraction(1, 3), "r": range(3), "s": slice(1, 2)},
        [decimal.Decimal("1.5"), dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.time(1), dt.date(1, 1, 1)],
        [dt.timedelta(1), dt.timezone(dt.timedelta(1) / 24, "n"), uuid.UUID(int=5), pathlib.Path("a")],
        [
            collections.OrderedDict(a=1),
            collections.defaultdict(int, a=1),
            collections.Counter("ab"),
            collections.deque([1], 2),
        ],
        [memoryview(b"abc"), ..., msgpack.ExtType(1, b"x"), Opaque("pickle", "x", 1, b"d")],
        [np.arange(3), np.float64(1), np.zeros(2, [("a", "i4"), ("b", "M8[s]", (2,))]), np.str_("x")],
        [Point(1, 2), Trap(), [Trap(), Trap], np.array([None])],
        [ValueError(1, (2,)), OSError(2, "x", "f"), ExceptionGroup("g", [KeyError(1)])],
    ]
    return [ValueEncoder().encode(value) for value in values]


SAMPLES = samples()


def try_to_read(data):
    try:
        value = reader().decode(data)
    except REFUSALS:
        return
    repr(value)


def test_samples_are_read():
    for data in SAMPLES:
        repr(reader().decode(data))
    assert not Trap.sprung


@pytest.mark.parametrize("number", range(len(SAMPLES)))
def test_a_flipped_bit_or_a_cut_gives_a_value_or_a_refusal(number):
    data = SAMPLES[number]
    for place in range(len(data)):
        for bit in (0, 3, 7):
            try_to_read(data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :])
        with pytest.raises(MalformedMessage):
            reader().decode(data[:place])
    assert not Trap.sprung


def test_mutated_bytes_give_a_value_or_a_refusal():
    dice = random.Random(5)
    for _ in range(4000):
        data = bytearray(dice.choice(SAMPLES))
        for _ in range(dice.randint(1, 6)):
            place = dice.randrange(len(data))
            action = dice.random()
            if action < 0.5:
                data[place] = dice.choice([0, 1, 0x7F, 0x80, 0xC0, 0xC7, 0xC9, 0xD4, 0xDD, 0xFF, dice.randrange(256)])
            elif action < 0.8:
                other = dice.choice(SAMPLES)
                start = dice.randrange(len(other))
                data[place:place] = other[start : start + dice.randint(1, 30)]
            elif len(data) > 10:
                del data[place : place + dice.randint(1, 5)]
        try_to_read(bytes(data))
    assert not Trap.sprung


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(sorted(Code)), st.binary(max_size=60))
def test_random_content_of_any_extension_gives_a_value_or_a_refusal(code, content):
    try_to_read(msgpack.packb(msgpack.ExtType(code, content)))


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=10) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=1000, deadline=None)
@given(st.sampled_from(sorted(Code)), plain)
def test_well_formed_content_of_wrong_shape_gives_a_value_or_a_refusal(code, content):
    try_to_read(msgpack.packb(msgpack.ExtType(code, msgpack.packb(content))))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes_give_a_value_or_a_refusal(data):
    try_to_read(data)


def test_unknown_extension_types_are_named():
    with pytest.raises(MalformedMessage, match="99"):
        reader().decode(msgpack.packb(msgpack.ExtType(99, b"")))


def test_a_pickle_in_any_place_is_not_opened():
    payload = pickle.dumps(Trap())
    reference = msgpack.packb(msgpack.ExtType(Code.REFERENCE, msgpack.packb([0, 0, len(payload), "m", "n"])))
    scope = msgpack.packb(msgpack.ExtType(Code.PICKLED, msgpack.packb([payload, [], 1, reference])))
    assert type(reader().decode(scope)) is Opaque
    with pytest.raises(MalformedMessage):
        reader().decode(reference)
    assert not Trap.sprung


@pytest.mark.parametrize("levels", [200, 3000])
@pytest.mark.parametrize("codes", [[Code.TUPLE], [Code.PICKLED], [Code.BYTEARRAY], [Code.SLICE, Code.TUPLE]])
def test_extensions_nested_without_end_are_refused_and_do_not_exhaust_the_stack(codes, levels):
    data = b"\x90"
    for level in range(levels):
        code = codes[level % len(codes)]
        content = {
            Code.PICKLED: [b"", [], 0, data],
            Code.SLICE: [None, None, msgpack.ExtType(Code.TUPLE, b"\x90")],
        }.get(code)
        if code is Code.SLICE:
            content = [None, None, msgpack.unpackb(data)]
        data = msgpack.packb(msgpack.ExtType(code, data if content is None else msgpack.packb(content)))
    outcome = []

    def read():
        try:
            outcome.append(reader().decode(data))
        except MalformedMessage as error:
            outcome.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    assert type(outcome[0]) is MalformedMessage


def test_the_deepest_nesting_that_is_read_fits_into_a_small_stack():
    """Threads of other platforms have 512 kB to 1 MB; overrunning it ends the process."""
    code = """
import threading
from cuebook.persistence.values import ValueDecoder, ValueEncoder
value = ()
for _ in range(95):
    value = (value,)
data = ValueEncoder(pickle=False).encode(value)
threading.stack_size(1 << 20)
same = []
thread = threading.Thread(target=lambda: same.append(ValueDecoder().decode(data) == value))
thread.start()
thread.join()
print(same)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[True]")


@pytest.mark.parametrize(
    ("code", "content"),
    [
        (Code.ARRAY, ["<f8", [1 << 60], "C", b""]),
        (Code.ARRAY, ["<f8", [1 << 22], "C", b"x" * 8]),
        (Code.ARRAY, ["<f8", [1 << 40, 1 << 40], "C", b"x" * 8]),
        (Code.ARRAY, ["<f8", [-1], "C", b"x" * 8]),
        (Code.ARRAY, ["<f8", [True], "C", b"x" * 8]),
        (Code.ARRAY, ["|O", [1], "C", b"x" * 8]),
        (Code.ARRAY, ["<f8", [1], "K", b"x" * 8]),
        (Code.ARRAY, ["f8,O", [1], "C", b"x" * 16]),
        (Code.ARRAY, ["object", [1], "C", b"x" * 8]),
        (Code.ARRAY, ["<f8", [1], "C", [1]]),
        (Code.ARRAY, ["<f8", [1], "C", "x" * 8]),
        (Code.ARRAY, [["<f8", [1 << 62]], [0], "C", b""]),
        (
            Code.ARRAY,
            [
                {
                    "names": ["a"],
                    "formats": ["|O"],
                    "offsets": [0],
                    "titles": [None],
                    "itemsize": 8,
                    "aligned": False,
                },
                [1],
                "C",
                b"x" * 8,
            ],
        ),
        (Code.ARRAY_SCALAR, ["|O", b"x" * 8]),
        (Code.DEFAULT_DICT, ["eval", 1, 2]),
        (Code.BIG_INT, {}),
        (Code.SET, [[1]]),
        (Code.TUPLE, {"a": 1}),
        (Code.TUPLE, "text"),
        (Code.RANGE, [1, 2, 0]),
        (Code.DATETIME, [1, 2]),
        (Code.BLOB_REF, b"short"),
        (Code.BLOB_VALUE, ["list", 3]),
        (Code.EXCEPTION, []),
    ],
)
def test_fields_that_do_not_fit_are_refused_before_memory_is_taken(code, content):
    data = msgpack.packb(msgpack.ExtType(code, msgpack.packb(content)))
    reader().decode(PLAIN.encode(np.arange(3)))
    tracemalloc.start()
    try:
        if code is Code.BIG_INT:
            reader().decode(data)
        else:
            with pytest.raises(MalformedMessage):
                reader().decode(data)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_lengths_beyond_the_input_are_refused():
    for head in (
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff\x02",
    ):
        with pytest.raises(MalformedMessage):
            reader().decode(head + b"\x00" * 100)


def test_a_reference_cannot_lead_out_of_the_blob_folder_or_claim_another_length(tmp_path):
    store = BlobStore(tmp_path / "blobs")
    digest = store.write(b"secret" * 100)
    decoder = ValueDecoder(trusted=False, blobs=store)

    def decode(digest, length):
        ref = msgpack.ExtType(Code.BLOB_REF, digest + length.to_bytes(8, "little"))
        return decoder.decode(msgpack.packb(msgpack.ExtType(Code.BLOB_BYTES, msgpack.packb(ref))))

    assert decode(digest, 600) == b"secret" * 100
    for bad_digest, length in (
        (digest, 601),
        (digest, 2**63),
        (b"../../../../../../etc/passwd0000", 5),
        (bytes(32), 0),
    ):
        with pytest.raises(JournalCorrupt):
            decode(bad_digest, length)


def test_built_in_names_that_are_no_exceptions_are_not_used():
    for name in ("eval", "exit", "open", "object", "type", "int", "__import__"):
        link = ["", "builtins", name, "text", None, [msgpack.packb("1")], [], False]
        data = msgpack.packb(msgpack.ExtType(Code.EXCEPTION, msgpack.packb([link])))
        assert type(reader().decode(data)).__name__ == "UnresolvedException"
        assert type(ValueDecoder().decode(data)).__name__ == "UnresolvedException"


@pytest.mark.parametrize("code", [Code.DATACLASS, Code.ENUM, Code.NAMED_TUPLE])
def test_even_with_trust_only_classes_of_the_right_kind_are_used(code):
    for module, name in (
        ("os", "system"),
        ("subprocess", "Popen"),
        ("builtins", "eval"),
        ("os", "path.join"),
    ):
        content = {
            Code.DATACLASS: [module, name, {"args": "true"}],
            Code.ENUM: [module, name, None, "true"],
            Code.NAMED_TUPLE: [module, name, ["args"], "true"],
        }[code]
        data = msgpack.packb(msgpack.ExtType(code, msgpack.packb(content)))
        assert type(ValueDecoder().decode(data)).__name__ == "Unresolved"
