"""A type checker knows the type of an answer, and finds a wrong message before it is sent."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROGRAMS = sorted((ROOT / "tests" / "typing").glob("*.py"))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[tuple[int, str]]]:
    """Line and code of what mypy finds, by the name of the program: all are read in one go, which is most of the time."""
    pytest.importorskip("mypy")
    options = ["--strict", "--hide-error-context", "--no-error-summary", "--follow-imports", "silent", "--cache-dir"]
    cache = str(tmp_path_factory.mktemp("mypy"))
    command = [sys.executable, "-m", "mypy", *options, cache, *map(str, PROGRAMS)]
    said = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False).stdout
    errors: dict[str, set[tuple[int, str]]] = defaultdict(set)
    for line in said.splitlines():
        if ": error: " in line:
            path, number, *_ = line.split(":")
            errors[Path(path).name].add((int(number), line.rsplit("  ", 1)[1]))
    return errors


def test_there_are_programs_to_be_read() -> None:
    assert len(PROGRAMS) >= 7


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_mypy_finds_the_errors_and_no_others(program: Path, found: dict[str, set[tuple[int, str]]]) -> None:
    errors = found[program.name]
    lines = enumerate(program.read_text().splitlines(), 1)
    expected = {(number, line.partition("# error: ")[2]) for number, line in lines if "# error: " in line}
    assert expected <= errors, errors
    assert {number for number, _ in errors} == {number for number, _ in expected}, errors
