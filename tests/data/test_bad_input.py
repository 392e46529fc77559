"""Input that is not as it is meant, and functions that do not keep to what they promise: what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import polars as pl
import pytest

import cuebook
import cuebook.data as dc

Program = Callable[[], AbstractContextManager[object]]


def numbers(count: int = 4, **settings: object) -> dc.DataChain:
    return dc.read_values(x=range(count)).settings(where="thread", **settings)


@pytest.mark.parametrize(
    "ask",
    [
        lambda chain: chain.filter(dc.C("scor") > 1),
        lambda chain: chain.select("scor"),
        lambda chain: chain.map(y=lambda scor: scor),
        lambda chain: chain.map(y=abs, params="scor"),
        lambda chain: chain.agg(y=lambda score: 1, partition_by="scor"),
        lambda chain: chain.group_by(y=dc.C("score").sum(), partition_by="scor"),
        lambda chain: chain.order_by("scor"),
        lambda chain: chain.merge(chain, on="scor"),
    ],
    ids=["filter", "select", "map", "params", "agg", "group_by", "order_by", "merge"],
)
def test_a_column_that_does_not_exist_is_told_with_the_line_and_the_columns_there_are(
    ask: Callable[[dc.DataChain], object],
) -> None:
    chain = dc.read_values(score=[1.0], name=["a"])

    with pytest.raises(dc.DataError) as caught:
        ask(chain)

    text = str(caught.value)
    assert text.startswith(f"{__file__}, line {ask.__code__.co_firstlineno}: ")
    assert "asks for column 'scor', and there are score, name; did you mean 'score'?" in text


def test_an_expression_that_does_not_fit_the_types_is_told_where_it_is_written(program: Program) -> None:
    with program(), pytest.raises(dc.DataError, match=rf"{__file__}, line \d+: mutate\(\) failed"):
        dc.read_values(x=[1]).mutate(y=dc.C("x").str.to_uppercase()).to_polars()


@pytest.mark.parametrize(
    ("output", "value", "text"),
    [
        (int, "a", "for column y, gave 'a' (str), and its output is to be int"),
        (int, 1.5, "gave 1.5 (float), and its output is to be int"),
        (int, True, "gave True (bool), and its output is to be int"),
        (float, None, "gave None (NoneType), and its output is to be float; write `float | None` if it may be missing"),
        (list[int], "abc", "gave 'abc' (str), and its output is to be a list"),
        ({"y": int, "z": int}, (1,), "gave 1 values for the 2 columns y, z"),
        ({"y": int, "z": int}, {"y": 1}, "gave ['y'], and its columns are ['y', 'z']"),
    ],
)
def test_a_value_of_another_type_fails_its_row(program: Program, output: object, value: object, text: str) -> None:
    def odd(x: int) -> object:
        return value

    with program(), pytest.raises(cuebook.CallFailed) as caught:
        numbers().map(odd, output=output if isinstance(output, dict) else {"y": output}).to_polars()

    assert text in str(caught.value)


def test_none_is_a_null_where_the_type_says_so(program: Program) -> None:
    with program():
        made = numbers().map(y=lambda x: None if x % 2 else x, output=int | None)
        assert made.to_values("y") == [0, None, 2, None]
        assert numbers().map(y=lambda x: None if x < 3 else x).to_values("y") == [None, None, None, 3]


def test_without_a_type_values_that_do_not_fit_together_are_told(program: Program) -> None:
    with program():
        assert numbers().map(y=lambda x: x if x < 2 else x / 2).to_values("y") == [0.0, 1.0, 1.0, 1.5]
        with pytest.raises(dc.DataError, match=r"column y cannot take 'three' \(str\) beside 0 \(int\)"):
            numbers().map(y=lambda x: "three" if x == 3 else x).to_polars()


def test_too_many_and_too_few_rows_fail(program: Program) -> None:
    with program():
        with pytest.raises(cuebook.CallFailed, match="gave 1 rows for a batch of 4"):
            numbers().map(y=lambda x: x[:1], batch=True).to_polars()
        with pytest.raises(cuebook.CallFailed, match=r"gave None, and gen\(\) needs any number of rows"):
            numbers().gen(y=lambda x: None).to_polars()

    def many(x: int) -> object:
        yield x

    with pytest.raises(TypeError, match=r"use gen\(\)"):
        numbers().map(y=many)


def third(x: int) -> float:
    return 6 / (x - 2)


def test_rows_that_raise_are_left_out_and_told_of(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    with program():
        made = numbers(errors="collect").map(y=third).save("thirds")
        assert made.to_list() == [(0, -3.0), (1, -6.0), (3, 6.0)]
        failures = dc.read_dataset("thirds.failures")
        assert failures.to_list() == [(2, "division by zero", "ZeroDivisionError")]
    assert "1 row of thirds failed and is left out: see data set 'thirds.failures'" in capsys.readouterr().err


def test_what_lacks_failed_rows_is_not_taken_where_failures_are_to_raise(program: Program) -> None:
    with program():
        numbers(errors="collect").map(y=third).save("thirds")
    with program(), pytest.raises(cuebook.CallFailed, match="division by zero"):
        numbers().map(y=third).save("thirds")


def test_a_retry_does_only_those_again_that_failed(program: Program, tmp_path: Path) -> None:
    seen: list[int] = []

    def moody(x: int) -> int:
        seen.append(x)
        if x in (1, 2) and not (tmp_path / "well").exists():
            raise OSError("not today")
        return x

    def run(retry: bool) -> list[int]:
        seen.clear()
        with program():
            return numbers(errors="collect", retry=retry).map(y=moody, version="1").save("moods").to_values("y")

    assert run(retry=False) == [0, 3]
    assert run(retry=False) == [0, 3]
    assert seen == []
    (tmp_path / "well").touch()
    assert run(retry=True) == [0, 1, 2, 3]
    assert seen == [1, 2]
    assert run(retry=True) == [0, 1, 2, 3]
    assert seen == []


def test_attempts_within_a_run_are_those_of_chunk(program: Program) -> None:
    tries: list[int] = []

    def moody(x: int) -> int:
        tries.append(x)
        if len(tries) < 3:
            raise OSError("not yet")
        return x

    with program():
        assert numbers(1, retries=2, backoff=0.001).map(y=moody, version="1").to_values("y") == [0]


@pytest.mark.parametrize(
    ("content", "options", "text"),
    [
        (b"", {}, "is empty: there is not even a line"),
        (b"a,b\n1,2\n3,4,5\n", {}, "truncate_ragged_lines=True"),
        ("a,b\n1,\xfc\n".encode("latin-1"), {}, 'name its encoding, such as encoding="latin-1"'),
        ("a,b\n1,2\n".encode("utf-16"), {}, 'write encoding="utf-16"'),
        (b"a\n" + b"1\n" * 200 + b"x\n", {}, "schema_overrides"),
    ],
    ids=["empty", "ragged", "another encoding", "UTF-16", "a type that changes"],
)
def test_a_csv_that_is_none_is_told_with_what_to_write(
    program: Program, tmp_path: Path, content: bytes, options: dict[str, object], text: str
) -> None:
    (tmp_path / "t.csv").write_bytes(content)

    with program(), pytest.raises(dc.DataError) as caught:
        dc.read_csv(tmp_path / "t.csv", **options).to_polars()

    assert text in str(caught.value)
    assert "t.csv" in str(caught.value)
    assert str(caught.value).startswith(__file__)


def test_marks_encodings_and_twofold_names_of_a_csv_are_read(
    program: Program, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mark.csv").write_bytes(b"\xef\xbb\xbfa,b\n1,2\n")
    (tmp_path / "latin.csv").write_bytes("a\nü\n".encode("latin-1"))
    (tmp_path / "twice.csv").write_text("a;a\n1;2\n")
    with program():
        assert dc.read_csv(tmp_path / "mark.csv").columns == ["a", "b"]
        assert dc.read_csv(tmp_path / "latin.csv", encoding="latin-1").to_values("a") == ["ü"]
        assert dc.read_csv(tmp_path / "twice.csv", delimiter=";").columns == ["a", "a_duplicated_0"]
    assert "has column 'a' more than once" in capsys.readouterr().err


def test_files_of_a_folder_with_other_columns_are_told(program: Program, tmp_path: Path) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "1.parquet")
    pl.DataFrame({"a": [2], "b": [3]}).write_parquet(tmp_path / "2.parquet")

    with program():
        with pytest.raises(dc.DataError, match="2.parquet"):
            dc.read_parquet(tmp_path).to_polars()
        chain = dc.read_parquet(tmp_path, extra_columns="ignore")
        assert chain.to_values("a") == [1, 2]


def test_what_is_not_there_is_told() -> None:
    with pytest.raises(dc.DataError, match="there is no file .*nowhere.csv"):
        dc.read_csv("nowhere.csv")
    with pytest.raises(dc.DataError, match="not on this machine"):
        dc.read_csv("s3://bucket/data.csv")
    with pytest.raises(TypeError, match="there is no setting 'batch_size': every finished row is durable"):
        numbers(batch_size=10)
    with pytest.raises(TypeError, match="there is no setting 'paralel'"):
        numbers(paralel=2)


def test_a_damaged_file_of_the_store_is_told_and_made_again(
    program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    def run() -> list[int]:
        with program():
            saved = numbers().map(y=lambda x: x * 2, output=int).save("doubled")
            return saved.filter(dc.C("y") > 2).save("large").to_values("y")

    assert run() == [4, 6]
    for path in Path(".cuebook/files").rglob("*"):
        if path.is_file():
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.write_bytes(data)

    assert run() == [4, 6]
    assert "its stored value is damaged" in capsys.readouterr().err


def test_two_programs_may_save_one_name_each_has_a_version_of_its_own(program: Program) -> None:
    with program():
        assert numbers().save("shared").version == 1
    with cuebook.job("another"):
        assert numbers(5).save("shared").version == 2
        assert dc.read_dataset("shared").count() == 5
        assert dc.read_dataset("shared", version=1).count() == 4
