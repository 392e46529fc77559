"""Blobs: written once and whole, read back only as what was written."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import threading

import pytest

from cuebook.errors import JournalCorrupt, JournalError, JournalFull
from cuebook.persistence.blobs.folder import BlobStore
from cuebook.persistence.blobs.transient import TransientBlobs
from tests.support.ids import shown

DATA = b"a large buffer" * 1000


@pytest.fixture
def store(tmp_path):
    return BlobStore(tmp_path / "journal.cue.blobs")


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_folder_is_made_by_the_first_write_and_private(store):
    assert not os.path.exists(store.folder)
    digest = store.write(DATA)
    assert mode(store.folder) == 0o700
    assert mode(store.path_of(digest)) == 0o600


def test_a_blob_is_named_by_the_sha256_of_its_content(store):
    digest = store.write(DATA)
    name = hashlib.sha256(DATA).hexdigest()
    assert digest.hex() == name
    assert store.path_of(digest) == os.path.join(store.folder, name[:2], name[2:])


@pytest.mark.parametrize("data", [b"", b"x", DATA, bytearray(DATA), memoryview(DATA)[3:70], memoryview(b"")], ids=shown)
def test_what_is_written_is_read(store, data):
    digest = store.write(data)
    assert store.read(digest, len(data)) == bytes(data)
    target = bytearray(len(data))
    store.read_into(digest, memoryview(target))
    assert target == bytes(data)


def test_an_existing_blob_is_not_rewritten(store):
    path = store.path_of(store.write(DATA))
    before = os.stat(path)
    store.write(DATA)
    after = os.stat(path)
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


@pytest.mark.parametrize("damage", [DATA[:-1], DATA[:-1] + b"?", b""], ids=["shorter", "flipped", "empty"])
def test_a_damaged_blob_is_never_returned_and_is_named(store, damage):
    digest = store.write(DATA)
    with open(store.path_of(digest), "wb") as file:
        file.write(damage)
    with pytest.raises(JournalCorrupt, match=digest.hex()):
        store.read(digest, len(DATA))
    with pytest.raises(JournalCorrupt, match=digest.hex()):
        store.read_into(digest, memoryview(bytearray(len(DATA))))
    assert [bad for bad, _ in store.verify()] == [digest]


@pytest.mark.parametrize("damage", [DATA[:-1], DATA[:-1] + b"?"], ids=["shorter", "flipped"])
def test_writing_again_heals_a_damaged_blob(store, damage):
    digest = store.write(DATA)
    with open(store.path_of(digest), "wb") as file:
        file.write(damage)
    assert store.write(DATA) == digest
    assert store.read(digest, len(DATA)) == DATA
    assert list(store.verify()) == []


def test_a_missing_blob_is_named(store):
    digest = store.write(DATA)
    store.remove(digest)
    store.remove(digest)
    for read in (lambda: store.read(digest, 3), lambda: store.check(digest, 3)):
        with pytest.raises(JournalCorrupt, match=f"{digest.hex()}.*missing"):
            read()


def test_a_wrong_length_is_refused_before_anything_is_read(store):
    digest = store.write(DATA)
    with pytest.raises(JournalCorrupt, match="bytes instead of"):
        store.check(digest, 1 << 60)
    with pytest.raises(JournalCorrupt, match="bytes instead of"):
        store.read(digest, 1 << 60)


def test_digests_lists_whole_blobs_only(store):
    assert list(store.digests()) == []
    digests = sorted(store.write(bytes([n]) * 10) for n in range(20))
    folder = os.path.dirname(store.path_of(digests[0]))
    for name in (".1-aa.part", "notes.txt", "zz" * 31):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(b"no blob")
    assert list(store.digests()) == digests


def test_sweeping_takes_what_killed_writers_left_and_nothing_else(store):
    digest = store.write(DATA)
    folder = os.path.dirname(store.path_of(digest))
    for name in (".1-aa.part", "notes.txt"):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(b"no blob")
    store.sweep()
    assert sorted(os.listdir(folder)) == sorted(["notes.txt", os.path.basename(store.path_of(digest))])
    assert store.read(digest, len(DATA)) == DATA


def test_an_interrupted_write_leaves_nothing(store, monkeypatch):
    def fail(descriptor):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(JournalError, match="Input/output error"):
        store.write(DATA)
    monkeypatch.undo()
    assert [name for _, _, names in os.walk(store.folder) for name in names] == []
    digest = store.write(DATA)
    assert store.read(digest, len(DATA)) == DATA


def test_a_full_disk_is_journal_full(store, monkeypatch):
    def full(descriptor, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(JournalFull, match="No space left"):
        store.write(DATA)


def test_file_is_synced_before_its_name_and_the_folder_after_it(store, monkeypatch):
    store.write(b"the folders exist")
    prefix = bytes.fromhex(hashlib.sha256(DATA).hexdigest()[:2])
    os.makedirs(os.path.join(store.folder, prefix.hex()), exist_ok=True)
    events = []
    fsync, rename = os.fsync, os.rename
    monkeypatch.setattr(
        os,
        "fsync",
        lambda d: (events.append("folder" if stat.S_ISDIR(os.fstat(d).st_mode) else "file"), fsync(d))[1],
    )
    monkeypatch.setattr(os, "rename", lambda a, b: (events.append("rename"), rename(a, b))[1])
    store.write(DATA)
    assert events == ["file", "rename", "folder"]


def test_short_writes_are_continued(store, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:777]))
    assert store.read(store.write(DATA), len(DATA)) == DATA


def test_many_threads_may_write_the_same_blob(store):
    threads = [threading.Thread(target=store.write, args=(DATA,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (digest,) = store.digests()
    assert store.read(digest, len(DATA)) == DATA
    assert os.listdir(os.path.dirname(store.path_of(digest))) == [digest.hex()[2:]]


def test_a_relative_folder_stays_the_same_after_chdir(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = BlobStore("here.blobs")
    digest = store.write(DATA)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert store.read(digest, len(DATA)) == DATA


def test_transient_blobs_of_one_content_are_dropped_one_by_one(tmp_path):
    writer, reader = TransientBlobs(tmp_path), TransientBlobs(tmp_path)
    digest = writer.write(b"same")
    assert writer.write(b"same") == digest
    other = writer.write(b"other")
    for left in (2, 1):
        reader.check(digest, 4)
        assert reader.read(digest, 4) == b"same"
        reader.drop_read()
        assert sum(path.is_file() for path in tmp_path.rglob("*")) == left
    with pytest.raises(JournalCorrupt, match="missing"):
        reader.read(digest, 4)
    target = bytearray(5)
    reader.read_into(other, memoryview(target))
    reader.keep_read()
    reader.drop_read()
    assert reader.read(other, 5) == target == b"other"
    reader.drop_read()
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_what_one_value_reads_twice_is_there_twice(tmp_path):
    writer, reader = TransientBlobs(tmp_path), TransientBlobs(tmp_path)
    digest = writer.write(b"part")
    writer.write(b"part")
    assert [reader.read(digest, 4) for _ in range(3)] == [b"part"] * 3
    reader.drop_read()
    assert not any(path.is_file() for path in tmp_path.rglob("*"))
