"""What the journal says of a failed call: when its last attempt began, and how long it took."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from cuebook import chunk
from cuebook.cli.command import main

MILLISECOND = 0.001
"""What `show --json` rounds a moment to."""


def busy(seconds: float) -> None:
    """Use this much of the wall clock."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def fails(x: int) -> None:
    busy(0.03)
    raise ValueError(x)


async def fails_too(x: int) -> None:
    fails(x)


def fails_quickly_at_last(x: int) -> None:
    from cuebook import current_call

    if current_call().attempt == 1:
        busy(0.3)
    raise ValueError(x)


def failure_in(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[float, float]:
    """Start and duration of the one failed call of the first run, as `cuebook show --failures --json` tells them."""
    capsys.readouterr()
    assert main(["show", str(path), "--failures", "--run", "1", "--json"]) == 0
    (failure,) = json.loads(capsys.readouterr().out)["failures"]
    return datetime.fromisoformat(failure["started"]).timestamp(), failure["seconds"]


@pytest.mark.parametrize(("where", "func"), [("process", fails), ("thread", fails), ("async", fails_too)])
def test_a_failed_call_is_recorded_with_its_start_and_duration(
    where: str, func: Callable[[int], Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, before = tmp_path / "a.cue", time.time()
    chunk(func, [[1]], path=path, where=where, errors="collect")
    started, seconds = failure_in(path, capsys)
    assert 0.03 <= seconds <= time.time() - before
    assert before - MILLISECOND <= started <= time.time() - 0.03 + MILLISECOND


def test_of_several_attempts_the_last_one_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, before = tmp_path / "a.cue", time.time()
    chunk(fails_quickly_at_last, [[1]], path=path, where="thread", errors="collect", retries=1, backoff=0)
    started, seconds = failure_in(path, capsys)
    assert started >= before + 0.3 - MILLISECOND
    assert seconds <= time.time() - before - 0.3


RELEASE = threading.Event()


def hangs(x: int) -> None:
    busy(60)


def hangs_in_a_thread(x: int) -> None:
    RELEASE.wait(60)


@pytest.mark.parametrize(("where", "func"), [("process", hangs), ("thread", hangs_in_a_thread)])
def test_a_call_over_its_time_is_recorded_with_the_time_that_it_had(
    where: str, func: Callable[[int], Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    RELEASE.clear()
    path, before = tmp_path / "a.cue", time.time()
    try:
        chunk(func, [[1]], path=path, where=where, timeout=0.1, errors="collect")
    finally:
        RELEASE.set()
    started, seconds = failure_in(path, capsys)
    assert 0.1 <= seconds <= time.time() - before
    assert before - MILLISECOND <= started <= time.time() - 0.1 + MILLISECOND
