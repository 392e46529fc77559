"""Runs a peer: a process for the job and another one that takes it up, with a limit of time. Knows no table."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.environments import Peer, python_of
from benchmarks.surroundings import disk_folder

LIMIT_S = 180
PATIENCE_S = 10


class PeerFailed(Exception):
    """A peer gave no answer; the text says what it said."""


@dataclass(frozen=True)
class PeerTimes:
    """What one round of a peer took.

    Attributes:
        run_s: the calls alone. start_s: from the start of its process until it could make calls.
        resume_s: the same job again in a second process, all of it being finished; None where nothing is kept.
        versions: of its packages.
    """

    run_s: float
    start_s: float
    resume_s: float | None
    versions: dict[str, str]


def measured(peer: Peer, calls: int, workers: int) -> PeerTimes:
    """One round, in a new folder.

    Raises:
        NoEnvironment, PeerFailed.
    """
    python = python_of(peer)
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=disk_folder(), ignore_cleanup_errors=True) as name:
        told = {"calls": calls, "workers": workers, "folder": name}
        first = _answer(peer, python, {**told, "phase": "run"})
        again = _answer(peer, python, {**told, "phase": "resume"}) if peer.kind == "durable" else None
    return PeerTimes(first["seconds"], first["start_s"], None if again is None else again["seconds"], first["versions"])


def _answer(peer: Peer, python: Path, told: dict[str, Any]) -> dict[str, Any]:
    ours = {"PYTHONPATH": str(Path(__file__).parent.parent)} if not peer.requirements else {}
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | ours
    command = [str(python), str(peer.path), json.dumps({**told, "launched": time.time()})]
    process = subprocess.Popen(
        command,
        cwd=told["folder"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired as error:
        raise PeerFailed(f"it took more than {LIMIT_S} s in the phase {told['phase']!r}") from error
    finally:
        _end(process)
    lines = out.strip().splitlines()
    if process.returncode or not lines:
        last = (err.strip().splitlines() or ["no word of why"])[-1]
        raise PeerFailed(f"exit code {process.returncode} in the phase {told['phase']!r}: {last[:300]}")
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def _end(process: subprocess.Popen[str]) -> None:
    """End it with what it has started: servers and workers of a peer are not to slow the next one down."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    try:
        process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:  # what has a session of its own still holds the pipe
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
