"""The command and trust: a variable that means nothing, copies that are not private, journals that are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from cuebook import chunk
from cuebook.cli.command import main


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    chunk(len, [["abc"]], path=tmp_path / "a.cue", where="thread")
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    return tmp_path / "a.cue"


def test_a_variable_that_means_nothing_is_wrong_use(
    journal: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CUEBOOK_TRUST", "yes")
    assert main(["show", str(journal)]) == 2
    assert "CUEBOOK_TRUST='yes' is neither group nor anyone" in capsys.readouterr().err
    assert main(["--version"]) == 0


@pytest.mark.parametrize("words", [["backup"], ["recover", "-o"]])
@pytest.mark.parametrize("trust", [None, "anyone"])
def test_a_copy_that_is_not_private_says_so(
    journal: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    trust: str | None,
) -> None:
    if trust is not None:
        monkeypatch.setenv("CUEBOOK_TRUST", trust)
    new = journal.parent / "open" / "new.cue"
    assert main([words[0], str(journal), *words[1:], str(new)]) == 0
    said = capsys.readouterr().err
    if trust is None:
        assert said.startswith(f"cuebook: the new journal {new} is not private: everybody can replace it")
    else:
        assert said == ""


@pytest.mark.parametrize("words", ["show", "why", "export", "verify", "watch"])
def test_reading_works_where_others_can_exchange_files_and_leaves_nothing(
    journal: Path, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    folder = journal.parent
    folder.chmod(0o777)
    before = sorted(each.name for each in folder.iterdir())
    assert main([words, str(journal)]) == 0
    assert capsys.readouterr().err == ""
    assert sorted(each.name for each in folder.iterdir()) == before
