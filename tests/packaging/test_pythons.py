"""Interpreters are found wherever they lie, and only those that work count."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tools import matrix, pythons

VERSION = "3.99"
"""One that is on no machine: what is found is the test's own."""


def interpreter(path: Path, says: str = f"cpython {VERSION}.2", code: int = 0) -> Path:
    """A program that answers as an interpreter does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\nexit {code}\n")
    path.chmod(0o755)
    return path


def test_one_on_the_path_is_found(tmp_path: Path) -> None:
    there = interpreter(tmp_path / "bin" / f"python{VERSION}")

    assert pythons.find(VERSION, {"PATH": f"/nowhere:{tmp_path}/bin", "HOME": str(tmp_path)}) == there


@pytest.mark.parametrize("told", ["PYENV_ROOT", "HOME", "PATH"])
def test_pyenvs_versions_are_found_by_its_variable_at_home_or_beside_its_shims(tmp_path: Path, told: str) -> None:
    """The newest patch release; a shim of a version that is not switched on does not count."""
    root = tmp_path / ".pyenv"
    for patch in (9, 10, 2):
        interpreter(root / "versions" / f"{VERSION}.{patch}" / "bin" / f"python{VERSION}", f"cpython {VERSION}.{patch}")
    interpreter(root / "shims" / f"python{VERSION}", "pyenv: command not found", 127)
    environ = {"PATH": "/nowhere", "HOME": "/nowhere"}
    environ |= {"PYENV_ROOT": {told: str(root)}, "HOME": {told: str(tmp_path)}, "PATH": {told: str(root / "shims")}}[
        told
    ]

    assert pythons.find(VERSION, environ) == root / "versions" / f"{VERSION}.10" / "bin" / f"python{VERSION}"


def test_one_that_uv_brought_is_found(tmp_path: Path) -> None:
    name = f"cpython-{VERSION}.2-linux-x86_64-gnu"
    there = interpreter(tmp_path / ".local/share/uv/python" / name / "bin" / f"python{VERSION}")

    assert pythons.find(VERSION, {"PATH": "/nowhere", "HOME": str(tmp_path)}) == there


def test_one_that_only_uv_knows_of_is_found(tmp_path: Path) -> None:
    there = interpreter(tmp_path / "elsewhere" / f"python{VERSION}")
    interpreter(tmp_path / "bin" / "uv", str(there))

    assert pythons.find(VERSION, {"PATH": f"{tmp_path}/bin:/bin:/usr/bin", "HOME": str(tmp_path)}) == there


@pytest.mark.parametrize(
    ("says", "code"),
    [(f"cpython {VERSION}.2", 1), ("cpython 3.98.1", 0), (f"pypy {VERSION}.2", 0), (f"cpython {VERSION}", 0), ("", 0)],
)
def test_what_is_no_working_cpython_of_that_version_does_not_count(tmp_path: Path, says: str, code: int) -> None:
    interpreter(tmp_path / "bin" / f"python{VERSION}", says, code)

    assert pythons.find(VERSION, {"PATH": f"{tmp_path}/bin", "HOME": str(tmp_path)}) is None


def test_the_interpreter_that_runs_this_is_found_first() -> None:
    assert pythons.find(f"{sys.version_info[0]}.{sys.version_info[1]}", {}) == Path(sys.executable)


def test_a_version_is_looked_for_and_what_runs_is_taken_as_it_is() -> None:
    mine = f"{sys.version_info[0]}.{sys.version_info[1]}"

    assert pythons.chosen(mine) == sys.executable
    assert pythons.chosen(sys.executable) == sys.executable
    assert pythons.chosen(f"python{VERSION}") == f"python{VERSION}"


def test_a_python_that_is_not_there_is_named_and_fails_in_ci_alone() -> None:
    on_a_desk = matrix.verdict([], ["3.12"], is_ci=False)
    in_ci = matrix.verdict([], ["3.12"], is_ci=True)

    assert "NOT TESTED" in on_a_desk.text
    assert "3.12" in on_a_desk.text
    assert not on_a_desk.is_failure
    assert in_ci.is_failure


def test_a_python_that_fails_is_a_failure_everywhere() -> None:
    assert matrix.verdict(["3.12.1"], [], is_ci=False).is_failure
    assert not matrix.verdict([], [], is_ci=True).is_failure
