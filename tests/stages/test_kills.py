"""Kills at random moments of a pipeline that maps over rows, from one process and many: nothing finished is repeated."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import cuebook
from tests.support.scripts import ROOT

ROWS = 60
PIPELINE = f"""
import os, time
import cuebook

def note(text):
    descriptor = os.open("calls", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, (text + "\\n").encode())
    os.close(descriptor)

def enrich(row):
    note(f"begin {{row}}")
    time.sleep(0.004)
    note(f"end {{row}}")
    return row * 2

@cuebook.stage
def load():
    note("load")
    return list(range({ROWS}))

@cuebook.stage
def enriched(rows):
    return cuebook.chunk(enrich, [[row] for row in rows], workers=2, batch=1, progress_bar=False)

@cuebook.stage
def total(rows):
    note("total")
    return sum(rows)

print(total(enriched(load())))
"""


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
def test_killed_at_random_moments_nothing_that_was_committed_is_repeated(
    tmp_path: Path, seed: int, sent: signal.Signals
) -> None:
    (tmp_path / "script.py").write_text(PIPELINE)
    chance = random.Random(seed)
    environment = {**os.environ, "PYTHONPATH": ROOT}
    kills = 0
    while True:
        running = subprocess.Popen(
            [sys.executable, "script.py"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        timer = threading.Timer(chance.uniform(0.3, 1.2), running.send_signal, [sent])
        if kills < 6:
            timer.start()
        out, error = running.communicate(timeout=60)
        timer.cancel()
        if running.returncode == 0:
            break
        kills += 1
        assert running.returncode in (-sent, 128 + sent), error.decode()

    calls = (tmp_path / "calls").read_text().split("\n")
    assert out.decode().strip() == str(sum(2 * row for row in range(ROWS)))
    assert calls.count("total") <= 1 + kills
    for row in range(ROWS):
        assert calls.count(f"end {row}") >= 1
    repeated = sum(calls.count(f"begin {row}") - 1 for row in range(ROWS))
    assert repeated <= 4 * kills, "more was repeated than was on its way to the journal"


def test_stages_in_threads_belong_to_the_job_that_was_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUEBOOK_DIR", str(tmp_path / ".cuebook"))
    made: list[int] = []

    @cuebook.stage
    def made_in_thread(number: int) -> int:
        made.append(number)
        return number

    for _ in range(2):
        with cuebook.job("threads"):
            threads = [threading.Thread(target=made_in_thread, args=(number % 2,)) for number in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    assert sorted(made) == [0, 1]
