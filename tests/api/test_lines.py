"""What a run says in lines where there is no terminal: nothing of short ones, enough of long ones, failures always."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from pathlib import Path

import pytest

from cuebook.actors.runs.progress import Event, EventKind, Progress
from cuebook.api.line_report import LineReport
from cuebook.chunks.run_lines import closing_line, failures_line, opening_line, pause_s, standing_line
from tests.chunks.test_output import on_a_terminal
from tests.support.programs import start
from tests.support.virtually import virtually


def at(done: int, total: int | None = 400, *, failed: int = 0, reused: int = 0, is_over: bool = False) -> Progress:
    return Progress(1, done, total, failed, reused, 0, is_over)


@pytest.mark.parametrize(
    ("progress", "line"),
    [
        (at(22, 40, reused=22), "f: 40 calls, 22 reused, 18 to do"),
        (at(0, 40), None),
        (at(40, 40, reused=40), None),
        (at(0, None), None),
    ],
)
def test_what_will_be_done_is_said_where_some_of_it_is_there(progress: Progress, line: str | None) -> None:
    assert opening_line("f", progress) == line


@pytest.mark.parametrize(
    ("progress", "line"),
    [
        (at(0), "f: 0 of 400 done"),
        (at(100), "f: 100 of 400 done, 10 calls/s, 30 s left"),
        (at(100, reused=90), "f: 100 of 400 done, 1 calls/s, 5 min 0 s left"),
        (at(2, failed=1), "f: 2 of 400 done, 1 failed, 3.33 s a call, 22 min 3 s left"),
        (at(12_000, None), "f: 12,000 done, 1.2e+03 calls/s"),
    ],
)
def test_where_a_run_stands(progress: Progress, line: str) -> None:
    assert standing_line("f", progress, 10.0) == line


def test_how_a_run_ended_and_what_failed() -> None:
    assert closing_line("f", at(400), 75.0) == "f: 400 done in 1 min 15 s"
    assert (
        closing_line("f", at(397, reused=22, failed=3), 5.0) == "f: 397 of 400 done in 5 s, 22 of them reused, 3 failed"
    )
    kinds = Counter({"ValueError": 2, "KeyError": 1})
    one = failures_line("f", at(397, failed=3), kinds, "x.cue")
    assert one == "f: 3 of 400 calls failed (2 ValueError, 1 KeyError); see: cuebook show --failures x.cue"
    other = failures_line("f", at(1, None, failed=1), Counter("abcd"), None)
    assert other == "f: 1 call failed (1 a, 1 b, 1 c ...); their places hold the errors"


def test_lines_are_often_at_first_and_rare_in_the_end() -> None:
    at_s, elapsed = [], 10.0
    while elapsed < 86_400:
        at_s.append(elapsed)
        elapsed += pause_s(elapsed)
    assert at_s[:4] == [10, 20, 30, 40]
    assert 100 < len(at_s) < 250


async def lived(report: LineReport, seconds: float, **counts: int) -> None:
    """A run of so many seconds, with an event a second."""
    total = counts.get("total", 400)
    reused = counts.get("reused", 0)

    def event(kind: EventKind, done: int, failed: int = 0, detail: str = "") -> Event:
        return Event(kind, "f", at(done, total, reused=reused, failed=failed), 0, detail)

    report.on_event(event(EventKind.STARTED, reused))
    for second in range(int(seconds)):
        await asyncio.sleep(1)
        report.on_event(event(EventKind.PROGRESS, reused + second))
    failed = counts.get("failed", 0)
    for _ in range(failed):
        report.on_event(event(EventKind.CALL_FAILED, reused, failed, "ValueError: so"))
    report.on_event(event(EventKind.ENDED, total - failed, failed))
    report.close()


@virtually
async def test_a_short_run_says_nothing_and_a_long_one_how_it_goes_on() -> None:
    lines: list[str] = []

    def report(**options: bool) -> LineReport:
        return LineReport(**{"collects": False, "path": None, "is_silent": False, "write": lines.append, **options})

    await lived(report(), 9.0, reused=5)
    assert lines == []
    await lived(report(), 35.0, reused=5)
    assert [line.partition(",")[0] for line in lines] == [
        "f: 400 calls",
        "f: 13 of 400 done",
        "f: 23 of 400 done",
        "f: 33 of 400 done",
        "f: 400 done in 35 s",
    ]
    lines.clear()
    await lived(report(is_silent=True), 35.0, reused=5)
    assert lines == []


@virtually
async def test_failures_that_are_collected_are_said_whatever_else_is_not() -> None:
    lines: list[str] = []
    silent = LineReport(collects=True, path="x.cue", is_silent=True, write=lines.append)
    await lived(silent, 1.0, failed=2)
    assert lines == ["f: 2 of 400 calls failed (2 ValueError); see: cuebook show --failures x.cue"]
    lines.clear()
    await lived(LineReport(collects=False, path="x.cue", is_silent=False, write=lines.append), 1.0, failed=2)
    assert lines == []  # an exception says it


@virtually
async def test_beside_a_bar_the_beginning_and_the_end_are_said() -> None:
    lines: list[str] = []
    await lived(
        LineReport(collects=False, path=None, is_silent=False, has_bar=True, write=lines.append), 35.0, reused=5
    )
    assert lines == ["f: 400 calls, 5 reused, 395 to do", "f: 400 done in 35 s, 5 of them reused"]


def test_a_program_in_a_pipe_hears_of_collected_failures_and_of_nothing_else(tmp_path: Path) -> None:
    body = """
def f(x):
    if x % 2: raise ValueError(x)
    return x
chunk(f, [[n] for n in range(4)], path="x.cue", errors="collect", progress_bar=False)
chunk(f, [[n] for n in range(0, 4, 2)], path="x.cue", errors="collect")
"""
    with start(tmp_path, body) as program:
        assert program.wait() == 0
        assert program.stdout == ""
        assert program.stderr == (
            "cuebook: f: 2 of 4 calls failed (2 ValueError); see: cuebook show --failures x.cue\n"
        )


def test_a_terminal_hears_what_is_reused_and_how_it_ended(tmp_path: Path) -> None:
    body = (
        "def f(x): return x\nfor n in (3, 5, 5):\n    chunk(f, [[k] for k in range(n)], path='x.cue', chunk_size=1)\n"
    )
    code, _, seen = on_a_terminal(tmp_path, body)
    assert code == 0
    lines = re.findall(r"cuebook: (f: [^\r\n\x1b]*)", seen)
    assert [re.sub(r"in [\d.]+ \w+", "in T", line).strip() for line in lines] == [
        "f: 3 done in T",
        "f: 5 calls, 3 reused, 2 to do",
        "f: 5 done in T, 3 of them reused",
        "f: 5 done in T, 5 of them reused",
    ]
