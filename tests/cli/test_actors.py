"""`cuebook actors`: what a journal holds of durable actors, without anything of the program."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from cuebook import Message, PersistentActor, Runtime, SnapshotPolicy, message, persist
from cuebook.cli.command import main


@message
class Add(Message[int]):
    n: int


@dataclass(frozen=True)
class Added:
    n: int


@dataclass(frozen=True)
class Total:
    total: int = 0
    tags: frozenset[str] = frozenset()


class Sum(PersistentActor[Total, Add]):
    snapshots = SnapshotPolicy(every=2)

    def initial_state(self) -> Total:
        return Total()

    def on_add(self, command: Add) -> Any:
        effect = persist(Added(command.n)).reply(lambda state: state.total)
        return effect.remind("later", Add(0), after=9999.0) if command.n == 3 else effect

    def apply_added(self, state: Total, event: Added) -> Total:
        return replace(state, total=state.total + event.n)


class Other(Sum):
    pass


@pytest.fixture(scope="module")
def cue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("actors") / "sums.cue"

    async def scene() -> None:
        async with Runtime(path) as runtime:
            for n in (1, 2, 3):
                await runtime.entity(Sum, "a").ask(Add(n))
            await runtime.entity(Sum, "b").ask(Add(1))
            await runtime.entity(Other, "b").ask(Add(1))

    asyncio.run(scene())
    return path


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main(["actors", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def test_all_are_listed(cue: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "list", cue)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["actor", "Sum/a", "Sum/b", "Other/b"]
    found = json.loads(said(capsys, "list", cue, "--json")[1])["actors"]
    assert [(each["actor"], each["events"]) for each in found] == [("Sum/a", 3), ("Sum/b", 1), ("Other/b", 1)]


def test_one_is_shown_with_what_it_owes(cue: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("Sum/a", "a"):
        shown = json.loads(said(capsys, "show", cue, name, "--json")[1])
        assert (shown["events"], shown["owes"], shown["owed"][0]["key"]) == (3, 1, "reminder later")
    out = said(capsys, "show", cue, "a")[1]
    assert "Sum/a" in out
    assert "reminder later" in out


def test_events_are_lines(cue: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = said(capsys, "events", cue, "a")
    events = [json.loads(line) for line in out.splitlines()]
    assert [event["number"] for event in events] == [1, 2, 3]
    assert [event["value"] for event in events] == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert {event["type"].rpartition(":")[2] for event in events} == {"Added"}


def test_the_newest_state_is_shown_and_its_place(cue: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = json.loads(said(capsys, "state", cue, "a")[1])
    assert (shown["events"], shown["state_after"]) == (3, 2)
    assert shown["state"]["fields"] == {"total": 3, "tags": {"$type": "frozenset", "items": []}}


def test_what_is_not_there_is_said(cue: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = said(capsys, "show", cue, "b")
    assert (code, "several actors have the id 'b'" in err) == (3, True)
    code, _, err = said(capsys, "events", cue, "Sum/z")
    assert (code, "there is no actor Sum/z" in err) == (3, True)
    code, _, err = said(capsys, "state", cue, "Sum/b")
    assert (code, "has 1 events and no snapshot" in err) == (3, True)


def test_nothing_of_the_program_is_imported(cue: Path) -> None:
    import subprocess

    script = (
        "import sys; from cuebook.cli.command import main; "
        f"main(['actors', 'events', {str(cue)!r}, 'a']); main(['actors', 'state', {str(cue)!r}, 'a']); "
        f"assert not any(name.endswith('test_actors') for name in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_export_writes_the_events_of_all_actors_in_the_order_in_which_they_were_kept(
    cue: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["actors", "export", str(cue)]) == 0
    exported = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    sums = [
        (each["actor"], each["number"], each["value"]["n"]) for each in exported if each["actor"].startswith("Sum/")
    ]
    assert sums[:4] == [("Sum/a", 1, 1), ("Sum/a", 2, 2), ("Sum/a", 3, 3), ("Sum/b", 1, 1)]
    assert main(["actors", "events", str(cue), "Sum/a"]) == 0
    alone = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [{"actor": "Sum/a", **each} for each in alone] == [each for each in exported if each["actor"] == "Sum/a"]
