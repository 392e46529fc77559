"""Texts that would steer a terminal or write into a page, wherever users' texts go: no command and no page passes them on."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cuebook
from cuebook import CallFailed, Runtime, chunk, last_checkpoint, make_checkpoint
from cuebook.experiments import Workspace
from tests.durable.bank import Account, Deposit, Remind
from tests.fuzz.all_kinds import Sample, at_work
from tests.fuzz.holding import said

EVIL = "\x1b]0;owned\x07\x9b31m<script>x</script>\"&'\u202e"
STEERING = [chr(code) for code in (*range(9), *range(11, 32), *range(127, 160)) if chr(code) != "\r"] + ["\u202e"]


class Evil(Exception):
    """With a name that it should not have."""


Evil.__name__ = Evil.__qualname__ = f"Evil{EVIL}"


def named(n: int, more: str = EVIL) -> Any:
    make_checkpoint(n, label=EVIL, metrics={EVIL: EVIL})
    if n == 1:
        raise Evil(EVIL)
    return {EVIL: last_checkpoint(0), n: EVIL}


named.__name__ = named.__qualname__ = f"named{EVIL}"

PROGRAM = f"""
import cuebook
for n in range(2):
    open("o", "w").write({EVIL!r})
    print({EVIL!r})
    cuebook.make_checkpoint(n, label={EVIL!r}, metrics={{{EVIL!r}: {EVIL!r}, "n": n}})
"""


@cuebook.step(name=f"step{EVIL}")
def stepped(text: str) -> str:
    return text


@cuebook.stage(name=f"stage{EVIL}")
def staged(text: str) -> list[str]:
    make_checkpoint(text, label=EVIL, metrics={EVIL: EVIL})
    return [text]


@cuebook.stage(name=f"broken{EVIL}")
def broken(rows: list[str]) -> None:
    make_checkpoint(rows, label=EVIL, metrics={EVIL: EVIL})
    raise Evil(EVIL)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder of journals full of such texts, and what was said while they were made."""
    root = tmp_path_factory.mktemp("place") / f"folder{EVIL}".replace("/", "|")
    root.mkdir()
    with at_work(root), said() as texts:
        for count in (2, 3):
            with pytest.raises(CallFailed):
                chunk(named, [[n] for n in range(count)], path=root / "runs.cue", where="thread")
            chunk(named, [[n] for n in range(count)], path=root / "runs.cue", where="thread", errors="collect")
        asyncio.run(_acted(root / "streams.cue"))
        with cuebook.job(f"job{EVIL}"):
            stepped(EVIL)
            rows = staged(EVIL)
            with pytest.raises(Evil):
                broken(rows)
        (root / "p.py").write_text(PROGRAM)
        found = Workspace(root).run([sys.executable, "p.py", EVIL], outs=["o"], name="one", message=EVIL)
        assert found.exit_code == 0
    yield root, "".join(texts)


async def _acted(path: Path) -> None:
    async with Runtime(path, progress_bar=False) as runtime:
        account = runtime.entity(Account, f"id{EVIL}")
        await account.ask(Deposit(1))
        await account.ask(Remind(EVIL, 1e6, 1))
        await runtime.promise(EVIL).set(EVIL)


COMMANDS = (
    "show", "show --failures", "show --run 1", "show --json", "why", "why --json", "export --all", "export --all --csv",
    "profile", "profile --json", "watch", "verify", "forget --func {named}", "compact", "show --run 99", "forget --run 99",
)  # fmt: skip
OF_ACTORS = (
    "show", "show --json", "actors list {}", "actors show {} {actor}", "actors events {} {actor}", "actors export {}",
    "actors state {} {actor}", "actors show {} {evil}", "actors remove {} {actor}",
)  # fmt: skip
OF_THE_PLACE = (
    "job list", "job list --json", "job show {job}", "job show {job} --json", "dataset list", "dataset show {stage}",
    "dataset show {stage} --json", "lineage {stage}", "lineage {stage} --json", "lineage {evil}", "dataset show {evil}",
    "job show {evil}", "exp list", "exp show", "exp show --csv", "exp show --json", "exp diff one:1 one:2",
    "exp diff {evil} one", "exp show {evil}", "exp apply {evil}", "exp run -n {evil} -- true", "gc --older-than {evil}",
    "exp kill {evil}", "exp show --sort {evil}", "show {evil}", "why {evil}", "recover {evil} -o x", "{evil}", "show --{evil}",
    "exp show --only {evil}", "exp remove {evil}", "checkpoint --metric {evil}", "tune {evil}", "run {evil}", "backup {evil} x",
)  # fmt: skip


def told(root: Path, journal: str, command: str) -> str:
    """What a command says."""
    names = {"named": named.__name__, "actor": f"Account/id{EVIL}", "job": f"job{EVIL}", "stage": f"stage{EVIL}"}
    sample = Sample(root, journal or "none", ())
    words = [word.format(sample.path, evil=EVIL, **names) for word in command.split()]
    with said() as texts:
        code = sample.main(words if "{}" in command or not journal else [words[0], str(sample.path), *words[1:]])
    assert code in {0, 1, 2, 3}, (command, texts)
    return "".join(texts)


def test_what_a_run_says_does_not_steer_a_terminal(place: tuple[Path, str]) -> None:
    mine = [line for line in place[1].splitlines() if line.startswith("cuebook: ")]
    assert mine and not [line for line in mine if any(each in line for each in STEERING)], mine


@pytest.mark.parametrize(
    "command",
    ["profile {} --html x.html", "exp show --plot x.html", "lineage {stage} --svg x.html", "profile {} --trace x.html"],
)
def test_no_text_of_a_user_becomes_code_in_a_page(place: tuple[Path, str], command: str) -> None:
    root, _ = place
    with at_work(root):
        told(root, "runs.cue" if "{}" in command else "", command)
        page = (root / "x.html").read_text()
    assert "<script>x" not in page or page.startswith("{"), "no page, but JSON"
    assert not [each for each in STEERING if each in page]


@pytest.mark.parametrize(
    ("journal", "commands"), [("runs.cue", COMMANDS), ("streams.cue", OF_ACTORS), ("", OF_THE_PLACE)]
)
def test_no_command_passes_on_what_steers_a_terminal(
    place: tuple[Path, str], journal: str, commands: tuple[str, ...]
) -> None:
    root, _ = place
    found = {}
    with at_work(root):
        for command in commands:
            text = told(root, journal, command)
            steering = [repr(each) for each in STEERING if each in text]
            if steering:
                found[command] = steering, text[:300]
    assert not found, "\n".join(f"{command}: {what}" for command, what in found.items())
