"""What a clean clone must pass: every job is run, a failure ends it, and the end says how it went."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from benchmarks.__main__ import names
from tools.claims import ROOT

SCRIPT = ROOT / ".ci" / "run"
JOBS = ["lint", "test", "test-newest", "test-lowest", "test-pythons", "test-cluster", "test-wheel"]
MAKE = """#!/bin/sh
echo "$1" >> made
echo "CI is $CI"
echo "=== 7 passed, 2 skipped in 0.01s ==="
[ "$1" != "$FAILING" ]
"""


def run_ci(folder: Path, failing: str = "") -> tuple[int, list[str], list[str]]:
    """Run the script beside a `make` that only says what it was asked for; exit code, jobs, printed lines."""
    (folder / ".ci").mkdir()
    shutil.copy(SCRIPT, folder / ".ci" / "run")
    (folder / "bin").mkdir()
    (folder / "bin" / "make").write_text(MAKE)
    (folder / "bin" / "make").chmod(0o755)
    environ = {name: value for name, value in os.environ.items() if name != "CI"}
    environ |= {"PATH": f"{folder}/bin:{os.environ['PATH']}", "FAILING": failing}
    command = ["bash", str(folder / ".ci" / "run")]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, stdin=subprocess.DEVNULL)
    return done.returncode, (folder / "made").read_text().split(), done.stdout.splitlines()


@pytest.mark.skipif(not SCRIPT.exists(), reason="an sdist has no CI")
def test_every_job_is_run_and_the_last_lines_say_how_long_each_took_and_how_the_tests_ended(tmp_path: Path) -> None:
    code, made, printed = run_ci(tmp_path)

    assert code == 0
    assert made == JOBS
    assert "CI is true" in printed
    assert [line.split(":")[0] for line in printed[-10:-3]] == [f"== make {job}" for job in JOBS]
    assert printed[-3:] == ["=== 7 passed, 2 skipped in 0.01s ==="] * 3


@pytest.mark.skipif(not SCRIPT.exists(), reason="an sdist has no CI")
@pytest.mark.parametrize("failing", JOBS)
def test_a_job_that_fails_ends_it_with_a_failure(tmp_path: Path, failing: str) -> None:
    code, made, _ = run_ci(tmp_path, failing)

    assert code != 0
    assert made[-1] == failing


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_the_main_job_needs_the_core_alone_and_each_job_sets_up_what_it_runs_in() -> None:
    def planned(*arguments: str) -> str:
        environ = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "PYTHON")}
        command = ["make", "--dry-run", "--directory", str(ROOT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=environ).stdout

    assert re.findall(r"tools\.environment (\w+) (\S+)", planned("run")) == [("core", ".venv")]
    assert re.findall(r"tools\.environment (\w+) (\S+)", planned("test")) == [("dev", ".venv")]
    assert re.findall(r"tools\.environment (\w+) (\S+)", planned("test", "PYTHON=python3")) == [
        ("dev", ".venv-python3")
    ]
    assert re.findall(r"tools\.environment (\w+) (\S+)", planned("test-cluster")) == [("cluster", ".venv-cluster")]
    for job in [job for job in JOBS[2:] if job != "test-cluster"]:
        assert re.findall(r"tools\.environment (\w+) (\S+)", planned(job)) == [("tools", ".venv-tools")]


def test_every_benchmark_is_found_and_can_be_run() -> None:
    files = {path.stem.removeprefix("bench_"): path for path in (ROOT / "benchmarks").glob("bench_*.py")}

    assert names() == sorted(files)
    assert "durable" in files
    for path in files.values():
        functions = {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}
        assert "main" in functions, path
