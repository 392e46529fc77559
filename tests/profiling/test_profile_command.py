"""`cuebook profile` on journals of real runs."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

import cuebook
from cuebook.cli.command import main


def nap(number: int) -> int:
    time.sleep(0.03 if number == 9 else 0.001)
    if number == 3:
        raise ValueError("three")
    return number


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The journal of two runs: the second has two more calls."""
    journal = tmp_path / "naps.cue"
    for count in (20, 22):
        cuebook.chunk(
            nap,
            [[n] for n in range(count)],
            path=journal,
            where="thread",
            workers=2,
            errors="collect",
            progress_bar=False,
        )
    return journal


def profiled(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    assert main(["profile", *arguments, "--json"]) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_a_run_is_profiled_from_its_journal_alone(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = profiled(capsys, str(path), "--run", "1")

    assert (found["function"], found["run"], found["calls"], found["failed"]) == ("nap", 1, 20, 1)
    assert (found["where"], found["workers"]) == ("thread", 2)
    lanes = found["lanes"]
    assert isinstance(lanes, list)
    assert len(lanes) == 2
    assert sum(lane["calls"] for lane in lanes) == 20
    stragglers = found["stragglers"]
    assert isinstance(stragglers, list)
    assert stragglers[0]["index"] == 9


def test_calls_that_took_earlier_results_are_not_part_of_it(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert profiled(capsys, str(path))["calls"] == 3  # two that are new, and the one that failed before


def test_the_words_name_the_straggler_and_its_arguments(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", str(path), "--run", "1"]) == 0
    out = capsys.readouterr().out

    assert out.startswith("run 1 nap: finished\n20 calls, 1 of them failed in ")
    assert "straggler    call 9: " in out
    assert "arguments [9]" in out


def test_page_and_trace_are_written(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, trace = tmp_path / "p.html", tmp_path / "t.json"
    assert main(["profile", str(path), "--run", "1", "--html", str(page), "--trace", str(trace)]) == 0

    assert "Lanes, as workers had them" in page.read_text()
    assert len([e for e in json.loads(trace.read_text())["traceEvents"] if e["ph"] == "X" and e["tid"]]) == 20


def test_wrong_use_is_said(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", str(tmp_path / "gone.cue")]) == 3
    assert main(["profile", str(path), "--run", "9"]) == 3
    assert main(["profile", str(path), "--html", str(tmp_path / "no" / "p.html")]) == 2
    assert "cannot be written" in capsys.readouterr().err
