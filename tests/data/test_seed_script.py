"""The script of DataChain's page on checkpoints, word for word but for the import and where the CSV lies."""

from __future__ import annotations

import pytest

from tests.support.scripts import ScriptFolder

SCRIPT = """
import cuebook.data as dc

# Stage 1: Load and filter data
filtered = (
    dc.read_csv("data.csv")
    .filter(dc.C("score") > 0.5)
    .save("filtered_data")
)

# Stage 2: Transform data
transformed = (
    filtered
    .map(value=lambda x: x * 2, output=float)
    .save("transformed_data")
)

# Stage 3: Aggregate results
result = (
    transformed
    .agg(
        total=lambda values: sum(values),
        partition_by="category",
    )
    .save("final_results")
)
print(result.order_by("category").to_list())
"""
MADE = ["filtered_data ...", "transformed_data ...", "final_results ..."]


@pytest.fixture
def seed(folder: ScriptFolder) -> ScriptFolder:
    rows = "".join(f"{score},{x},{'ab'[x % 2]},{x * 10}\n" for x, score in enumerate([0.1, 0.6, 0.7, 0.8]))
    (folder.path / "data.csv").write_text(f"score,x,category,values\n{rows}")
    folder.write(SCRIPT)
    return folder


def told(folder: ScriptFolder) -> list[str]:
    """What became of each data set."""
    lines = [line.removeprefix("cuebook: ") for line in folder.stderr.splitlines()]
    return [line.partition(", ")[0] for line in lines if line in MADE or "taken over" in line]


def test_it_runs_word_for_word_and_is_taken_over_by_the_next_run(seed: ScriptFolder) -> None:
    answer, _ = seed.run(CUEBOOK_LIVE="1")
    assert answer == "[('a', 20), ('b', 40)]"
    assert told(seed) == MADE

    assert seed.run(CUEBOOK_LIVE="1")[0] == answer
    assert told(seed) == [f"{name} taken over" for name in ("filtered_data", "transformed_data", "final_results")]


def test_failing_in_its_third_stage_it_goes_on_with_that_once_it_is_mended(seed: ScriptFolder) -> None:
    seed.edit("sum(values)", "values[0] // 0")
    seed.run(code=1, CUEBOOK_LIVE="1")
    assert "ZeroDivisionError" in seed.stderr
    assert told(seed) == MADE
    seed.edit("values[0] // 0", "sum(values)")

    assert seed.run(CUEBOOK_LIVE="1")[0] == "[('a', 20), ('b', 40)]"
    assert told(seed)[-3:] == ["filtered_data taken over", "transformed_data taken over", MADE[2]]


def test_a_csv_that_has_changed_is_read_again_and_only_its_new_rows_are_worked_on(seed: ScriptFolder) -> None:
    seed.edit("lambda x: x * 2", "note")
    seed.write("def note(x):\n    open('calls', 'a').write(f'{x}\\n')\n    return x * 2\n" + seed.script.read_text())
    assert seed.run()[1] == ["1", "2", "3"]
    with (seed.path / "data.csv").open("a") as file:
        file.write("0.9,9,a,1000\n")

    answer, calls = seed.run()

    assert answer == "[('a', 1020), ('b', 40)]"
    assert calls == ["9"]
    assert "filtered_data is redone: file data.csv: differs" in seed.stderr
