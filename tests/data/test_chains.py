"""What a chain gives: relational work as polars does it, functions of rows, groups and batches, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import polars as pl
import pytest

import cuebook.data as dc

Program = Callable[[], AbstractContextManager[object]]
FRUIT = {"name": ["fig", "kiwi", "lime", "plum", "date"], "kilos": [2, 3, 1, 5, 4], "kind": ["a", "b", "a", "b", "a"]}


def fruit() -> dc.DataChain:
    return dc.read_values(**FRUIT).settings(where="thread")


def test_relational_steps_are_those_of_polars(program: Program) -> None:
    prices = dc.read_records([{"kind": "a", "price": 1.5}, {"kind": "c", "price": 9.0}])
    with program():
        chain = (
            fruit()
            .filter(dc.C("kilos") > 1, dc.C("name") != "plum")
            .mutate(grams=dc.C("kilos") * 1000, origin="farm")
            .merge(prices, on="kind")
            .order_by("kilos", descending=True)
            .select("name", "grams", "price", "origin")
        )
        assert chain.columns == ["name", "grams", "price", "origin"]
        assert chain.to_list() == [
            ("date", 4000, 1.5, "farm"),
            ("kiwi", 3000, None, "farm"),
            ("fig", 2000, 1.5, "farm"),
        ]
        assert chain.limit(1).offset(0).to_values("name") == ["date"]
        assert fruit().group_by(total=dc.C("kilos").sum(), partition_by="kind").to_list() == [("a", 7), ("b", 8)]
        assert fruit().distinct("kind").to_values("name") == ["fig", "kiwi"]
        assert fruit().union(fruit()).select_except("kind").rename(kilos="kg").count() == 10
        assert fruit().merge(prices, on="kind", inner=True).count() == 3
        assert fruit().merge(prices, on="kind", full=True).count() == 6


def test_parameters_get_the_columns_of_their_names(program: Program) -> None:
    def label(kilos: int, name: str, unit: str = "kg") -> str:
        return f"{name} {kilos} {unit}"

    with program():
        assert fruit().map(label).to_values("label")[:2] == ["fig 2 kg", "kiwi 3 kg"]
        assert fruit().map(text=label).columns == ["name", "kilos", "kind", "text"]
        assert fruit().map(size=len, params="name", output=int).to_values("size") == [3, 4, 4, 4, 4]


def test_one_function_may_give_several_columns(program: Program) -> None:
    def halves(kilos: int) -> tuple[int, float]:
        return kilos // 2, kilos / 2

    with program():
        by_names = fruit().map(halves, output=("whole", "exact"))
        by_types = fruit().map(
            lambda kilos: {"exact": kilos / 2, "whole": kilos // 2}, output={"whole": int, "exact": float}
        )
        assert by_names.to_list("whole", "exact") == by_types.to_list("whole", "exact") == [
            (1, 1.0), (1, 1.5), (0, 0.5), (2, 2.5), (2, 2.0),
        ]  # fmt: skip
        assert by_names.schema["exact"] == pl.Float64


def test_gen_gives_any_number_of_rows_with_its_columns_alone(program: Program) -> None:
    def letters(name: str, kilos: int) -> Iterator[str]:
        yield from name[: kilos - 1]

    with program():
        made = fruit().gen(letter=letters)
        assert made.columns == ["letter"]
        assert made.to_values("letter") == [*"f", *"ki", *"plum", *"dat"]
        saved = made.save("letters")
        assert saved.count() == 10


def test_agg_gets_the_lists_of_a_group_and_keeps_what_groups_them(program: Program) -> None:
    with program():
        one = fruit().agg(total=lambda kilos: sum(kilos), partition_by="kind")
        assert one.to_list() == [("a", 7), ("b", 8)]
        several = fruit().agg(name=lambda name: sorted(name)[:2], partition_by="kind", output=str)
        assert several.to_list() == [("a", "date"), ("a", "fig"), ("b", "kiwi"), ("b", "plum")]
        assert fruit().agg(heaviest=max, params="kilos", output=int).to_list() == [(5,)]


def test_a_batch_gets_lists_and_gives_one_item_for_each(program: Program) -> None:
    seen: list[int] = []

    def doubled(kilos: list[int]) -> list[int]:
        seen.append(len(kilos))
        return [each * 2 for each in kilos]

    with program():
        made = fruit().settings(batch_rows=2).map(double=doubled, batch=True, output=int)
        assert made.to_values("double") == [4, 6, 2, 10, 8]
        assert sorted(seen) == [1, 2, 2]


def test_a_map_may_take_the_place_of_a_column(program: Program) -> None:
    with program():
        made = fruit().map(kilos=lambda kilos: kilos + 0.5, output=float)
        assert made.to_values("kilos") == [2.5, 3.5, 1.5, 5.5, 4.5]


def test_no_function_is_called_for_a_row_that_nobody_asks_for(program: Program) -> None:
    seen: list[str] = []

    def noted(name: str) -> str:
        seen.append(name)
        return name.upper()

    with program():
        chain = fruit().map(upper=noted)
        assert chain.filter(dc.C("kilos") > 3).limit(1).to_values("upper") == ["PLUM"]
        assert chain.order_by("kilos").limit(2).to_values("upper") == ["LIME", "FIG"]
        assert fruit().limit(1).map(upper=noted).count() == 1
        assert seen == ["plum", "lime", "fig"], "the last row was finished before"
        seen.clear()
        assert chain.filter(dc.C("upper") == "KIWI").count() == 1
        assert len(seen) == 4


def test_a_chain_without_rows_has_its_columns(program: Program) -> None:
    with program():
        empty = fruit().filter(dc.C("kilos") > 99).map(half=lambda kilos: kilos / 2, output=float)
        assert empty.to_polars().schema == {"name": pl.String, "kilos": pl.Int64, "kind": pl.String, "half": pl.Float64}
        assert empty.save("empty").count() == 0


def test_a_saved_chain_is_a_data_set_of_the_job(program: Program) -> None:
    import cuebook

    with program():
        saved = fruit().map(half=lambda kilos: kilos / 2, output=float).save("halves")
        assert (saved.name, saved.version) == ("halves", 1)
        assert cuebook.read_dataset("halves").columns == ["name", "kilos", "kind", "half"]
        assert dc.read_dataset("halves").filter(dc.C("half") > 2).count() == 1
        assert "halves" in [each.name for each in dc.datasets()]
    with program():
        assert dc.read_dataset("halves").to_values("half") == [1.0, 1.5, 0.5, 2.5, 2.0]


def test_a_coroutine_function_runs_where_coroutines_do(program: Program) -> None:
    async def doubled(kilos: int) -> int:
        return kilos * 2

    with program():
        chain = dc.read_values(**FRUIT).settings(where="async", parallel=3).map(double=doubled)
        assert chain.to_values("double") == [4, 6, 2, 10, 8]


@pytest.mark.parametrize("workers", [1, 2])
def test_functions_run_in_worker_processes_and_rows_keep_their_order(program: Program, workers: int) -> None:
    with program():
        chain = dc.read_values(x=range(500)).settings(parallel=workers)
        assert chain.map(y=lambda x: x * 2, output=int).to_values("y") == list(range(0, 1000, 2))


def test_rows_are_read_a_little_ahead_and_no_further(program: Program) -> None:
    import time

    import cuebook.data.rows.run as run

    done: list[int] = []
    ahead: list[int] = []

    def slow(x: list[int]) -> list[int]:
        time.sleep(0.02)
        done.append(x[0])
        return x

    original = run.RowInput.batches

    def noted(rows: run.RowInput) -> Iterator[object]:
        for number, batch in enumerate(original(rows)):
            ahead.append(number - len(done))
            yield batch

    with program(), pytest.MonkeyPatch.context() as patched:
        patched.setattr(run.RowInput, "batches", noted)
        patched.setattr("cuebook.data.rows.input.BATCH_ROWS", 10)
        patched.setattr(run, "AHEAD_BATCHES", 0)
        chain = dc.read_values(x=range(600)).settings(where="thread", batch_rows=10)
        made = chain.map(y=slow, batch=True, output=int, version="1").save("y")
        assert made.to_values("y") == list(range(600))
    assert len(ahead) == 60
    assert max(ahead) <= 3


def test_a_failure_among_many_batches_ends_the_chain_and_no_thread_stays(program: Program) -> None:
    import threading

    import cuebook

    def fails(x: list[int]) -> list[int]:
        if x[0] == 20:
            raise ValueError("here")
        return x

    with program(), pytest.MonkeyPatch.context() as patched:
        patched.setattr("cuebook.data.rows.input.BATCH_ROWS", 10)
        chain = dc.read_values(x=range(300)).settings(where="thread", batch_rows=10)
        with pytest.raises(cuebook.CallFailed, match="here"):
            chain.map(y=fails, batch=True, output=int).save("y")
        for thread in threading.enumerate():
            if thread.name == "cuebook-feeder":
                thread.join(10)
                assert not thread.is_alive()
