"""What every place for blobs promises: whole under its digest or not there, and the same seen from other processes."""

from __future__ import annotations

import hashlib
import pickle
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from cuebook.errors import JournalCorrupt
from cuebook.persistence.blobs.folder import BlobStore
from cuebook.persistence.blobs.port import BlobPlace, Blobs
from cuebook.persistence.blobs.transient import TransientBlobs
from cuebook.persistence.stores.media import blobs_at
from cuebook.persistence.values import ValueDecoder, ValueEncoder
from cuebook.wire.codec import pack, unpack

pytestmark = pytest.mark.quick

PLACES: dict[str, Callable[[Path], Blobs]] = {"folder": BlobStore, "transient": TransientBlobs}
"""Every kind there is; that of a further store has a line here."""


@pytest.fixture(params=PLACES)
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return PLACES[request.param](tmp_path / "blobs")


def test_what_was_written_is_read_by_its_digest(blobs: Blobs) -> None:
    data = random.Random(1).randbytes(100_000)
    digest = blobs.write(data)
    assert digest == hashlib.sha256(data).digest()
    blobs.check(digest, len(data))
    target = bytearray(len(data))
    blobs.read_into(digest, memoryview(target))
    assert target == data
    assert blobs.read(blobs.write(memoryview(data)), len(data)) == data


def test_another_process_makes_its_own_of_the_place_that_it_is_told(blobs: Blobs) -> None:
    digest = blobs.write(b"from here")
    there = blobs_at(BlobPlace(*unpack(pack(blobs.place))))
    assert type(there) is type(blobs)
    assert there.place == blobs.place == pickle.loads(pickle.dumps(blobs.place))
    assert there.read(digest, 9) == b"from here"


def test_what_is_not_there_or_of_another_length_is_refused_by_name(blobs: Blobs) -> None:
    digest = blobs.write(b"12345")
    for wanted, length in ((digest, 4), (bytes(32), 5)):
        with pytest.raises(JournalCorrupt, match=wanted.hex()):
            blobs.check(wanted, length)
        with pytest.raises(JournalCorrupt, match=wanted.hex()):
            blobs.read(wanted, length)
        with pytest.raises(JournalCorrupt, match=wanted.hex()):
            blobs.read_into(wanted, memoryview(bytearray(length)))


def test_an_empty_place_is_one(blobs: Blobs) -> None:
    assert list(blobs.digests()) == []
    assert list(blobs.verify()) == []
    blobs.check_plain()
    blobs.sweep()
    blobs.remove(bytes(32))


def test_values_go_there_and_come_back(blobs: Blobs) -> None:
    value = [b"x" * 5000, {"deep": ("y" * 3000, b"z" * 4000)}]
    data = ValueEncoder(blobs=blobs, blob_bytes=1000).encode(value)
    assert len(data) < 1000
    assert ValueDecoder(blobs=blobs).decode(data) == value


def test_all_that_is_kept_is_listed_checked_and_removed_one_by_one(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path / "blobs")
    digests = sorted(blobs.write(bytes([n]) * 10) for n in range(5))
    assert list(blobs.digests()) == digests
    assert list(blobs.verify()) == []
    assert blobs.whole(digests[0]) is not None
    blobs.remove(digests[0])
    assert list(blobs.digests()) == digests[1:]
