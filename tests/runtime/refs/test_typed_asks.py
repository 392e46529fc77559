"""A type checker knows the type of an answer, and finds a wrong message before it is sent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAMS = sorted((Path(__file__).parents[2] / "typing").glob("*.py"))


def test_there_are_programs_to_be_read() -> None:
    assert len(PROGRAMS) >= 3


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_mypy_finds_the_errors_and_no_others(program: Path, tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    options = ["--strict", "--hide-error-context", "--no-error-summary", "--follow-imports", "silent", "--cache-dir"]
    command = [sys.executable, "-m", "mypy", *options, str(tmp_path), str(program)]
    found = subprocess.run(command, capture_output=True, text=True, cwd=program.parents[2], check=False).stdout
    errors = {(int(line.split(":")[1]), line.rsplit("  ", 1)[1]) for line in found.splitlines() if ": error: " in line}
    lines = enumerate(program.read_text().splitlines(), 1)
    expected = {(number, line.partition("# error: ")[2]) for number, line in lines if "# error: " in line}
    assert expected <= errors, found
    assert {number for number, _ in errors} == {number for number, _ in expected}, found
