"""Several users of one machine: a victim and an attacker, played by forks of a process of root."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import stat
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgpack
import pytest

from cuebook.persistence.history.arguments import encode_blocks
from cuebook.persistence.history.run_writer import argument_entries
from cuebook.persistence.identity.fingerprint import ALGORITHM, fingerprint
from cuebook.persistence.records.record import Entry, Kind
from cuebook.persistence.records.run_heads import Closing, Completed, Reuse, RunClosed, RunOpened, Source
from tests.support.journals import write

VICTIM, ATTACKER, GROUP = 61234, 61235, 61200
ROOT = Path(__file__).parents[2]

needs_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="plays two users: needs root")


@dataclass(frozen=True)
class Played:
    """What a program of another user did: exit code (70: it raised; negative: a signal), standard output and error."""

    code: int
    out: str
    err: str


class Users:
    """Programs of several users of this machine. What they are given by name stands in `zygote`."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._playing: list[int] = []
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/"}
        environment["PYTHONWARNINGS"] = "ignore"  # that it forks beside threads of its own: they are idle
        self._process = subprocess.Popen(
            [sys.executable, "-c", (Path(__file__).parent / "zygote.py").read_text()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd="/",
        )
        assert self._answer() == "ready"

    def play(self, uid: int, source: str, *arguments: object, **more: Any) -> Played:
        """Run a program as a user, to its end.

        Args:
            source: the program; `arguments` are its arguments, `path` the first of them.
            more: gid, groups, umask, timeout (seconds), environ.
        """
        code = int(self._order(uid, source, arguments, waits=True, **more))
        return Played(code, (self._scratch / "out").read_text(), (self._scratch / "err").read_text())

    def attack(self, source: str, *arguments: object, uid: int = ATTACKER, **more: Any) -> None:
        """Begin a program of the attacker's that goes on until `end_attacks`; it says when it has begun."""
        begun = self._scratch / f"begun{len(self._playing)}"
        begun.touch()
        os.chown(begun, uid, uid)
        said = f"open({str(begun)!r}, 'w').write('begun')\n"
        own = {name: str(self._scratch / f"{name}{len(self._playing)}") for name in ("out", "err")}
        self._playing.append(int(self._order(uid, said + source, arguments, waits=False, **more, **own)))
        while not begun.read_text():
            time.sleep(0.005)

    def end_attacks(self) -> None:
        """Kill the attackers, and wait for their ends."""
        while self._playing:
            self._send({"end": self._playing.pop()})

    def close(self) -> None:
        """End all of them."""
        self.end_attacks()
        self._process.communicate(timeout=20)

    def _order(self, uid: int, source: str, arguments: tuple[object, ...], **more: Any) -> str:
        order = {
            "uid": uid,
            "gid": uid,
            "groups": [],
            "umask": 0o022,
            "timeout": 60,
            "environ": {},
            "source": source,
            "arguments": [str(each) for each in arguments],
            "out": str(self._scratch / "out"),
            "err": str(self._scratch / "err"),
        }
        return self._send(order | more)

    def _send(self, order: dict[str, Any]) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextlib.contextmanager
def public() -> Iterator[Path]:
    """A folder of root's that every user can get at; pytest's own are private to theirs."""
    with tempfile.TemporaryDirectory(prefix="cuebook-users-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def shared_folder(above: Path, name: str = "shared", mode: int = 0o1777, uid: int = 0, gid: int = 0) -> Path:
    """A folder in a public one, as /tmp is where nothing else is said."""
    folder = above / name
    folder.mkdir()
    os.chown(folder, uid, gid)
    folder.chmod(mode)
    return folder


def give(path: Path, uid: int, gid: int | None = None, mode: int | None = None) -> None:
    """Give all files of a journal, or one file, to a user."""
    for each in [path, *path.parent.glob(f"{path.name}?*")]:
        os.chown(each, uid, uid if gid is None else gid, follow_symlinks=False)
        if mode is not None and not each.is_symlink():
            each.chmod(mode)


class _Evil:
    def __init__(self, marker: str) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"echo `id -u` >> {self.marker}",)


def evil_value(marker: Path) -> bytes:
    """An encoded value that, opened with trust, writes who has opened it into `marker`."""
    stream = pickle.dumps(_Evil(str(marker)), protocol=5)
    reference = msgpack.packb(msgpack.ExtType(51, msgpack.packb([0, 0, len(stream), "builtins", "int"])))
    pickled: bytes = msgpack.packb(msgpack.ExtType(50, msgpack.packb([stream, [], 1, reference])))
    return pickled


def run_entries(func: Any, calls: list[Any], values: list[bytes], number: int = 1) -> list[Entry]:
    """The records of a finished run of `func` with these encoded results."""
    print_ = fingerprint(func)
    count = len(calls)
    head = RunOpened(
        number=number,
        function=print_.name,
        fingerprint=print_.digest,
        algorithm=ALGORITHM,
        parts=(),
        opaque=(),
        packages=(),
        total=count,
        source=Source.LIST,
        reuse=Reuse.CALLS,
        options={},
        host="h",
        pid=1,
        python="3",
        started=1.7e9,
        command="c",
    )
    zeros = struct.pack(f"<{count}f", *[0.0] * count)
    lengths = struct.pack(f"<{count}I", *map(len, values))
    done = Completed(0, None, count, 1.7e9, zeros, zeros, lengths)
    return [
        Entry(Kind.RUN_OPENED, number, head.encode()),
        *argument_entries(number, encode_blocks(calls), 0),
        Entry(Kind.COMPLETED, number, done.encode(), b"".join(values)),
        Entry(Kind.RUN_CLOSED, number, RunClosed(Closing.FINISHED, 1.7e9, count, 0, 0).encode()),
    ]


def journal_of(path: Path, func: Any, calls: list[Any], values: list[bytes]) -> Path:
    """A journal with such a run; its side files are gone."""
    write(path, run_entries(func, calls, values))
    return path


def rollback_journal(database: bytes) -> bytes:
    """A hot rollback journal that makes any database into this one (https://sqlite.org/fileformat2.html, 3)."""
    page_size = struct.unpack(">H", database[16:18])[0]
    page_size = 65536 if page_size == 1 else page_size
    pages = len(database) // page_size
    out = bytes.fromhex("d9d505f920a163d7") + struct.pack(">IIIII", pages, 7, pages, 512, page_size)
    out = out.ljust(512, b"\0")
    for number in range(pages):
        page = database[number * page_size : (number + 1) * page_size]
        check = 7 + sum(page[place] for place in range(page_size - 200, 0, -200))
        out += struct.pack(">I", number + 1) + page + struct.pack(">I", check & 0xFFFFFFFF)
    return out


def is_open_to_others(path: Path) -> bool:
    """Whether its mode lets others write to it."""
    return bool(path.stat().st_mode & (stat.S_IWOTH | stat.S_IWGRP))
