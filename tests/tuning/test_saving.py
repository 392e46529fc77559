"""Settings that are saved are found again by the function's name, and no other byte of the file changes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import cuebook
from cuebook.api.saved_settings import settings_name, with_saved
from cuebook.cli.command import main
from cuebook.persistence.history.replay import state_of
from cuebook.persistence.journal.reader import open_reader
from cuebook.tuning.measured import CallSetting
from cuebook.tuning.saving import save_settings, settings_table, with_entry
from tests.support.runs import environment

NAME = "saved_work:fetch"
KEYS = ("tool", "cuebook", NAME)
TABLE = {"thread": {"workers": 64, "batch": 16}, "process": {"workers": 2}}
PROJECT = '# ours\n[project]\nname = "x"  # a name\n\n[tool.other]\ntext = """\n[tool.cuebook]\n"""\n'


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module in a folder below one that has a project."""
    folder = tmp_path / "src"
    folder.mkdir()
    (folder / "saved_work.py").write_text("def fetch(n):\n    return n\n\n\ndef other(n):\n    return n\n")
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    monkeypatch.syspath_prepend(str(folder))
    sys.modules.pop("saved_work", None)
    return __import__("saved_work")


def test_the_best_of_each_place_is_saved_and_never_where_to_run() -> None:
    ranking = [CallSetting("thread", 64, 16), CallSetting("thread", 8), CallSetting("process", 2)]

    assert settings_table(ranking) == TABLE


def test_saved_settings_are_taken_in_their_place_and_only_where_nothing_is_said(
    work: ModuleType, tmp_path: Path
) -> None:
    assert save_settings(work.fetch, TABLE) == tmp_path / "pyproject.toml"

    assert cuebook.Chunker(work.fetch).chunk_size == 2
    assert cuebook.Chunker(work.fetch, where="thread").chunk_size == 64
    assert with_saved(work.fetch, {"where": "thread"}) == {"where": "thread", "workers": 64, "batch": 16}
    assert with_saved(work.fetch, {"where": "async"}) == {"where": "async"}
    assert cuebook.Chunker(work.fetch, where="thread", workers=3).chunk_size == 3
    assert cuebook.Chunker(work.fetch, None, 5).chunk_size == 5
    assert with_saved(work.fetch, {"where": "thread", "batch": 4}) == {"where": "thread", "batch": 4}
    assert cuebook.Chunker(work.other, where="thread").chunk_size != 64


def test_a_run_takes_them(work: ModuleType, tmp_path: Path) -> None:
    save_settings(work.fetch, {"thread": {"workers": 3}})
    path = tmp_path / "run.cue"

    async def within() -> None:
        async with cuebook.Runtime(path, where="thread", progress_bar=False) as runtime:
            await runtime.chunk(work.fetch, [[1], [2]])
            await runtime.chunk(work.fetch, [[3], [4]], workers=2)

    asyncio.run(within())
    with open_reader(path) as reader:
        assert [run.opened.options["chunk_size"] for run in state_of(reader).runs.values()] == [3, 2]


def test_all_else_in_the_file_stays_byte_by_byte_and_saving_again_replaces_the_entry(
    work: ModuleType, tmp_path: Path
) -> None:
    path = tmp_path / "pyproject.toml"
    save_settings(work.other, {"process": {"workers": 1}})
    save_settings(work.fetch, TABLE)
    save_settings(work.fetch, {"thread": {"workers": 32}})

    text = path.read_text()
    assert text.startswith(PROJECT)
    assert text.count(NAME) == 1
    assert tomllib.loads(text)["tool"]["cuebook"] == {
        "saved_work:other": {"process": {"workers": 1}},
        NAME: {"thread": {"workers": 32}, "process": {"workers": 2}},
    }
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".py")] == []


@pytest.mark.parametrize(
    "old",
    [
        "",
        f'[tool.cuebook."{NAME}"]\nworkers = 1\n',
        f"[tool.cuebook]\n'{NAME}' = {{ workers = 1 }}\nelse = 1\n",
        f'[tool.cuebook."{NAME}".thread]\nworkers = 1\n[tool.cuebook."{NAME}".process]\nworkers = 1\n[b]\nc = 1\n',
        "[a]\r\nb = 1\r\n",
    ],
)
def test_whatever_form_an_entry_had_it_is_replaced(old: str) -> None:
    new = with_entry(old, KEYS, TABLE)

    assert new is not None
    found = tomllib.loads(new)
    assert found["tool"]["cuebook"].pop(NAME) == TABLE
    before = tomllib.loads(old)
    before.get("tool", {}).get("cuebook", {}).pop(NAME, None)
    assert {**found.pop("tool")["cuebook"], **found} == {**before.pop("tool", {}).get("cuebook", {}), **before}
    assert ("\r\n" in new) == ("\r\n" in old)


@pytest.mark.parametrize(
    "old", [f'[tool]\ncuebook = {{ "{NAME}" = {{ workers = 1 }} }}\n', 'a = """\n[tool.cuebook]\n"b"="""\n']
)
def test_what_cannot_be_changed_safely_is_left_alone(old: str) -> None:
    found = with_entry(old, KEYS, TABLE)

    assert found is None or tomllib.loads(found)["tool"]["cuebook"] == {NAME: TABLE}


def test_without_a_project_a_file_is_made_beside_the_function(
    work: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cuebook.tuning.saving.settings_files", lambda func: iter(()))

    assert save_settings(work.fetch, TABLE) == tmp_path / "src" / "cuebook.toml"
    assert cuebook.Chunker(work.fetch, where="thread").chunk_size == 64


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ("where = 'thread'", "no setting 'where'"),
        ("workers = 0", "at least 1"),
        ("workers = true", "whole number"),
        ("thread = 4", "no table"),
        ("thread = { process = { workers = 1 } }", "no setting 'process'"),
        ("workers = ", "cannot be read"),
    ],
)
def test_what_is_no_setting_is_refused_with_the_name_of_the_file(
    work: ModuleType, tmp_path: Path, entry: str, text: str
) -> None:
    (tmp_path / "src" / "cuebook.toml").write_text(f'["{NAME}"]\n{entry}\n')

    with pytest.raises(ValueError, match=text) as caught:
        cuebook.Chunker(work.fetch)
    assert "cuebook.toml" in str(caught.value)


def test_a_pyproject_that_is_half_written_and_does_not_mean_us_is_left_alone(work: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "src" / "pyproject.toml").write_text('[project]\ndependencies = ["cuebook"\n<<<<<<< HEAD\n')
    assert dict(with_saved(work.fetch, {"where": "thread"})) == {"where": "thread"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_above_the_function_says_nothing(work: ModuleType, tmp_path: Path) -> None:
    planted = tmp_path / "cuebook.toml"
    planted.write_text(f'["{NAME}"]\nworkers = 100000\n')
    assert with_saved(work.fetch, {}) == {"workers": 100000}

    os.chown(planted, 54321, -1)
    assert with_saved(work.fetch, {}) == {}

    os.chown(tmp_path / "src", 54321, -1)  # now it is the function's owner who says so
    assert with_saved(work.fetch, {}) == {"workers": 100000}


@pytest.mark.parametrize("func", [lambda n: n, str.upper, type("Odd", (), {"__call__": len, "__module__": 3})()])
def test_a_function_without_a_name_has_no_settings(func: Any) -> None:
    assert settings_name(func) is None


def test_nothing_can_be_saved_for_one_without_a_name() -> None:
    nameless: Any = lambda n: n  # noqa: E731
    with pytest.raises(ValueError, match="no name to be found by"):
        cuebook.tune(nameless, [[1]], budget=1, save=True)


def test_the_command_saves_and_the_script_itself_finds_it(
    work: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "src" / "saved_work.py").write_text(
        "import cuebook\n\n\ndef fetch(n):\n    return n\n\n\nif __name__ == '__main__':\n"
        "    print(cuebook.Chunker(fetch, where='thread').chunk_size)\n"
    )
    arguments = ["--parameters", "[[1], [2], [3]]", "--budget", "1s", "--where", "thread", "--save"]
    assert main(["tune", "src/saved_work.py:fetch", *arguments]) == 0

    saved = tomllib.loads((tmp_path / "pyproject.toml").read_text())["tool"]["cuebook"][NAME]
    assert f"Saved to {tmp_path / 'pyproject.toml'}: thread: workers={saved['thread']['workers']}" in (
        capsys.readouterr().out
    )
    done = subprocess.run(
        [sys.executable, "src/saved_work.py"], cwd=tmp_path, env=environment(), capture_output=True, text=True
    )
    assert done.stdout.strip() == str(saved["thread"]["workers"])


def test_a_file_is_parsed_once_as_long_as_it_does_not_change(
    work: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_settings(work.fetch, {"thread": {"workers": 3}})
    reads: list[str] = []
    monkeypatch.setattr(tomllib, "loads", lambda text, loads=tomllib.loads: reads.append(text) or loads(text))
    numbers = [cuebook.Chunker(work.fetch, where="thread").chunk_size for _ in range(3)]
    times = len(reads)
    save_settings(work.fetch, {"thread": {"workers": 5}})

    assert (numbers, times <= 1) == ([3, 3, 3], True)
    assert cuebook.Chunker(work.fetch, where="thread").chunk_size == 5
