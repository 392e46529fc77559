"""Chains in a job of their own, run again and again in this process, and scripts for what needs a process."""

from __future__ import annotations

import linecache
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib.util import find_spec
from pathlib import Path

import pytest

import cuebook
from tests.support.scripts import ScriptFolder

collect_ignore_glob = [] if find_spec("polars") else ["test_*.py"]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], AbstractContextManager[object]]:
    """A run of one program: `with program():`; each is the next run of the same job."""
    monkeypatch.setenv("CUEBOOK_DIR", str(tmp_path / ".cuebook"))
    monkeypatch.chdir(tmp_path)
    return lambda: cuebook.job("chain")


class ScriptHere:
    """A script that is run in this process, each time as the next run of its job: an import of polars takes longer."""

    def __init__(self, path: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.path = path
        self.script = path / "script.py"
        self._capture = capture
        self.stderr = ""

    def write(self, text: str) -> None:
        self.script.write_text(text)

    def edit(self, old: str, new: str) -> None:
        text = self.script.read_text()
        assert old in text
        self.write(text.replace(old, new))

    def run(self, *, fails: type[BaseException] | None = None) -> tuple[str, list[str]]:
        """What it printed, and which calls it made."""
        (self.path / "calls").unlink(missing_ok=True)
        linecache.clearcache()
        self._capture.readouterr()
        code = compile(self.script.read_text(), str(self.script), "exec")
        with cuebook.job("script"):
            if fails is None:
                exec(code, {"__name__": "script"})
            else:
                with pytest.raises(fails):
                    exec(code, {"__name__": "script"})
        out, self.stderr = self._capture.readouterr()
        calls = self.path / "calls"
        return out.strip(), calls.read_text().split() if calls.exists() else []


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> ScriptHere:
    monkeypatch.setenv("CUEBOOK_DIR", str(tmp_path / ".cuebook"))
    monkeypatch.chdir(tmp_path)
    return ScriptHere(tmp_path, capsys)


@pytest.fixture
def folder(tmp_path: Path) -> ScriptFolder:
    return ScriptFolder(tmp_path)
