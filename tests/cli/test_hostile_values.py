"""Values that somebody has crafted, in what commands print."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cuebook import chunk
from cuebook.cli.command import main


def test_texts_that_spreadsheets_take_for_formulas_are_texts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.cue"
    texts = ["=1+1", "+1", "-1", "@x", "\x1b[31m", "plain"]
    chunk(str, [[text] for text in texts], path=path, where="thread")
    assert main(["export", "--csv", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    cells = [line.rsplit('"]"', 1)[-1].split(",")[1] for line in shown.splitlines()[1:]]
    assert cells == ["'=1+1", "'+1", "'-1", "'@x", "\\x1b[31m", "plain"], os.linesep.join(cells)


def test_a_huge_whole_number_is_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, number = tmp_path / "x.cue", 7**9000
    chunk(pow, [[7, 9000]], path=path, where="thread")
    assert main(["export", str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["value"] == {"$type": "int", "repr": hex(number)}
    for command in ("show", "show --json", "export --csv", "why"):
        name, *options = command.split()
        assert main([name, str(path), *options]) == 0
