"""Each verdict has words, and its reader can go on: what is found, where, and each way out."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from cuebook.persistence.stores.sqlite.files import JournalFiles
from cuebook.persistence.trust.texts import new_journal_text, not_trusted, reason_of, refusal, ways_out
from cuebook.persistence.trust.verdicts import Finding, Untouchable, User, Verdict, Why, Writers
from tests.support.journals import opened, write
from tests.support.two_users import ATTACKER, needs_root

REFUSALS = {Why.LINK, Why.NOT_REGULAR, Why.NOT_A_FOLDER, Why.FOREIGN, Why.MOVED}
VERDICTS = [why for why in Why if why not in REFUSALS]
PATH = Path("/data/results.cue")


def writers(why: Why) -> Writers:
    everybody = {Why.OWNER, Why.LINKS, Why.EVERYONE, Why.FOLDER_EVERYONE}
    return Writers.ANYONE if why in everybody else Writers.GROUP


@pytest.mark.parametrize("why", VERDICTS, ids=lambda why: why.name)
def test_an_error_names_the_file_the_reason_and_the_ways_out(why: Why) -> None:
    verdict = Verdict(writers(why), Finding(why, "", 65534, 0o2775))
    error = not_trusted(verdict, PATH, f"{PATH} holds results")
    text = str(error)
    assert text.startswith(f"{PATH} holds results, and others may have written to it: {error.reason}.")
    assert error.reason == reason_of(verdict.finding, PATH)
    assert error.path == str(PATH)
    option = "anyone" if verdict.writers is Writers.ANYONE else "group"
    assert f'trust="{option}" (or CUEBOOK_TRUST={option} in the environment), if you trust ' in text
    assert "a folder that only you can write to" in text
    about = "/data " if why.name.startswith("FOLDER") else "/data/results.cue"
    assert about in f"{error.reason} "
    assert "\n" not in text
    said = new_journal_text(verdict, PATH)
    assert said.startswith(f"the new journal {PATH} is not private: {error.reason}. A later run takes ")
    assert f'trust="{option}"' in said


@pytest.mark.parametrize("why", sorted(REFUSALS, key=lambda why: why.name), ids=lambda why: why.name)
def test_a_refusal_names_the_file_and_what_to_do(why: Why) -> None:
    error = refusal(Untouchable(Finding(why, "-wal", 65534, stat.S_IFIFO)), PATH)
    assert str(error).startswith(f"{PATH}-wal ")
    assert error.path == f"{PATH}-wal"
    assert "nothing was opened" in str(error)
    assert re.search(r"(Remove|Have it removed)", str(error))


@pytest.mark.parametrize(
    ("mode", "folder_mode", "found"),
    [
        (0o666, 0o755, Writers.ANYONE),
        (0o660, 0o755, Writers.GROUP),
        (0o600, 0o777, Writers.ANYONE),
        (0o600, 0o775, Writers.GROUP),
    ],
)
@pytest.mark.parametrize("way", [0, 1])
def test_each_command_that_is_named_makes_the_journal_private(
    tmp_path: Path, mode: int, folder_mode: int, found: Writers, way: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cuebook.persistence.trust.users._user", lambda uid, gid: User(uid))
    path = tmp_path / "folder" / "results.cue"
    write(path, [opened()])
    path.chmod(mode)
    path.parent.chmod(folder_mode)
    with JournalFiles(path) as files:
        verdict = files.verdict()
    assert verdict.writers is found
    commands = re.findall(r"`(chmod [^`]+)`", ways_out(verdict, path, User(os.geteuid())))
    assert len(commands) == (2 if folder_mode != 0o755 else 1)
    if way >= len(commands):
        return
    subprocess.run(commands[way].split(), check=True)
    with JournalFiles(path) as files:
        files.hold_names()
        assert files.verdict().writers is Writers.NOBODY


def test_a_journal_that_was_moved_as_it_is_said_is_private_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "open" / "results.cue"
    write(path, [opened()])
    path.parent.chmod(0o777)
    (tmp_path / "mine").mkdir()
    for each in path.parent.glob(f"{path.name}*"):
        shutil.move(each, tmp_path / "mine" / each.name)
    with JournalFiles(tmp_path / "mine" / "results.cue") as files:
        assert files.verdict().writers is Writers.NOBODY
    assert len(write(tmp_path / "mine" / "results.cue", [opened(2)])) == 3


@needs_root
def test_no_command_is_named_that_its_reader_may_not_give(tmp_path: Path) -> None:
    os.chown(tmp_path, ATTACKER, ATTACKER)
    verdict = Verdict(Writers.ANYONE, Finding(Why.FOLDER_EVERYONE, "", -1, 0o777))
    assert "chmod" not in ways_out(verdict, tmp_path / "results.cue", User(ATTACKER + 1))
    assert "chmod" in ways_out(verdict, tmp_path / "results.cue", User(ATTACKER))
