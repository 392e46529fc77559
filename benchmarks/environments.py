"""An environment for each peer, made when it is first needed and kept in a cache outside of the checkout.

So ours never needs theirs. Knows no benchmark.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.pythons import find

PEERS = Path(__file__).parent / "peers"
_BLOCK = re.compile(r"^# /// script\n((?:#.*\n)+?)# ///$", re.MULTILINE)
INSTALL_S = 900


class NoEnvironment(Exception):
    """A peer cannot be installed here; the text says why."""


@dataclass(frozen=True)
class Peer:
    """A script that does the job of `peer_job` with another library.

    Attributes:
        path: the script.
        name: as tables have it.
        kind: "durable", or "pool" where nothing is kept.
        durability: what of its results survives, and by what means.
        calls_max: more calls than these would take too long.
        requirements, python: what it needs, as PEP 723 has it.
    """

    path: Path
    name: str
    kind: str
    durability: str
    calls_max: int | None
    requirements: tuple[str, ...]
    python: str


def peers(folder: Path = PEERS) -> list[Peer]:
    """All there are: each script that says what it is."""
    found = [_peer(path) for path in sorted(folder.glob("*.py"))]
    return [peer for peer in found if peer is not None]


def _peer(path: Path) -> Peer | None:
    text = path.read_text()
    block = _BLOCK.search(text)
    if block is None:
        return None
    needs = tomllib.loads("".join(line[2:] for line in block[1].splitlines(keepends=True)))
    said = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id.isupper()
    }
    return Peer(
        path,
        said["NAME"],
        said["KIND"],
        said["DURABILITY"],
        said.get("CALLS_MAX"),
        tuple(needs["dependencies"]),
        needs.get("requires-python", ""),
    )


def python_of(peer: Peer) -> Path:
    """The interpreter of a peer's environment; its own for those that need nothing.

    Raises:
        NoEnvironment: it cannot be made.
    """
    base = _base(peer)
    if not peer.requirements:
        return base
    told = "\n".join([*sorted(peer.requirements), str(base)])
    folder = _cache() / hashlib.sha256(told.encode()).hexdigest()[:16]
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        _make(folder, base, python, peer.requirements)
        (folder / "complete").write_text(told)
    return python


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get("BENCH_CACHE", str(Path(home) / "cuebook-bench")))


def _base(peer: Peer) -> Path:
    match = re.fullmatch(r">=3\.(\d+)", peer.python)
    if match is None or sys.version_info >= (3, int(match[1])):
        return Path(sys.executable)
    found = find(f"3.{match[1]}")
    if found is None:
        raise NoEnvironment(f"it needs Python 3.{match[1]} or newer, and there is none here")
    return found


def _make(folder: Path, base: Path, python: Path, requirements: tuple[str, ...]) -> None:
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    folder.parent.mkdir(parents=True, exist_ok=True)
    if uv is not None:
        _done([uv, "venv", "--quiet", "--python", base, folder])
        _done([uv, "pip", "install", "--quiet", "--python", python, *requirements])
    else:
        _done([base, "-m", "venv", folder])
        _done([python, "-m", "pip", "install", "--quiet", *requirements])


def _done(command: list[Any]) -> None:
    try:
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=INSTALL_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise NoEnvironment(f"installing it took more than {INSTALL_S} s") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no word of why"])[-1]
        raise NoEnvironment(f"it does not install: {last.strip()}")
