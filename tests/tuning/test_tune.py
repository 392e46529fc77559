"""Tuning for real: a small function, a short budget, a journal, Ctrl-C."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import cuebook
from cuebook.cli.command import main
from cuebook.cli.tune import budget_s
from cuebook.notices import said_once, say
from tests.support.runs import environment


def product(a: int, b: int) -> int:
    return a * b


def fails(x: int) -> int:
    raise ValueError(f"not {x}")


def odd(x: int) -> int:
    time.sleep(0.005)
    if x % 2:
        raise ValueError("odd")
    return x


async def doubled(x: int) -> int:
    await asyncio.sleep(0)
    return 2 * x


def test_a_real_function_is_measured_within_its_budget_and_leaves_nothing_behind() -> None:
    threads = threading.active_count()
    begin = time.monotonic()
    tuning = cuebook.tune(product, [[i, 3] for i in range(100_000)], budget=3.0, where="thread")

    assert time.monotonic() - begin < 15
    assert tuning.best is not None
    assert tuning.rows[0].rate > 0
    assert not tuning.is_worth_it
    assert tuning.cost is not None
    assert tuning.cost.seconds < 50e-6
    assert "have the function take many items" in str(tuning)
    assert cuebook.chunk(product, [[2, 3]], progress_bar=False, **tuning.options) == [6]
    assert threading.active_count() <= threads


def test_results_of_the_sample_are_kept_and_reused_and_the_measured_runs_are_not_in_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "kept.cue"
    calls = [[i, 7] for i in range(20)]
    cuebook.tune(product, calls, budget=2.0, path=path, where="thread")

    plan = cuebook.chunk(product, calls, path=path, dry_run=True)
    assert (plan.reused, plan.to_do) == (20, 0)
    with cuebook.Journal.open(path) as journal:
        assert len(journal.runs) == 1
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".tuning")] == []


def test_what_a_tuning_that_was_killed_left_behind_is_removed_by_the_next_one_beside_it(tmp_path: Path) -> None:
    program = (
        "import os, signal, cuebook\nfrom tests.tuning.test_tune import product\n"
        "def dies(a):\n    if len(os.listdir('.')) > 2: os.kill(os.getppid(), signal.SIGKILL)\n    return a\n"
        "cuebook.tune(dies, [[1]] * 50, budget=20, path='kept.cue', where='process')\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment(), check=False, timeout=60)
    left = [each.name for each in tmp_path.iterdir() if each.name.startswith(".tuning-")]
    mine = tmp_path / f".tuning-{socket.gethostname()}-{os.getpid()}-x"  # that of a tuning that goes on
    mine.mkdir()
    cuebook.tune(product, [[1, 2]] * 5, budget=0.5, path=tmp_path / "other.cue", where="thread")

    assert len(left) == 1
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".tuning-")] == [mine.name]


def test_failures_of_the_many_runs_are_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    tuning = cuebook.tune(odd, [[n] for n in range(20)], budget=3.0, where="thread")

    assert sum(row.runs for row in tuning.rows) > 1
    assert capsys.readouterr().err.count("calls failed") == 1


def test_a_line_is_said_again_where_it_differs_in_more_than_its_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    with said_once():
        for text in ("3 of 18 calls failed (3 ValueError)", "33 of 1,620 calls failed (33 ValueError)", "1 KeyError"):
            say(text)
    say("33 of 162 calls failed (33 ValueError)")

    assert capsys.readouterr().err.splitlines() == [
        "cuebook: 3 of 18 calls failed (3 ValueError)",
        "cuebook: 1 KeyError",
        "cuebook: 33 of 162 calls failed (33 ValueError)",
    ]


class Scaled(cuebook.Worker):
    """Gives each call one argument more."""

    def setup(self) -> None:
        self.factor = 3

    def run(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        return func(self.factor, *args, **kwargs)


class Awaited(cuebook.Worker):
    async def setup(self) -> None:
        pass


def scaled(factor: int, x: int) -> int:
    time.sleep(0.002)
    return {3: x}[factor]


@pytest.mark.parametrize("where", ["thread", "process"])
def test_calls_are_measured_as_the_users_worker_makes_them(where: str, tmp_path: Path) -> None:
    tuning = cuebook.tune(scaled, [[n] for n in range(20)], budget=6.0, where=where, worker=Scaled)

    assert tuning.cost is not None
    assert tuning.cost.failed == 0
    assert tuning.cost.seconds >= 0.002
    assert not any("failed" in note for note in tuning.notes)
    with pytest.raises(TypeError, match="cannot be tuned"):
        cuebook.tune(scaled, [[1]], worker=Awaited)


async def slow_for_one(x: int) -> int:
    await asyncio.sleep(0.2 if x == 3 else 0.001)
    return x


def test_a_timeout_holds_in_the_measured_runs() -> None:
    tuning = cuebook.tune(slow_for_one, [[n] for n in range(4)], budget=8.0, where="async", timeout=0.05)

    assert tuning.rows
    assert any("of the calls failed" in note for note in tuning.notes)


def test_with_a_limit_of_memory_only_processes_are_tried() -> None:
    tuning = cuebook.tune(product, [[1, 2]] * 10, budget=3.0, memory_limit="2GB")

    tried = {*tuning.left_out, *(row.setting for row in tuning.rows)}
    assert {setting.where for setting in tried} <= {"process"}  # nothing, where the machine is very busy
    with pytest.raises(ValueError, match="memory_limit needs"):
        cuebook.tune(product, [[1, 2]], where="thread", memory_limit="2GB")


def test_a_coroutine_function_is_tuned_where_coroutines_run() -> None:
    tuning = cuebook.tune(doubled, [[i] for i in range(50)], budget=3.0, where="async")

    assert tuning.best is not None
    assert tuning.best.where == "async"


def test_it_works_where_a_loop_runs_already() -> None:
    async def within() -> cuebook.Tuning:
        return cuebook.tune(product, [[1, 2]] * 10, budget=0.5, where="thread")

    assert asyncio.run(within()).function == "product"


def test_a_function_that_always_fails_is_its_users_affair() -> None:
    with pytest.raises(cuebook.CallFailed, match="not 1"):
        cuebook.tune(fails, [[1]], budget=100.0)


@pytest.mark.parametrize(
    ("parameters", "options", "text"),
    [
        ([], {}, "parameters is empty"),
        (5, {}, "give a list of calls"),
        ({"a": 1}, {}, "give a list of calls"),
        ([1, 2], {}, "star=False"),
        ([[1, 2]], {"budget": 0}, "budget=0"),
        ([[1, 2]], {"where": "moon"}, "moon"),
        ([[1, 2]], {"where": "async"}, "coroutine"),
    ],
)
def test_wrong_use_is_said_before_anything_starts(parameters: Any, options: dict[str, Any], text: str) -> None:
    with pytest.raises((TypeError, ValueError), match=text):
        cuebook.tune(product, parameters, **options)


def test_lengths_of_time_are_read_and_others_refused() -> None:
    assert [budget_s(text) for text in ("60s", "2 min", "0.5", "500ms", "1h")] == [60.0, 120.0, 0.5, 0.5, 3600.0]
    for text in ("", "0s", "fast", "-3", "3 weeks"):
        with pytest.raises(ValueError, match="no length of time"):
            budget_s(text)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tuned_work.py").write_text(
        "import time\nSIZES = [1, 2, 3]\n"
        "def size(n):\n    print('called')\n    return n\n"
        "def nap(n):\n    print('napped')\n    time.sleep(0.01)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path


def test_the_command_prints_json_and_nothing_of_what_the_function_prints(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "--parameters",
        "[[n] for n in SIZES]",
        "--budget",
        "1s",
        "--where",
        "thread",
        "--json",
        "--html",
        "a.html",
    ]
    assert main(["tune", "tuned_work:size", *arguments]) == 0

    value = json.loads(capsys.readouterr().out)
    assert (value["schema"], value["function"], value["total"]) == (1, "size", 3)
    assert "Efficiency over workers" in (work / "a.html").read_text()


@pytest.mark.parametrize(
    ("name", "text"),
    [("calls.json", "[[1], [2]]"), ("calls.jsonl", '[1]\n{"n": 2}\n'), ("calls.csv", "n\n1\n2\n")],
)
def test_parameters_come_from_a_file(work: Path, capsys: pytest.CaptureFixture[str], name: str, text: str) -> None:
    (work / name).write_text(text)
    assert main(["tune", "tuned_work.py:size", "--parameters", name, "--budget", "1.5", "--where", "thread"]) == 0

    assert "size: a call takes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["tuned_work", "--parameters", "[]"], "names no function"),
        (["tuned_work:gone", "--parameters", "[]"], "no 'gone' in tuned_work"),
        (["tuned_work:SIZES", "--parameters", "[]"], "list, not a function"),
        (["nowhere_at_all:f", "--parameters", "[]"], "no module 'nowhere_at_all'"),
        (["tuned_work:size", "--parameters", "gone.csv"], "no file gone.csv"),
        (["tuned_work:size", "--parameters", "SIZES +"], "nor Python"),
        (["tuned_work:size", "--parameters", "SIZES", "--budget", "soon"], "no length of time"),
        (["tuned_work:size", "--parameters", "SIZES"], "star=False"),
    ],
)
def test_wrong_use_of_the_command_is_one_line(
    work: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], text: str
) -> None:
    assert main(["tune", *arguments]) == 2
    assert text in capsys.readouterr().err


def test_ctrl_c_gives_the_answer_of_what_was_measured(work: Path) -> None:
    command = [sys.executable, "-m", "cuebook", "tune", "tuned_work:nap", "--parameters", "[[n] for n in range(50)]"]
    process = subprocess.Popen(
        [*command, "--budget", "100s", "--where", "thread"],
        cwd=work,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr is not None
        for _ in range(200):  # more than the probe and the warm-up print
            process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)

    assert process.returncode == 0
    assert "Interrupted: this is what was measured until then." in out
