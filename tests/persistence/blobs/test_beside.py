"""Large buffers beside messages: written once, mapped by others, gone with their writer, never taken for another one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cuebook.errors import InternalError, MessageTooLarge
from cuebook.persistence.blobs import beside
from cuebook.persistence.blobs.beside import BesideReader, BesideWriter, memory_free

HAS_PROC = Path("/proc/self/fd").exists()


@pytest.fixture(params=["in memory", "on the disk", "by name"])
def pair(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[BesideWriter, BesideReader]:
    if request.param == "on the disk":
        monkeypatch.setattr(beside, "memory_free", lambda: 0)
    if request.param == "by name":
        monkeypatch.setattr(os.path, "exists", lambda path: False)
    folder = str(tmp_path / "beside")
    return BesideWriter(folder), BesideReader(folder)


def test_what_is_written_is_mapped_and_a_reader_that_writes_changes_its_own_alone(
    pair: tuple[BesideWriter, BesideReader],
) -> None:
    writer, reader = pair
    name = writer.write(b"abc" * 50_000)
    one, other = reader.mapped(name, 150_000), reader.mapped(name, 150_000)
    one[:3] = b"xyz"
    assert bytes(one[:6]) == b"xyzabc"
    assert bytes(other) == bytes(reader.mapped(name, 150_000)) == b"abc" * 50_000
    target = bytearray(150_000)
    reader.read_into(name, memoryview(target))
    assert target == b"abc" * 50_000
    reader.check(name, 150_000)
    assert writer.has(name, b"abc" * 50_000)
    assert not writer.has(name, b"abc" * 49_999 + b"abd")
    assert not writer.has(name, b"abc")


def test_what_is_removed_is_gone_and_stays_with_who_has_mapped_it(
    pair: tuple[BesideWriter, BesideReader], tmp_path: Path
) -> None:
    writer, reader = pair
    names = [writer.write(bytes([number]) * 100) for number in range(3)]
    mapped = reader.mapped(names[0], 100)
    writer.remove(names[0])
    writer.remove(names[0])
    with pytest.raises(InternalError, match="100 bytes beside a message are gone"):
        reader.mapped(names[0], 100)
    assert bytes(mapped) == bytes(100)
    assert bytes(reader.mapped(names[1], 100)) == b"\1" * 100
    writer.close()
    for name in names:
        with pytest.raises(InternalError):
            reader.check(name, 100)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_another_buffer_with_the_descriptor_of_one_that_is_gone_is_not_taken_for_it(
    pair: tuple[BesideWriter, BesideReader],
) -> None:
    writer, reader = pair
    gone = writer.write(b"a" * 100)
    writer.remove(gone)
    again = [writer.write(b"b" * 100) for _ in range(3)]
    with pytest.raises(InternalError):
        reader.mapped(gone, 100)
    with pytest.raises(InternalError):
        reader.mapped(again[0], 99)


@pytest.mark.skipif(not HAS_PROC, reason="files have names there")
def test_a_writer_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    body = (
        "import sys; from cuebook.persistence.blobs import beside\n"
        "writer = beside.BesideWriter(sys.argv[1]); writer.write(b'x' * 100)\n"
        "beside.memory_free = lambda: 0; writer.write(b'y' * 100)\n"
        "print('written', flush=True); sys.stdin.read()\n"
    )
    arguments = [sys.executable, "-c", body, str(tmp_path / "beside")]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        process.send_signal(signal.SIGKILL)
    assert list((tmp_path / "beside").iterdir()) == []


def test_no_room_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "memory_free", lambda: 0)
    (tmp_path / "beside").write_text("no folder")
    with pytest.raises(MessageTooLarge, match="100 bytes for worker processes cannot be put down: File exists"):
        BesideWriter(str(tmp_path / "beside")).write(b"x" * 100)


GROUPS = {
    "none": ({}, 8_000_000 * 1024),
    "v2": ({"cgroup": "0::/a\n", "a/memory.max": "5000\n", "a/memory.current": "2000\n"}, 3000),
    "v2 above": ({"cgroup": "0::/a\n", "a/memory.max": "max\n", "memory.max": "700", "memory.current": "200"}, 500),
    "v1": (
        {"cgroup": "4:memory:/a\n", "memory/a/memory.limit_in_bytes": "90", "memory/a/memory.usage_in_bytes": "100"},
        0,
    ),
}


@pytest.mark.parametrize(("files", "right"), GROUPS.values(), ids=GROUPS.keys())
def test_memory_that_is_free_is_what_the_system_and_its_groups_leave(
    files: dict[str, str], right: int, tmp_path: Path
) -> None:
    texts = {"proc/meminfo": "MemTotal: 9000000 kB\nMemAvailable: 8000000 kB\n"}
    for name, text in files.items():
        texts["proc/self/cgroup" if name == "cgroup" else f"sys/fs/cgroup/{name}"] = text
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert memory_free(str(tmp_path)) == right
