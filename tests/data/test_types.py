"""What comes back from a chain has the type that it had: columns of every kind, and Python objects."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple, TypedDict

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import cuebook
import cuebook.data as dc

Program = Callable[[], AbstractContextManager[object]]
NOON = dt.datetime(2024, 2, 29, 12, 30)


def every_type() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "whole": pl.Series([1, None, 3], dtype=pl.Int16),
            "exact": [1.5, None, float("nan")],
            "text": ["a", None, "ü"],
            "raw": [b"a", None, b"\xff"],
            "flag": [True, None, False],
            "day": [NOON.date(), None, NOON.date()],
            "when": [NOON, None, NOON],
            "zoned": pl.Series([NOON, None, NOON]).dt.replace_time_zone("Europe/Berlin"),
            "nano": pl.Series([NOON, None, NOON], dtype=pl.Datetime("ns")),
            "span": [dt.timedelta(seconds=1), None, dt.timedelta(days=-1)],
            "time": [dt.time(1, 2, 3), None, dt.time(4)],
            "price": pl.Series([Decimal("1.50"), None, Decimal("2.25")], dtype=pl.Decimal(10, 2)),
            "kind": pl.Series(["x", None, "y"], dtype=pl.Categorical),
            "level": pl.Series(["lo", None, "hi"], dtype=pl.Enum(["lo", "hi"])),
            "many": [[1, 2], None, []],
            "nested": [{"a": 1, "b": [{"c": "d"}]}, None, {"a": None, "b": []}],
            "nothing": pl.Series([None, None, None], dtype=pl.Null),
        }
    )


def test_columns_of_every_type_come_back_as_they_were(program: Program) -> None:
    frame = every_type()
    with program():
        chain = dc.read_pandas(frame).settings(where="thread")
        assert_frame_equal(chain.save("all").to_polars(), frame)
        mapped = chain.map(more=lambda whole: (whole or 0) + 1, output=int).save("mapped").to_polars()
        assert_frame_equal(mapped.drop("more"), frame)


def test_a_function_may_get_and_give_back_each_of_them(program: Program) -> None:
    frame = every_type()
    with program():
        chain = dc.read_pandas(frame).settings(where="thread")
        for name in frame.columns:
            if name == "nothing":
                continue
            made = chain.map(same=lambda value: value, params=name, output={"same": frame.schema[name]})
            assert_frame_equal(made.to_polars().select(pl.col("same").alias(name)), frame.select(name))


def test_python_types_say_what_a_column_is(program: Program) -> None:
    @dataclasses.dataclass
    class Point:
        x: int
        y: float

    class Named(NamedTuple):
        label: str
        size: int

    class Typed(TypedDict):
        a: int

    made = {
        "numbers": (list[int], [1, 2], pl.List(pl.Int64)),
        "point": (Point, Point(1, 2.0), pl.Struct({"x": pl.Int64, "y": pl.Float64})),
        "named": (Named, Named("a", 1), pl.Struct({"label": pl.String, "size": pl.Int64})),
        "typed": (Typed, {"a": 1}, pl.Struct({"a": pl.Int64})),
        "day": (dt.date, NOON.date(), pl.Date),
        "when": (dt.datetime, NOON, pl.Datetime("us")),
        "price": (Decimal, Decimal("1.5"), None),
        "maybe": (str | None, None, pl.String),
    }
    with program():
        chain = dc.read_values(x=[1]).settings(where="thread")
        for name, (kind, value, dtype) in made.items():
            column = chain.map(lambda x, value=value: value, params=["x"], output={name: kind}).to_polars()[name]
            assert dtype is None or column.dtype == dtype, name
            assert column.to_list() == [
                dataclasses.asdict(value) if name == "point" else value._asdict() if name == "named" else value
            ]


class Model:
    def __init__(self, weight: int) -> None:
        self.weight = weight

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and self.weight == other.weight


def test_a_column_of_python_objects_is_kept_by_the_codec(program: Program) -> None:
    with program():
        chain = dc.read_values(x=[1, 2]).settings(where="thread")
        models = chain.map(model=lambda x: Model(x), output=Model).save("models")
        assert models.to_values("model") == [Model(1), Model(2)]
        weighed = models.map(weight=lambda model: model.weight, output=int)
        assert weighed.to_values("weight") == [1, 2]
        assert weighed.save("weighed").to_values("model") == [Model(1), Model(2)]
        assert cuebook.read_dataset("models")["model"].to_list() == [Model(1), Model(2)]
        assert chain.map(any=lambda x: {x, "a"}, output=object).to_values("any") == [{1, "a"}, {2, "a"}]
        assert dc.read_values(z=[1j, None]).to_values("z") == [1j, None]


def test_a_column_of_objects_is_one_under_whatever_name(program: Program, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("abc")
    with program():
        chain = dc.read_values(x=[1, 2], model=[Model(1), Model(2)]).settings(where="thread")
        assert chain.schema == {"x": pl.Int64, "model": pl.Object}
        renamed = chain.rename(model="other").mutate(model=dc.C("x")).save("renamed")
        assert renamed.to_list() == [(1, Model(1), 1), (2, Model(2), 2)]
        assert renamed.map(w=lambda other: other.weight, output=int).to_values("w") == [1, 2]
        joined = chain.merge(dc.read_values(x=[2], more=[Model(9)]), on="x", inner=True)
        assert joined.to_list() == [(2, Model(2), Model(9))]
        summed = chain.agg(w=lambda model: sum(each.weight for each in model), output=int)
        assert summed.to_values("w") == [3]
        names = (
            dc.read_storage(tmp_path / "*.txt").settings(where="thread").gen(file=lambda file: [file.name], output=str)
        )
        assert names.save("names").to_list() == [("a.txt",)]


def test_files_count_by_their_content_and_come_as_paths(program: Program, tmp_path: Path) -> None:
    seen: list[str] = []
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text(name * 3)

    def size(file: Path) -> int:
        seen.append(file.name)
        return len(file.read_text())

    def run() -> list[int]:
        with program():
            return dc.read_storage(tmp_path / "*.txt").settings(where="thread").map(n=size).save("sizes").to_values("n")

    assert run() == [3, 3]
    assert run() == [3, 3]
    assert seen == ["a.txt", "b.txt"]
    (tmp_path / "b.txt").write_text("changed")
    assert run() == [3, 7]
    assert seen == ["a.txt", "b.txt", "b.txt"]


def test_a_chain_begins_with_any_frame_and_ends_in_any(program: Program, tmp_path: Path) -> None:
    pandas, pyarrow = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    with program():
        rows = [(1, "a"), (2, "b")]
        frames = [
            pandas.DataFrame({"x": [1, 2], "t": ["a", "b"]}),
            pyarrow.table({"x": [1, 2], "t": ["a", "b"]}),
            pl.LazyFrame({"x": [1, 2], "t": ["a", "b"]}),
        ]
        assert [dc.read_pandas(frame).to_list() for frame in frames] == [rows] * 3
        chain = dc.read_pandas(frames[0])
        assert chain.to_pandas().to_dict("list") == {"x": [1, 2], "t": ["a", "b"]}
        assert chain.to_arrow().to_pylist() == chain.to_records() == [{"x": 1, "t": "a"}, {"x": 2, "t": "b"}]
        chain.to_parquet(tmp_path / "t.parquet")
        chain.to_csv(tmp_path / "t.csv")
        chain.to_jsonl(tmp_path / "t.jsonl")
        assert dc.read_parquet(tmp_path / "t.parquet").to_list() == rows
        assert dc.read_csv(tmp_path / "t.csv").to_list() == rows
        assert dc.read_json(tmp_path / "t.jsonl").to_list() == rows
        assert list(chain) == rows


def test_parts_of_a_folder_are_columns(program: Program, tmp_path: Path) -> None:
    for year in (2023, 2024):
        (tmp_path / f"year={year}").mkdir()
        pl.DataFrame({"x": [year % 10]}).write_parquet(tmp_path / f"year={year}" / "0.parquet")

    with program():
        assert dc.read_parquet(tmp_path).order_by("year").to_list("x", "year") == [(3, 2023), (4, 2024)]


def test_a_database_is_asked_in_sql(program: Program) -> None:
    import sqlite3

    connection = sqlite3.connect(":memory:")
    connection.executescript("create table t (x int); insert into t values (1), (2);")
    with program():
        assert dc.read_database("select x * 2 as y from t", connection).to_values("y") == [2, 4]
    connection.close()
