"""A rehearsal says what a run would reuse and why not the rest; it makes no call and writes nothing."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cuebook import Chunker, Plan, Runtime, chunk

MADE: list[int] = []
SCALE = 1


def made(x: int) -> int:
    MADE.append(x)
    if x == 3 and SCALE == 1:
        raise ValueError(x)
    return x * SCALE


def rehearsed(path: Path, count: int = 7) -> Plan:
    return chunk(made, range(count), star=False, path=path, where="thread", dry_run=True)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but what SQLite makes for readers."""
    files = [each for each in folder.iterdir() if each.is_file() and not each.name.endswith("-shm")]
    return {each.name: each.read_bytes() for each in files if each.stat().st_size}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.cue"


def run(path: Path, count: int = 5) -> list[Any]:
    return chunk(made, range(count), star=False, path=path, where="thread", workers=1, errors="collect")


def test_a_rehearsal_counts_what_is_there_and_what_failed_before_and_leaves_no_trace(path: Path) -> None:
    assert rehearsed(path) == Plan("made", 7, (range(7),))
    assert not path.exists()
    run(path)
    before = contents(path.parent)
    MADE.clear()
    plan = rehearsed(path)
    assert (plan.total, plan.reused, plan.to_do, plan.todo, plan.retried) == (7, 4, 3, (range(3, 4), range(5, 7)), 1)
    assert str(plan) == "made: 7 calls, 4 reused, 3 to do (1 failed before)"
    assert MADE == []
    assert contents(path.parent) == before


def test_a_rehearsal_says_why_results_are_not_reused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(path)
    monkeypatch.setitem(globals(), "SCALE", 2)
    plan = rehearsed(path)
    assert plan.reused == 0
    assert "SCALE: 1 -> 2" in plan.notices[0]
    assert str(plan).splitlines()[1] == plan.notices[0]


def test_each_face_rehearses_also_beside_a_running_writer(path: Path) -> None:
    async def test() -> None:
        async with Runtime(path=path, where="thread", workers=1, errors="collect") as runtime:
            running = runtime.stream(made, [[n] for n in range(3)])
            await anext(running)
            assert isinstance(await runtime.chunk(made, [[1], [2]], dry_run=True), Plan)
            with Chunker(made, path=path, where="thread", star=False) as chunker:
                assert isinstance(chunker(range(4), dry_run=True), Plan)
            [_ async for _ in running]
            plan = await runtime.chunk(made, [[1], [9]], dry_run=True)
            assert (plan.reused, plan.to_do) == (1, 1)

    asyncio.run(test())


def test_a_rehearsal_refuses_what_the_run_would_refuse(path: Path) -> None:
    with pytest.raises(TypeError, match=r"parameters\[0\] is 1 \(int\)"):
        chunk(made, [1], dry_run=True)
    with pytest.raises(TypeError, match="func is 5"):
        chunk(5, [[1]], dry_run=True)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="dry_run=1 must be True or False"):
        chunk(made, [[1]], dry_run=1)  # type: ignore[call-overload]


SCRIPT = """
def f(x): return x + 1
def g(x): return x * FACTOR
first = chunk(f, range(4), star=False, path="x.cue", workers=1)
print("first", sum(first))
second = [done.value for done in stream(g, first, star=False, path="x.cue", workers=1, ordered=True)]
print("second", sum(second))
"""


def why_now(folder: Path, *arguments: str) -> tuple[int, str]:
    """The exit code, and what it said on standard output."""
    done = subprocess.run(
        [sys.executable, "-m", "cuebook", "why", "--now", *arguments], cwd=folder, stdout=subprocess.PIPE, text=True
    )
    return done.returncode, done.stdout


def test_a_script_is_rehearsed_up_to_the_run_that_would_make_a_call(tmp_path: Path) -> None:
    head = "from cuebook import chunk, stream\nFACTOR = {}\n"
    script = tmp_path / "script.py"
    script.write_text(head.format(2) + SCRIPT)
    code, said = why_now(tmp_path, "script.py")
    assert (code, said) == (
        0,
        "f: 4 calls, 0 reused, 4 to do\nscript.py was stopped before this run, which would make 4 calls\n",
    )
    assert sorted(each.name for each in tmp_path.iterdir()) == ["script.py"]
    subprocess.run([sys.executable, "script.py"], cwd=tmp_path, check=True, capture_output=True)
    kept = contents(tmp_path)
    code, said = why_now(tmp_path, "script.py")
    assert said == (
        "f: 4 calls, 4 reused, 0 to do\nfirst 10\ng: 4 calls, 4 reused, 0 to do\nsecond 20\n"
        "script.py ended, and no run of it would make a call\n"
    )
    script.write_text(head.format(3) + SCRIPT)
    code, said = why_now(tmp_path, "--json", "script.py", "--", "--fast")
    found = json.loads(said)
    assert found["stopped"] is True
    assert [each["to_do"] for each in found["runs"]] == [0, 4]
    assert "FACTOR: 2 -> 3" in found["runs"][1]["notices"][0]
    script.write_text(head.format(2) + SCRIPT)
    assert contents(tmp_path) == kept


def test_a_script_that_ends_itself_keeps_its_exit_code(tmp_path: Path) -> None:
    (tmp_path / "s.py").write_text("import sys\nsys.exit(3)\n")
    assert why_now(tmp_path, "s.py") == (3, "s.py ended, and has no run\n")
    assert why_now(tmp_path, "gone.py")[0] == 3
