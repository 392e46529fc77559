"""Versions of files: each content once, brought back as it was, and never anywhere else."""

from __future__ import annotations

import os
import random
import socket
import sys
import threading
from pathlib import Path

import pytest

from cuebook.errors import JournalCorrupt, JournalFull, WorkplaceBusy, WorkplaceError
from cuebook.persistence.blobs.folder import BlobStore
from cuebook.workplace import cutting
from cuebook.workplace.capture import Capture, name_below
from cuebook.workplace.file_store import WHOLE_BYTES_MAX, FileStore
from cuebook.workplace.manifest import FileForm, FileVersion, Manifest
from cuebook.workplace.restore import restore
from cuebook.workplace.survey import is_our_part

HOSTILE = ["with space", "a\nb", "ünï", "-rf", "$(x)", "..x", "\x1b[31m"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "work" / "out").mkdir(parents=True)
    return tmp_path / "work"


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "files")


def tree(root: Path) -> dict[str, object]:
    """What there is below a folder."""
    return {
        str(path.relative_to(root)): os.readlink(path)
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else None
        for path in sorted(root.rglob("*"))
    }


def test_what_was_kept_comes_back_as_it_was(root: Path, store: FileStore, tmp_path: Path) -> None:
    (root / "int.txt").write_text("100")
    (root / "out" / "run.sh").write_text("#!/bin/sh")
    (root / "out" / "run.sh").chmod(0o755)
    (root / "out" / "empty").mkdir()
    (root / "out" / "latest").symlink_to("run.sh")
    for name in HOSTILE:
        (root / "out" / name).write_text(name)
    before = tree(root)
    manifest = Manifest.decode(Capture(root, store).take([b"int.txt", b"out"]).encode())
    (root / "int.txt").write_text("137")
    (root / "out" / "run.sh").chmod(0o644)
    (root / "out" / "latest").unlink()
    (root / "out" / "latest").mkdir()
    (root / "out" / "more").write_text("later")
    (root / "other").write_text("not ours")

    done = restore(manifest, root, store, aside=tmp_path / "aside")

    assert {name: content for name, content in tree(root).items() if name != "other"} == before
    assert (root / "out" / "run.sh").stat().st_mode & 0o777 == 0o755
    assert done.folder == tmp_path / "aside"
    assert (tmp_path / "aside" / "int.txt").read_text() == "137"
    assert (tmp_path / "aside" / "out" / "more").read_text() == "later"


def test_what_the_store_has_is_not_put_aside_as_well(root: Path, store: FileStore, tmp_path: Path) -> None:
    capture, names = Capture(root, store), ("kept", "lost", "dir/kept", "mixed/kept")
    (root / "out" / "a").write_text("first")
    first = capture.take([b"out"])
    for name in names:
        (root / "out" / name).parent.mkdir(exist_ok=True)
        (root / "out" / name).write_text(f"{name} in the second")
    (root / "out" / "a").write_text("second")
    second = capture.take([b"out"])
    (root / "out" / "mixed" / "mine").write_text("mine")
    store.blobs.remove(second.by_name()[b"out/lost"].digest)

    done = restore(first, root, store, aside=tmp_path / "aside", kept=second)

    assert (root / "out" / "a").read_text() == "first"
    assert done.aside == [b"out/lost", b"out/mixed"]
    assert tree(tmp_path / "aside") == {
        "out": None,
        "out/lost": b"lost in the second",
        "out/mixed": None,
        "out/mixed/kept": b"mixed/kept in the second",
        "out/mixed/mine": b"mine",
    }


def test_what_is_as_it_was_is_not_touched(root: Path, store: FileStore) -> None:
    (root / "out" / "a").write_text("1")
    manifest = Capture(root, store).take([b"out"])
    before = (root / "out" / "a").stat().st_ino

    done = restore(manifest, root, store, aside=None)

    assert (done.written, done.aside) == ([], [])
    assert (root / "out" / "a").stat().st_ino == before


def test_a_file_that_has_not_changed_costs_a_stat(
    root: Path, store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "a").write_text("1")
    os.utime(root / "a", (1, 1))
    monkeypatch.setattr("cuebook.workplace.capture._SETTLED_NS", 0)
    capture = Capture(root, store)
    first = capture.take([b"a"])
    monkeypatch.setattr(store, "keep", lambda _: pytest.fail("it was read again"))

    assert capture.take([b"a"]) == first


def test_a_small_change_of_a_large_file_is_kept_small(root: Path, store: FileStore, tmp_path: Path) -> None:
    data = random.Random(1).randbytes(WHOLE_BYTES_MAX + (4 << 20))
    (root / "a").write_bytes(data)
    capture = Capture(root, store)
    capture.take([b"a"])
    before = sum(path.stat().st_size for path in store.folder.rglob("*") if path.is_file())
    (root / "a").write_bytes(data[: 3 << 20] + b"put in between" + data[3 << 20 :])
    changed = (root / "a").read_bytes()

    manifest = capture.take([b"a"])
    grown = sum(path.stat().st_size for path in store.folder.rglob("*") if path.is_file()) - before
    (root / "a").write_bytes(b"")
    restore(manifest, root, store, aside=None)

    assert grown <= 2 * cutting.PIECE_BYTES_MAX
    assert (root / "a").read_bytes() == changed
    assert store.read(manifest.files[0]) == changed


def test_without_numpy_a_large_file_is_cut_all_the_same(
    root: Path, store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    cutting._gear.cache_clear()
    data = random.Random(2).randbytes(WHOLE_BYTES_MAX + 12345)
    (root / "a").write_bytes(data)
    try:
        manifest = Capture(root, store).take([b"a"])
    finally:
        cutting._gear.cache_clear()

    assert store.read(manifest.files[0]) == data
    assert {length for _, length in manifest.files[0].pieces[:-1]} == {cutting.PIECE_BYTES}


@pytest.mark.parametrize("name", [b"../x", b"/etc/x", b"a/../../x", b"", b"a//b", b"a\0b", b".", b"a/."])
def test_a_name_that_leads_elsewhere_is_refused(name: bytes, root: Path, store: FileStore) -> None:
    with pytest.raises(WorkplaceError):
        Manifest.decode(Manifest((), (FileVersion(name, FileForm.FILE, 0o644, 0, bytes(32)),)).encode())
    with pytest.raises(WorkplaceError):
        Capture(root, store).take([name])


def test_nothing_is_written_through_a_link(root: Path, store: FileStore, tmp_path: Path) -> None:
    (root / "out" / "a").write_text("1")
    manifest = Capture(root, store).take([b"out"])
    (root / "out" / "a").unlink()
    (root / "out").rmdir()
    (tmp_path / "elsewhere").mkdir()
    (root / "out").symlink_to(tmp_path / "elsewhere")

    restore(manifest, root, store, aside=None)

    assert tree(root) == {"out": None, "out/a": b"1"}
    assert tree(tmp_path / "elsewhere") == {}


def test_a_link_on_the_way_is_an_error_and_not_followed(root: Path, store: FileStore, tmp_path: Path) -> None:
    (root / "out" / "a").write_text("1")
    manifest = Capture(root, store).take([b"out/a"])
    (root / "out").rename(tmp_path / "elsewhere")
    (root / "out").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "a").write_text("2")

    with pytest.raises(WorkplaceError, match="is a link or a file"):
        restore(manifest, root, store, aside=None)
    with pytest.raises(WorkplaceError, match="out is a link"):
        Capture(root, store).take([b"out/a"])

    assert tree(tmp_path / "elsewhere") == {"a": b"2"}


def test_what_cannot_be_kept_is_named(root: Path, store: FileStore) -> None:
    capture = Capture(root, store)
    with pytest.raises(WorkplaceError, match="missing is not there"):
        capture.take([b"missing"])
    assert capture.take([b"missing"], optional=[b"missing"]).files == ()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(root / "out" / "s"))
        with pytest.raises(WorkplaceError, match="out/s is a socket"):
            capture.take([b"out"])
    (root / "out" / "s").unlink()
    (root / "out" / "l").symlink_to("../../outside")
    with pytest.raises(WorkplaceError, match="leads outside"):
        capture.take([b"out"])


def test_a_socket_where_a_file_was_is_put_aside(root: Path, store: FileStore, tmp_path: Path) -> None:
    (root / "out" / "s").write_text("1")
    manifest = Capture(root, store).take([b"out"])
    (root / "out" / "s").unlink()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(root / "out" / "s"))

        restore(manifest, root, store, aside=tmp_path / "aside")

    assert tree(root) == {"out": None, "out/s": b"1"}


def test_a_file_that_keeps_changing_is_not_kept_half(
    root: Path, store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "a").write_text("1")
    keep = store.keep

    def changed_meanwhile(file: object) -> object:
        content = keep(file)  # type: ignore[arg-type]
        with (root / "a").open("a") as more:
            more.write("1")
        return content

    monkeypatch.setattr(store, "keep", changed_meanwhile)
    with pytest.raises(WorkplaceError, match="changed while it was being read"):
        Capture(root, store).take([b"a"])


def test_a_full_disk_leaves_what_was_kept(root: Path, store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "a").write_text("1")
    capture = Capture(root, store)
    manifest = capture.take([b"a"])
    (root / "a").write_text("22")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("cuebook.persistence.blobs.folder.write_file", full)
        with pytest.raises(JournalFull):
            capture.take([b"a"])
    restore(manifest, root, store, aside=None)

    assert (root / "a").read_text() == "1"


def test_a_damaged_content_changes_nothing(root: Path, store: FileStore) -> None:
    (root / "a").write_text("1")
    (root / "b").write_text("1b")
    manifest = Capture(root, store).take([b"a", b"b"])
    Path(store.blobs.path_of(manifest.files[1].digest)).write_text("xx")
    (root / "a").write_text("2")
    (root / "b").write_text("2b")

    with pytest.raises(JournalCorrupt):
        restore(manifest, root, store, aside=None)

    assert tree(root) == {"a": b"2", "b": b"2b", "out": None}


def test_what_a_killed_restoration_has_left_goes_with_the_next(root: Path, store: FileStore) -> None:
    (root / "a").write_text("1")
    (root / "out" / "b").write_text("1")
    manifest = Capture(root, store).take([b"a", b"out"])
    for folder in (root, root / "out"):
        (folder / ".cuebook-0123456789abcdef.part").write_text("half")

    assert Capture(root, store).take([b"a", b"out"]) == manifest
    restore(manifest, root, store, aside=None)

    assert not [path for path in root.rglob("*") if is_our_part(path.name.encode())]


def test_only_what_nobody_needs_is_collected_and_not_while_somebody_keeps(root: Path, store: FileStore) -> None:
    (root / "a").write_text("1")
    first = Capture(root, store).take([b"a"])
    (root / "a").write_text("22")
    second = Capture(root, store).take([b"a"])
    with store.in_use(), pytest.raises(WorkplaceBusy):
        store.collect(lambda _: False)

    assert store.collect(set(second.blobs()).__contains__) == (1, 1)
    store.check(second.files[0])
    with pytest.raises(JournalCorrupt):
        store.check(first.files[0])


def test_two_who_keep_the_same_at_once_keep_it_once(root: Path, tmp_path: Path) -> None:
    (root / "a").write_bytes(b"x" * 100_000)
    stores = [FileStore(tmp_path / "files") for _ in range(4)]
    threads = [threading.Thread(target=Capture(root, each).take, args=([b"a"],)) for each in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(list(BlobStore(tmp_path / "files").digests())) == 1


def test_a_name_below_a_root_is_found_however_it_is_written(root: Path) -> None:
    assert name_below(root, "a/../b") == b"b"
    assert name_below(root, root / "out" / "x") == b"out/x"
    for outside in ("..", "../x", "/etc/passwd", "."):
        with pytest.raises(WorkplaceError):
            name_below(root, outside)
