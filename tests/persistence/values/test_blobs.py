"""Large buffers and large values lie in blobs; what travels is a reference."""

from __future__ import annotations

import os

import numpy as np
import pytest

from cuebook.errors import JournalCorrupt, JournalFull
from cuebook.persistence.blobs.folder import BlobStore
from cuebook.persistence.values import ValueDecoder, ValueEncoder
from cuebook.persistence.values.blob_references import blob_references
from cuebook.persistence.values.placeholders import Opaque

LARGE = 1000


@pytest.fixture
def store(tmp_path):
    return BlobStore(tmp_path / "blobs")


@pytest.fixture
def encoder(store):
    return ValueEncoder(blobs=store, blob_bytes=LARGE)


@pytest.fixture
def decoder(store):
    return ValueDecoder(blobs=store)


class Holder:
    def __init__(self, value):
        self.value = value


VALUES = {
    "bytes": b"x" * 5000,
    "str": "ä" * 5000,
    "surrogates": "\ud800" * 5000,
    "bytearray": bytearray(5000),
    "memoryview": memoryview(b"y" * 5000),
    "array": np.arange(5000.0),
    "fortran": np.asfortranarray(np.arange(5000.0).reshape(50, 100)),
    "strings": np.array(["abc"] * 1000),
    "np.str_": np.str_("z" * 5000),
    "list": list(range(5000)),
    "tuple": tuple(range(5000)),
    "int": 2**50_000,
}


def same(one, other):
    if isinstance(one, np.ndarray):
        return type(one) is type(other) and one.dtype == other.dtype and np.array_equal(one, other)
    return type(one) is type(other) and one == other


@pytest.mark.parametrize("name", VALUES)
def test_large_values_come_back_from_their_blobs(encoder, decoder, store, name):
    value = VALUES[name]
    for wrapped, unwrap in (
        (value, lambda v: v),
        ([1, {"k": value}], lambda v: v[1]["k"]),
        ((value, b"small"), lambda v: v[0]),
    ):
        data = encoder.encode(wrapped)
        assert len(data) < 200
        assert same(unwrap(decoder.decode(data)), value)
    assert list(store.verify()) == []


def test_small_values_make_no_blob_and_no_folder(encoder, store):
    encoder.encode([b"x" * 900, "x" * 900 * 0, np.zeros(3)])
    assert not os.path.exists(store.folder)


@pytest.mark.parametrize(
    "text", ["x" * 1001, "ä" * 501, "x" * 995, "\U0001f600" * 251], ids=["ascii", "two", "edge", "four"]
)
def test_length_counts_in_bytes(encoder, decoder, text):
    data = encoder.encode([text])
    assert len(data) <= LARGE
    assert decoder.decode(data) == [text]


def test_the_same_large_buffer_is_one_blob(encoder, store):
    array = np.arange(5000.0)
    encoder.encode([array, {"again": array.copy()}])
    encoder.encode(array)
    assert len(list(store.digests())) == 1


def test_buffers_of_pickled_objects_are_blobs_of_their_own(encoder, decoder, store):
    value = Holder([np.arange(5000.0), np.arange(3)])
    data = encoder.encode([value])
    assert len(data) < 600
    back = decoder.decode(data)[0]
    assert np.array_equal(back.value[0], value.value[0])
    assert back.value[0].flags.writeable
    assert len(list(store.digests())) == 1


def test_many_values_with_large_ones_among_them(encoder, decoder):
    values = [1, b"x" * 5000, 2, list(range(5000)), [1]]
    data, lengths = encoder.encode_many(values)
    assert max(lengths) < 200
    assert decoder.decode_many(data, 5) == values
    numbers = [list(range(5000)), [1]]
    data, lengths = encoder.encode_many(numbers)
    assert max(lengths) < 200
    assert decoder.decode_many(data, 2) == numbers


def test_every_blob_of_a_value_is_found_in_its_outermost_bytes(encoder, store):
    """Compaction drops what it does not find there, so a reference inside a blob alone would lose data."""
    inner = [np.arange(5000.0) + n for n in range(3)]
    error = ValueError(inner[2])
    value = {"many": list(range(5000)), "first": inner[0], "object": Holder(inner[1]), "error": error}
    data = encoder.encode(value)
    assert len(data) < 600
    assert set(blob_references(data)) == set(store.digests())
    assert len(list(store.digests())) >= 4
    following = encoder.encode(list(range(6000)))
    assert len(set(blob_references(following))) == 1, "the blobs of the value before are not its own"


def test_without_a_store_large_parts_are_placeholders_that_say_what_they_are(encoder):
    reader = ValueDecoder(trusted=False)
    array, text, number = reader.decode(encoder.encode([np.arange(5000.0), "x" * 5000, 3]))
    assert (array, number) == (Opaque("blob", "numpy.ndarray", 40_000, array.digest), 3)
    assert (text.type_name, text.size) == ("str", 5000)
    whole = reader.decode(encoder.encode(list(range(5000))))
    assert (whole.kind, whole.type_name) == ("blob", "list")
    assert "list" in repr(whole)
    assert reader.placeholders == 3


def test_without_a_store_for_writing_everything_stays_inside(store):
    value = [b"x" * 500_000, np.arange(100_000.0), list(range(100_000))]
    data = ValueEncoder(blob_bytes=10).encode(value)
    assert len(data) > 1_300_000
    assert same(ValueDecoder().decode(data)[1], value[1])


@pytest.mark.parametrize("name", ["bytes", "array", "list", "str", "bytearray"])
def test_a_damaged_or_missing_blob_is_named_and_never_decoded(encoder, decoder, store, name):
    data = encoder.encode(VALUES[name])
    (digest,) = store.digests()
    with open(store.path_of(digest), "r+b") as file:
        file.seek(7)
        byte = file.read(1)
        file.seek(7)
        file.write(bytes([byte[0] ^ 1]))
    with pytest.raises(JournalCorrupt, match=digest.hex()):
        decoder.decode(data)
    store.remove(digest)
    with pytest.raises(JournalCorrupt, match=digest.hex()):
        decoder.decode(data)


def test_a_full_disk_is_passed_on_and_the_encoder_works_on(encoder, decoder, monkeypatch):
    def full(descriptor, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    for value in (b"x" * 5000, [Holder(np.arange(5000.0))], list(range(5000))):
        with pytest.raises(JournalFull):
            encoder.encode(value)
    monkeypatch.undo()
    assert decoder.decode(encoder.encode((1, list(range(5000))))) == (1, list(range(5000)))


def test_a_hundred_megabytes_are_written_once_and_never_travel(tmp_path):
    store = BlobStore(tmp_path / "blobs")
    array = np.arange(100 * 131_072, dtype=np.float64)
    data = ValueEncoder(blobs=store).encode({"array": array})
    assert len(data) < 200
    (digest,) = store.digests()
    assert os.path.getsize(store.path_of(digest)) == array.nbytes
    assert np.array_equal(ValueDecoder(blobs=store).decode(data)["array"], array)


def test_a_large_array_is_written_from_its_own_buffer(encoder, store, monkeypatch):
    seen = []
    write = store.write
    monkeypatch.setattr(store, "write", lambda data: (seen.append(data), write(data))[1])
    array = np.arange(5000.0)
    buffer = b"x" * 5000
    encoder.encode([array, (buffer,)])
    assert np.shares_memory(np.frombuffer(seen[0], np.uint8), array)
    assert seen[1] is buffer
