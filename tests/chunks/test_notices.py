"""What a user is told before a run makes calls: one line, once, with the name of what changed; else nothing."""

from __future__ import annotations

import asyncio
import logging
import random
import re
import subprocess
import sys
import types
import uuid
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cuebook import EventKind, Runtime, chunk
from cuebook.persistence.identity import parts as fingerprint_parts

SCALE = 2
TABLE: dict[str, Any] = {"a": 1, "b": 2}
WEIGHTS = np.arange(1000.0)
STREAM = re.match("a", "a")


def scaled(n: float) -> float:
    return n * SCALE


def looked_up(n: int) -> Any:
    return [n, *TABLE.values()]


def weighted(n: int) -> Any:
    return n * WEIGHTS[0]


def unseen(n: int) -> Any:
    return STREAM is not None and n


def given(x: Any, y: Any = None) -> str:
    return str(type(x))


@pytest.fixture
def cue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs.cue"


@pytest.fixture
def said(cue: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., list[str]]:
    """What a run of these calls says on standard error, in lines."""

    def run(func: Callable[..., Any], calls: Any, **options: Any) -> list[str]:
        capfd.readouterr()
        chunk(func, calls, path=cue, where="thread", **options)
        out, err = capfd.readouterr()
        assert out == ""
        return err.splitlines()

    return run


def test_a_changed_constant_is_said_once_with_its_name(said: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = [[n] for n in range(40)]
    assert said(scaled, calls) == []
    assert said(scaled, calls) == []
    monkeypatch.setattr(f"{__name__}.SCALE", 3)
    assert said(scaled, calls) == [
        "cuebook: scaled changed since run 2 (global SCALE: 2 -> 3): 40 results are not reused; cuebook why runs.cue"
    ]
    assert said(scaled, calls) == []
    monkeypatch.setattr(f"{__name__}.SCALE", 2)
    assert said(scaled, calls) == []


def test_nothing_is_said_where_only_the_parameters_changed(said: Any) -> None:
    assert said(scaled, [[n] for n in range(10)]) == []
    assert said(scaled, [[n] for n in range(20)]) == []
    assert said(scaled, [[n] for n in range(5)]) == []
    assert said(scaled, [[n + 1000] for n in range(5)]) == []
    assert said(scaled, iter([[5000]])) == []


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ({"b": 2, "a": 1}, "global TABLE: same items in another order"),
        ({"a": 1, "b": 3}, "global TABLE: {'a': 1, 'b': 2} -> {'a': 1, 'b': 3}"),
        ({"a": 1}, "global TABLE: {'a': 1, 'b': 2} -> {'a': 1}"),
    ],
)
def test_a_changed_dict_is_told_from_a_reordered_one(
    said: Any, monkeypatch: pytest.MonkeyPatch, now: Any, told: str
) -> None:
    said(looked_up, [[1]])
    monkeypatch.setattr(f"{__name__}.TABLE", now)
    (line,) = said(looked_up, [[1]])
    assert f"({told}): 1 result is not reused" in line


def test_the_place_in_a_nested_value_is_told(said: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def table(**changes: Any) -> dict[str, Any]:
        inner = {"rate": 0.1, "steps": list(range(50)), "name": "x" * 200, **changes}
        return {f"key {n}": "v" * 30 for n in range(5)} | {"model": inner}

    monkeypatch.setattr(f"{__name__}.TABLE", table())
    said(looked_up, [[1]])
    monkeypatch.setattr(f"{__name__}.TABLE", table(rate=0.2))
    assert "(global TABLE['model']['rate']: 0.1 -> 0.2)" in said(looked_up, [[1]])[0]
    monkeypatch.setattr(f"{__name__}.TABLE", table(rate=0.2, steps=[*range(49), 0]))
    assert "(global TABLE['model']['steps'][49]: differs)" in said(looked_up, [[1]])[0]


def test_the_place_in_an_array_is_told(said: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    said(weighted, [[1]])
    changed = WEIGHTS.copy()
    changed[700] = -1
    monkeypatch.setattr(f"{__name__}.WEIGHTS", changed)
    assert "(global WEIGHTS[688:704]: differs)" in said(weighted, [[1]])[0]


def test_results_of_another_function_are_nobodys_loss(said: Any) -> None:
    said(scaled, [[1]])
    assert said(looked_up, [[1]]) == []


def test_a_run_that_had_no_results_lost_none(said: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(n: int) -> int:
        raise ValueError(n + SCALE)

    for scale in (2, 7):
        monkeypatch.setattr(f"{__name__}.SCALE", scale)
        [line] = said(failing, [[1]], errors="collect")
        assert "1 of 1 call failed (1 ValueError)" in line


def test_reuse_none_asks_for_it(said: Any, cue: Path) -> None:
    made: list[int] = []

    def counted(n: int) -> int:
        with calls.open("a") as file:
            file.write("x")
        return n

    calls = cue.with_name("calls.txt")
    calls.write_text("")
    for options in ({}, {"reuse": "none"}, {}):
        assert said(counted, [[1], [2]], **options) == []
        made.append(len(calls.read_text()))
    assert made == [2, 4, 4]


def test_an_iterators_run_is_told_of_a_change_too(said: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(scaled, iter([[1], [2]])) == []
    monkeypatch.setattr(f"{__name__}.SCALE", 5)
    (line,) = said(scaled, iter([[1], [2]]))
    assert "global SCALE: 2 -> 5" in line


def test_rules_of_another_number_are_said_as_such_once(said: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import cuebook.chunks.identity as identity
    import cuebook.chunks.noticing as noticing
    import cuebook.chunks.records as records

    for module in (identity, noticing, records):
        monkeypatch.setattr(module, "ALGORITHM", fingerprint_parts.ALGORITHM - 1)
    said(scaled, [[1], [2]])
    monkeypatch.undo()
    monkeypatch.chdir(Path(__file__).parent)
    (line,) = said(scaled, [[1], [2]])
    now = fingerprint_parts.ALGORITHM
    assert f"rules of identity number {now - 1}, which are number {now} now: of scaled 2 results are not reused" in line
    assert said(scaled, [[1], [2]]) == []


# Arguments in another form


class Session:
    """Another one in each process, and in each call of it."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.number = uuid.uuid4()


@dataclass
class Settings:
    rate: float
    names: list[str] = field(default_factory=list)


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ([[1], [2]], [[1.0], [2.0]], "argument x: 1 -> 1.0"),
        ([[1], [2]], [[np.int64(1)], [np.int64(2)]], "argument x: 1 -> np.int64(1)"),
        ([[[1, 2]]], [[(1, 2)]], "argument x: [1, 2] -> (1, 2)"),
        ([["a"]], [[Path("a")]], "argument x: 'a' -> PosixPath('a')"),
        ([[1], [2]], [{"x": 1}, {"x": 2}], "given by position then and by keyword now, or the reverse"),
        ([[{"a": 1, "b": 2}]], [[{"b": 2, "a": 1}]], "argument x: same items in another order"),
        ([[[1, 2]]], [[np.array([1, 2])]], "argument x: [1, 2] -> array([1, 2], int64)"),
        ([[Settings(1.5)]], [[Settings(2.5)]], "argument x.rate: 1.5 -> 2.5"),
    ],
)
def test_the_same_arguments_in_another_form_are_told(said: Any, before: Any, now: Any, told: str) -> None:
    assert said(given, before) == []
    (line,) = said(given, now)
    count = f"{len(before)} result{' is' if len(before) == 1 else 's are'} not reused"
    assert line == f"cuebook: no call of given is as in run 1 ({told}): {count}; cuebook why runs.cue"


def test_an_object_that_is_another_one_each_time_is_told_by_its_attribute(said: Any) -> None:
    assert said(given, [[Session("h"), 1], [Session("h"), 2]]) == []
    (line,) = said(given, [[Session("h"), 1], [Session("h"), 2]])
    assert "argument x.number: UUID(" in line and "2 results are not reused" in line


def test_an_argument_that_nobody_can_see_into_is_named(said: Any) -> None:
    for _ in range(2):
        (line,) = said(given, [[(n for n in [1])]])
        assert "an argument of given is different each time, as nobody can see into it: x (builtins.generator)" in line


def test_a_generator_among_the_arguments_that_the_system_seeded_is_named(said: Any) -> None:
    for _ in range(2):
        (line,) = said(given, [[np.random.default_rng(), n] for n in range(3)])
        assert "was seeded by the system and does not count: x (numpy.random._generator.Generator)" in line


def test_a_path_in_depends_that_cannot_be_read_is_named_before_each_run(said: Any, cue: Path) -> None:
    depends = (cue.with_name("tabel.csv"), cue.with_name("a\0b"), Path(__file__), scaled)
    for _ in range(2):
        (line,) = said(given, [[1]], depends=depends)
        assert "depends= of given names what cannot be read, and counts as missing" in line
        assert f"{depends[0]} (No such file or directory), " in line and "a\\x00b (embedded null byte)" in line
    depends[0].write_text("1")
    changed = [line for line in said(given, [[1]], depends=depends) if "tabel.csv" in line]
    assert len(changed) == 1 and "depends tabel.csv: differs" in changed[0]


# What cannot be seen


def test_opaque_parts_are_said_in_each_run_that_reuses_in_one_line(said: Any) -> None:
    assert said(unseen, [[1]]) == []
    for _ in range(2):
        (line,) = said(unseen, [[1]])
        assert "unseen has parts that cuebook cannot see into (global STREAM (re.Match)): earlier results" in line
    (line,) = said(unseen, [[1], [2]])
    assert "global STREAM" in line
    assert said(unseen, [[3]]) == []


def test_a_generator_of_the_functions_own_is_named_where_it_differs(said: Any) -> None:
    def drawing(seed: int | None) -> Callable[[int], float]:
        generator = random.Random(seed)

        def draw(n: int) -> float:
            return n + generator.random()

        return draw

    assert said(drawing(1), [[1]]) == []
    assert said(drawing(1), [[1]]) == []
    (line,) = said(drawing(2), [[1]])
    assert "closure generator of " in line and "a random generator in another state" in line
    assert "different in each run" not in line
    (line,) = said(drawing(3), [[1]])
    assert "different in each run" in line


# How it is said


def test_notices_are_no_python_warnings(said: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        said(scaled, [[1]])
        monkeypatch.setattr(f"{__name__}.SCALE", 9)
        assert len(said(scaled, [[1]])) == 1


def test_a_notice_is_a_log_record_and_an_event_too(
    cue: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> list[str]:
        async with Runtime(cue, where="thread") as runtime:
            events = runtime.events()
            await runtime.chunk(scaled, [[1]])
            monkeypatch.setattr(f"{__name__}.SCALE", 11)
            with caplog.at_level(logging.WARNING, "cuebook"):
                await runtime.chunk(scaled, [[1]])
        return [event.detail async for event in events if event.kind is EventKind.NOTICE]

    (notice,) = asyncio.run(main())
    assert notice.startswith("scaled changed since run 1 (global SCALE: 2 -> 11): 1 result is not reused")
    assert [record.getMessage().partition(" run=")[0] for record in caplog.records] == [notice]


@pytest.mark.parametrize("stream", [None, types.SimpleNamespace(), open], ids=["none", "without write", "closed"])
def test_a_stream_that_takes_no_notice_is_no_error(cue: Path, monkeypatch: pytest.MonkeyPatch, stream: Any) -> None:
    chunk(scaled, [[1]], path=cue, where="thread")
    monkeypatch.setattr(f"{__name__}.SCALE", 12)
    closed = (cue.parent / "x").open("w")
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed if stream is open else stream)
    assert chunk(scaled, [[1]], path=cue, where="thread") == [12]


def test_a_helper_and_the_own_code_are_told_by_name_in_a_script(tmp_path: Path) -> None:
    script = tmp_path / "job.py"
    text = (
        "from cuebook import chunk\ndef helper(x):\n    return x + 1\ndef simulate(n, k=5):\n    return helper(n) * k\n"
        "chunk(simulate, [[n] for n in range(3)], path='j.cue')\n"
    )

    def run(changed: str) -> str:
        script.write_text(changed)
        done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stderr

    assert run(text) == ""
    assert run(text.replace("x + 1", "x + 2")) == (
        "cuebook: simulate changed since run 1 (code of helper): 3 results are not reused; cuebook why j.cue\n"
    )
    assert "(default k of simulate: 5 -> 6)" in run(text.replace("x + 1", "x + 2").replace("k=5", "k=6"))
