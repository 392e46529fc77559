"""Old runs from Python: any run, its results and failures, as objects and as tables; nothing is decoded unasked."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cuebook import CallFailed, Checkpoint, Journal, JournalNotTrusted, chunk
from cuebook.cli.command import main


class Plain:
    def __init__(self, x: int) -> None:
        self.x = x

    def __setstate__(self, state: dict[str, Any]) -> None:
        DECODED.append(state["x"])
        self.__dict__.update(state)


DECODED: list[int] = []


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def area(width: int, height: int = 1, *rest: int, **more: int) -> int:
    if width == 3:
        raise ValueError("too wide")
    return width * height


def plain(value: int) -> Plain:
    return Plain(value)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "x.cue"
    options: Any = {"path": path, "where": "thread", "workers": 1, "errors": "collect"}
    chunk(area, [[1, 2], [3, 4], {"width": 5}], **options)
    chunk(plain, [[7], [8]], **options)
    chunk(area, [[1, 2], [3, 4], [6, 1, 9]], **options)
    return path


def test_any_run_is_picked_by_number_or_function(path: Path) -> None:
    assert Checkpoint.load(path).output == [2, None, 6]
    assert Checkpoint.load(path, run=1).output == [2, None, 5]
    assert Checkpoint.load(path, func="plain").completed == [True, True]
    assert Checkpoint.load(path, func=area).parameters == [[1, 2], [3, 4], [6, 1, 9]]
    with pytest.raises(LookupError, match=r"no run 9 in .*x\.cue; its runs: 1 \(area\), 2 \(plain\), 3 \(area\)"):
        Checkpoint.load(path, run=9)
    with pytest.raises(LookupError, match=r"no run 2 of area in "):
        Checkpoint.load(path, run=2, func="area")
    with Journal.open(path) as journal, pytest.raises(LookupError, match="no run of volume in .*; its functions: area"):
        next(journal.results(func="volume"))


def test_results_come_one_by_one_with_arguments_times_and_origin(path: Path) -> None:
    with Journal.open(path) as journal:
        assert [(run.number, run.function) for run in journal.runs] == [(1, "area"), (2, "plain"), (3, "area")]
        found = {(each.run, each.index): each for each in journal.results(run="all", func=area)}
        assert {at: (each.arguments, each.value, each.reused_from) for at, each in found.items()} == {
            (1, 0): ([1, 2], 2, None),
            (1, 2): ({"width": 5}, 5, None),
            (3, 0): ([1, 2], 2, 1),
            (3, 2): ([6, 1, 9], 6, None),
        }
        assert all(each.seconds >= 0 and each.started > 1e9 for each in found.values())
        assert len(list(journal.results(run="all"))) == 6


def test_failures_give_the_arguments_for_another_run_of_just_those(path: Path) -> None:
    with Journal.open(path) as journal:
        [failed] = journal.failures()
        assert isinstance(failed, CallFailed)
        assert (failed.index, failed.arguments, failed.error_type) == (1, [3, 4], "ValueError")
        assert isinstance(failed.__cause__, ValueError)
        assert len(journal.failures(run="all")) == 2
        again = [each.arguments for each in journal.failures()]
    assert chunk(lambda width, height: width + height, again, path=path, where="thread", workers=1) == [7]


def test_a_value_is_decoded_when_it_is_asked_for_and_once(path: Path) -> None:
    DECODED.clear()
    with Journal.open(path) as journal:
        results = list(journal.results(func=plain))
        assert DECODED == []
        assert [each.value.x for each in results] == [7, 8]
        assert results[0].value is results[0].value
        assert DECODED == [7, 8]


def test_what_others_may_have_written_is_not_rebuilt(path: Path) -> None:
    path.chmod(0o666)
    DECODED.clear()
    with Journal.open(path) as journal:
        assert [type(each.value).__name__ for each in journal.results(func=plain)] == ["Opaque"] * 2
    with Journal.open(path, trust="group") as journal, pytest.raises(JournalNotTrusted):
        [each.value for each in journal.results(func=plain)]
    assert DECODED == []
    with Journal.open(path, trust="anyone") as journal:
        assert [each.value.x for each in journal.results(func=plain)] == [7, 8]


COLUMNS = ["run", "index", "width", "height", "arg2", "value", "seconds", "started", "error", "reused_from"]


def test_a_table_has_arguments_by_the_names_of_parameters_and_failures_too(path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    with Journal.open(path) as journal:
        table = journal.to_pandas()
        assert list(table.columns) == COLUMNS
        assert table["width"].tolist() == [1, 3, 6]
        assert table["error"].dropna().to_dict() == {1: "ValueError: too wide"}
        assert table["value"].tolist()[::2] == [2.0, 6.0]
        assert pandas.isna(table["value"][1])
        assert table["started"][0].tzinfo is dt.UTC
        clashing = journal.to_pandas(func=plain)
        assert clashing["value_"].tolist() == [7, 8]
        assert [each.x for each in clashing["value"]] == [7, 8]
        assert len(journal.to_pandas(run="all")) == 8


def test_arrow_and_polars_have_the_same_table(path: Path) -> None:
    pytest.importorskip("pyarrow")
    with Journal.open(path) as journal:
        table = journal.to_arrow()
        assert table.column_names == COLUMNS
        assert table["value"].to_pylist() == [2, None, 6]
        objects = journal.to_arrow(func=plain)["value"].to_pylist()
        assert all("Plain object" in text for text in objects)
        polars = pytest.importorskip("polars")
        frame = journal.to_polars()
        assert frame["width"].to_list() == [1, 3, 6]
        assert isinstance(frame, polars.DataFrame)


def test_parquet_is_written_whole_and_without_code(path: Path, tmp_path: Path, said: Any) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    target = tmp_path / "x.parquet"
    DECODED.clear()
    assert said("export", path, "--parquet", target, "--all")[0] == 0
    table = parquet.read_table(target)
    assert table.num_rows == 8
    assert DECODED == []
    assert sorted(each.name for each in tmp_path.iterdir() if "part" in each.name) == []
    code, _, err = said("export", path, "--parquet", target, "--csv")
    assert (code, "--csv and --parquet exclude each other" in err) == (2, True)
    assert said("export", path, "--parquet", target, "--run", 9)[0] == 3


def test_older_journals_have_no_names_of_parameters_and_a_table_all_the_same(path: Path) -> None:
    with Journal.open(path) as journal:
        for run in (1, 2, 3):
            journal._state.runs[run].opened.options.pop("names", None)
        pytest.importorskip("pandas")
        assert list(journal.to_pandas().columns)[2:5] == ["arg0", "arg1", "arg2"]


def test_names_of_parameters_are_nobodys_option(path: Path, said: Any) -> None:
    code, out, _ = said("show", path, "--run", 1, "--json")
    assert code == 0
    assert "names" not in json.loads(out)["options"]
