"""The command on whole journals: what it prints, and its exit codes."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cuebook.cli.command import main
from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.records.run_heads import Closing
from tests.support.journals import state, write
from tests.support.runs import closed, failed, reused, run_entries, same_arguments

pytestmark = pytest.mark.quick

CALLS = [[0], [1, "b"], [2], {"x": 3}]


class Evil:
    """Its pickle writes a file when it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.fixture
def cue(tmp_path: Path) -> Path:
    """Three runs: one with a failure, one that reused its results, one of a changed function."""
    path = tmp_path / "runs.cue"
    write(
        path,
        run_entries(1, CALLS, {0: "zero", 1: 1.5, 3: None}, failed(1, 2, ValueError("two\x1b[31m"))),
        run_entries(
            2, CALLS, {2: (2, float("nan"))}, same_arguments(2, 0, 4, (1, 0)), reused(2, (1, 0, 0, 2), (1, 3, 3, 1))
        ),
        run_entries(
            3,
            [[9]],
            {},
            state(0, b"", run=3),
            fingerprint=b"g" * 16,
            parts=(("code of clean", "cd" * 8, "def clean(x): ...!"),),
            is_closed=False,
        ),
    )
    return path


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_show_has_a_line_for_each_run(cue: Path, said: Any) -> None:
    code, out, err = said("show", cue)
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[0].split() == ["run", "function", "started", "done", "failed", "reused", "calls/s", "state"]
    assert [line.split()[4:] for line in lines[1:]] == [
        ["3/4", "1", "0", "1.5", "finished"],
        ["4/4", "0", "3", "0.5", "finished"],
        ["0/1", "0", "0", "-", "abandoned"],
    ]


def test_show_json_is_one_object(cue: Path, said: Any) -> None:
    code, out, _ = said("show", cue, "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["schema"], found["writer"]) == (1, None)
    assert [(run["done"], run["total"], run["state"]) for run in found["runs"]] == [
        (3, 4, "finished"),
        (4, 4, "finished"),
        (0, 1, "abandoned"),
    ]


def test_failures_are_shown_with_arguments_error_and_traceback(cue: Path, said: Any) -> None:
    _, out, _ = said("show", cue, "--failures", "--run", 1)
    assert "call 2 with arguments [2]: ValueError: two\\x1b[31m" in out
    assert "  Traceback (most recent call last):" in out
    assert "\x1b" not in out
    failures = json.loads(said("show", cue, "--failures", "--run", 1, "--json")[1])["failures"]
    assert [(each["index"], each["arguments"], each["error"]) for each in failures] == [(2, [2], "ValueError")]


def test_failures_come_by_kind_of_error_the_most_frequent_first(tmp_path: Path, said: Any) -> None:
    path = tmp_path / "a.cue"
    errors = {n: KeyError(n) if n == 3 else ValueError(f"so {n}\nand more") for n in range(30)}
    calls = [[n] for n in range(30)]
    write(path, run_entries(1, calls, {}, *(failed(1, n, error) for n, error in errors.items())))
    lines = said("show", path, "--failures")[1].splitlines()
    assert lines[0] == "ValueError: 29 calls"
    assert lines[1] == "call 0 with arguments [0]: ValueError: so 0"
    assert "and more" in lines[2]
    assert "call 1 with arguments [1]: ValueError: so 1" in lines
    assert "... and 9 more: --json has them all" in lines
    assert lines.index("KeyError: 1 call") > lines.index("... and 9 more: --json has them all")
    assert "call 3 with arguments [3]: KeyError: 3" in lines
    assert sum(line.startswith("call ") for line in lines) == 21
    assert len(json.loads(said("show", path, "--failures", "--json")[1])["failures"]) == 30


def test_a_run_without_failures_says_how_it_ended(tmp_path: Path, said: Any) -> None:
    path = tmp_path / "a.cue"
    write(path, [*run_entries(1, CALLS, {}, is_closed=False), closed(1, Closing.FAILED, "the disk is full")])
    assert said("show", path, "--failures")[1] == "no call of run 1 failed; it ended so: the disk is full\n"


def test_a_run_in_detail_has_its_options_sources_and_checkpoints(cue: Path, said: Any) -> None:
    _, out, _ = said("show", cue, "--run", 2)
    assert "run 2 clean: 4/4 (100%), 3 reused, 0.5 calls/s, finished" in out
    assert "3 from run 1" in out
    assert "numpy 2.0" in out
    found = json.loads(said("show", cue, "--run", 3, "--json")[1])
    assert found["checkpoints"][0]["call"] == 0
    assert found["parts"] == 1


def test_export_writes_each_completed_call_with_its_own_arguments(cue: Path, said: Any) -> None:
    _, out, _ = said("export", cue, "--run", 2)
    rows = [json.loads(line) for line in out.splitlines()]
    assert [(row["index"], row["arguments"], row["value"], row["reused_from"]) for row in rows] == [
        (0, [0], "zero", 1),
        (1, [1, "b"], 1.5, 1),
        (2, [2], [2, {"$type": "float", "repr": "nan"}], None),
        (3, {"x": 3}, None, 1),
    ]
    assert {row["seconds"] for row in rows} == {0.5}
    assert rows[1]["started"] == "2023-11-14T22:13:21.000Z"


def test_export_of_results_taken_from_other_places_has_their_arguments(tmp_path: Path, said: Any) -> None:
    path = tmp_path / "moved.cue"
    write(
        path,
        run_entries(1, [["a"], ["b"], ["c"]], {0: "A", 1: "B", 2: "C"}),
        run_entries(2, [["c"], ["b"], ["a"]], {}, reused(2, (1, 0, 2, 1), (1, 1, 1, 1), (1, 2, 0, 1))),
    )
    assert said("forget", path, "--call", 0)[0] == 0
    rows = [json.loads(line) for line in said("export", path)[1].splitlines()]
    assert [(row["arguments"], row["value"], row["forgotten"]) for row in rows] == [
        (["c"], "C", True),
        (["b"], "B", False),
        (["a"], "A", False),
    ]


def test_export_takes_the_newest_run_or_all(cue: Path, said: Any) -> None:
    assert said("export", cue)[1] == ""
    assert [json.loads(line)["run"] for line in said("export", cue, "--all")[1].splitlines()] == [1, 1, 1, 2, 2, 2, 2]


def test_export_csv_has_a_header_and_readable_cells(cue: Path, said: Any) -> None:
    rows = list(csv.DictReader(io.StringIO(said("export", cue, "--run", 2, "--csv")[1])))
    assert [row["value"] for row in rows] == ["zero", "1.5", '[2, {"$type": "float", "repr": "nan"}]', ""]
    assert [row["arguments"] for row in rows] == ["[0]", '[1, "b"]', "[2]", '{"x": 3}']


def test_no_command_unpickles_anything(tmp_path: Path, said: Any) -> None:
    path, trap = tmp_path / "evil.cue", tmp_path / "executed"
    error = ValueError(Evil(trap))
    entries = run_entries(1, [[Evil(trap)], [1]], {0: [Evil(trap)]}, failed(1, 1, error))
    write(path, entries, run_entries(2, [[Evil(trap)]], {}))
    for command in (["show"], ["show", "--failures", "--run", 1], ["why"], ["export", "--all"], ["verify"], ["watch"]):
        code, out, err = said(command[0], path, *command[1:])
        assert (code, err) == (0, ""), command
    assert "evil" not in out
    assert not trap.exists()


def test_why_tells_what_was_reused_and_what_failed_before(cue: Path, said: Any) -> None:
    _, out, _ = said("why", cue, "--run", 2)
    assert "run 2 of clean: 3 calls reused, 1 call made afresh" in out
    assert "The function is that of run 1." in out
    assert "1 call failed before (failures are never reused): 2 [2]" in out


def test_why_tells_which_part_of_the_function_changed(cue: Path, said: Any) -> None:
    _, out, _ = said("why", cue)
    assert "code of clean: def clean(x): ... -> def clean(x): ...!" in out
    found = json.loads(said("why", cue, "--json")[1])
    assert [change["part"] for change in found["changes"]] == ["code of clean"]


def test_verify_counts_the_records_of_a_whole_journal(cue: Path, said: Any) -> None:
    with open_reader(cue) as reader:
        count = reader.last_seq
    assert said("verify", cue) == (0, f"{count} records, all whole\n", "")
    assert json.loads(said("verify", cue, "--json")[1])["ok"] is True


def test_verify_names_the_bad_record_and_recover_saves_the_rest(cue: Path, said: Any, tmp_path: Path) -> None:
    data = bytearray(cue.read_bytes())
    at = data.index(b"zero")
    data[at] ^= 1
    cue.write_bytes(data)
    with pytest.raises(Exception, match="damaged") as caught, open_reader(cue) as reader:
        list(reader.records())
    bad = caught.value.seq  # type: ignore[attr-defined]
    code, out, _ = said("verify", cue)
    assert code == 1
    assert f"record {bad} is damaged" in out
    code, out, _ = said("recover", cue, "-o", tmp_path / "new.cue")
    assert code == 0
    assert f"lost records: {bad}" in out
    assert said("verify", tmp_path / "new.cue")[0] == 0


def test_an_export_of_a_damaged_journal_fails_with_the_record(cue: Path, said: Any) -> None:
    data = bytearray(cue.read_bytes())
    data[data.index(b"zero")] ^= 1
    cue.write_bytes(data)
    code, _, err = said("export", cue, "--run", 1)
    assert code == 1
    assert err.startswith("Error: record ")
    assert len(err.splitlines()) == 1


def test_backup_gives_a_journal_with_the_same_runs(cue: Path, said: Any, tmp_path: Path) -> None:
    new = tmp_path / "folder" / "copy.cue"
    assert said("backup", cue, new)[0] == 0
    assert json.loads(said("show", new, "--json")[1])["runs"] == json.loads(said("show", cue, "--json")[1])["runs"]
    code, _, err = said("backup", cue, new)
    assert (code, "exists already" in err) == (1, True)


def test_a_forgotten_call_is_marked_where_it_is_shown(cue: Path, said: Any) -> None:
    assert said("forget", cue, "--call", 1, "--run", 2) == (0, "forgotten: call 1 of run 2 of clean\n", "")
    rows = [json.loads(line) for line in said("export", cue, "--run", 2)[1].splitlines()]
    assert [row["index"] for row in rows if row["forgotten"]] == [1]


def test_a_forgotten_run_goes_with_compaction(cue: Path, said: Any) -> None:
    assert said("forget", cue, "--run", 3)[0] == 0
    code, out, _ = said("compact", cue)
    assert code == 0
    assert "runs dropped: 3" in out
    assert [run["run"] for run in json.loads(said("show", cue, "--json")[1])["runs"]] == [1, 2]


def test_all_runs_of_a_function_are_forgotten(cue: Path, said: Any) -> None:
    assert said("forget", cue, "--func", "clean") == (0, "forgotten: all results so far of clean (3 runs)\n", "")
    assert all(json.loads(said("show", cue, "--run", run, "--json")[1])["forgotten"] for run in (1, 2, 3))


def test_watch_of_a_run_that_is_over_says_how_it_ended(cue: Path, said: Any) -> None:
    assert said("watch", cue, "--run", 1) == (0, "run 1 clean: 3/4 (75%), 1 failed, 1.5 calls/s, finished\n", "")
    found = json.loads(said("watch", cue, "--json")[1])
    assert (found["run"], found["state"]) == (3, "abandoned")


@pytest.mark.parametrize("command", ["show", "watch", "why", "export", "verify", "compact"])
def test_where_there_is_no_journal_the_exit_code_is_3(command: str, tmp_path: Path, said: Any) -> None:
    code, out, err = said(command, tmp_path / "none.cue")
    assert (code, out) == (3, "")
    assert err == f"Error: there is no journal at {tmp_path / 'none.cue'}\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [("show", "--run", 9), ("export", "--run", 9), ("why", "--run", 9)])
def test_where_there_is_no_such_run_the_exit_code_is_3(arguments: tuple[object, ...], cue: Path, said: Any) -> None:
    code, out, err = said(arguments[0], cue, *arguments[1:])
    assert (code, out) == (3, "")
    assert "there is no run 9" in err
    assert "it has runs 1, 2, 3" in err


@pytest.mark.parametrize("wanted", [("--call", 2, "--run", 1), ("--call", 99), ("--func", "g"), ("--run", 9)])
def test_what_is_not_there_cannot_be_forgotten(wanted: tuple[object, ...], cue: Path, said: Any) -> None:
    before = cue.read_bytes()
    assert said("forget", cue, *wanted)[0] == 3
    assert cue.read_bytes() == before


@pytest.mark.parametrize(
    "arguments",
    [("nope",), ("show",), ("forget", "PATH"), ("forget", "PATH", "--func", "f", "--run", "1"), ("show", "PATH", "--x")]
    + [("export", "PATH", "--all", "--run", "1"), ("show", "PATH", "--run", "0"), ("recover", "PATH")],
)
def test_wrong_use_is_exit_code_2(arguments: tuple[str, ...], cue: Path, said: Any) -> None:
    code, out, err = said(*(str(cue) if each == "PATH" else each for each in arguments))
    assert (code, out) == (2, "")
    assert "Error: " in err


@pytest.mark.parametrize("command", ["show", "export", "why", "verify"])
def test_a_file_that_is_no_journal_is_one_line_on_stderr(command: str, tmp_path: Path, said: Any) -> None:
    path = tmp_path / "text.cue"
    path.write_text("some text\n" * 1000)
    code, out, err = said(command, path)
    assert code == 1
    assert "not a cuebook journal" in out + err
    assert "Traceback" not in out + err


def test_a_folder_is_no_journal(tmp_path: Path, said: Any) -> None:
    code, _, err = said("show", tmp_path)
    assert (code, "is a directory" in err) == (1, True)


def test_a_journal_without_a_run_yet_is_shown(tmp_path: Path, said: Any) -> None:
    path = tmp_path / "new.cue"
    write(path, [])
    assert said("show", path) == (0, "no run yet\n", "")
    assert said("export", path)[0] == 3


def test_help_and_version_load_nothing_heavy(said: Any) -> None:
    code, out, _ = said("--help")
    assert code == 0
    for command in ("show", "watch", "verify", "export", "why", "recover", "backup", "compact", "forget"):
        assert f"  {command} " in out
    assert said("--version")[1].startswith("cuebook ")


def test_a_path_that_no_file_can_have_is_one_line_and_no_traceback(said: Callable[..., tuple[int, str, str]]) -> None:
    for command in ("show", "verify", "export", "why", "watch", "compact"):
        code, out, err = said(command, "x" * 300)
        assert (code, out) == (1, "")
        assert err.startswith("Error: ")
        assert err.count("\n") == 1


def test_a_closed_standard_output_is_no_error_of_ours(cue: Path) -> None:
    for stream in (">&-", "2>&-"):
        done = subprocess.run(
            f"exec {sys.executable} -m cuebook show {cue} {stream}", shell=True, capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")


def test_csv_reaches_terminals_and_pipes_without_control_characters(
    tmp_path: Path, said: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.cue"
    write(path, run_entries(1, [[0]], {0: "a\x1b[31m"}))
    assert "a\\x1b[31m" in said("export", path, "--csv")[1]
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert "a\\x1b[31m" in said("export", path, "--csv")[1]
