"""What benchmarks find is kept with what belongs beside it, and compared with what was found before."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.comparison import changes, comparison_lines
from benchmarks.harness import keep, leave_out, recorded, row, title
from benchmarks.measurements import BenchmarkRun, Figure, load, newest, save
from benchmarks.surroundings import described, surroundings

BESIDE = {
    "processor": "x", "cpus": 2, "system": "Linux", "python": "3.11", "sqlite": "3.40", "packages": {}, "fsync_us": 80,
    "load": 0.1,
}  # fmt: skip


def run_of(at: str, *figures: Figure) -> BenchmarkRun:
    return BenchmarkRun("speed", at, BESIDE, figures, {"slow one": "it is not here"})


def rates(*values: float, name: str = "ours", is_rate: bool = True) -> Figure:
    return Figure(name, values, "results/s" if is_rate else "s", {"calls": 10, "loads": [values[0]]}, is_rate)


def test_a_run_is_read_back_as_it_was_written_and_the_newest_comes_first(tmp_path: Path) -> None:
    old, new = run_of("2026-01-01T10:00:00Z", rates(1.0, 2.0)), run_of("2026-01-02T10:00:00Z", rates(3.0))
    for each in (new, old):
        assert load(save(each, tmp_path)) == each

    assert newest("speed", tmp_path, count=5) == [new, old]
    assert newest("other", tmp_path) == []


def test_figures_have_a_median_and_a_spread() -> None:
    assert (rates(1.0, 9.0, 2.0).median, rates(1.0, 9.0, 2.0).spread) == (2.0, (1.0, 9.0))
    assert rates(0.0, 1.0, 2.0, 3.0, 100.0).spread == (1.0, 3.0)


@pytest.mark.parametrize(
    ("before", "after", "is_rate", "gain", "is_clear"),
    [
        ((100, 101, 99), (150, 151, 149), True, 1.5, True),
        ((100, 101, 99), (50, 51, 49), True, 0.5, True),
        ((1.0, 1.1, 0.9), (2.0, 2.1, 1.9), False, 0.5, True),
        ((100, 160, 90), (150, 155, 95), True, 1.5, False),  # within the spread
        ((100, 101, 99), (105, 106, 104), True, 1.05, False),  # too little to matter
        ((100,), (115,), True, 1.15, False),  # one round each tells of larger changes only
    ],
)
def test_a_change_is_named_only_beyond_the_spread(
    before: tuple[float, ...], after: tuple[float, ...], is_rate: bool, gain: float, is_clear: bool
) -> None:
    [change] = changes(run_of("1", rates(*before, is_rate=is_rate)), run_of("2", rates(*after, is_rate=is_rate)))

    assert change.gain == pytest.approx(gain)
    assert change.is_clear is is_clear


def test_the_comparison_names_what_is_worse_first_with_both_machines(tmp_path: Path) -> None:
    for at, ours, theirs in (("2026-01-01", 100.0, 10.0), ("2026-01-02", 50.0, 20.0)):
        save(run_of(at, rates(theirs, theirs, name="theirs"), rates(ours, ours)), tmp_path)
    lines = [*comparison_lines(tmp_path)]

    assert lines[0] == "speed: 2026-01-02 beside 2026-01-01"
    assert lines[1] == lines[2] == f"  {described(BESIDE)}"
    assert [line.split(":")[0].strip() for line in lines[3:]] == ["WORSE 0.50 x", "better 2.00 x"]


def test_what_a_benchmark_prints_is_kept_as_figures(capsys: pytest.CaptureFixture[str]) -> None:
    with recorded("speed") as made:
        title("table one: of something")
        row("", "a second", "seconds", "goal")
        row("ours", "1,234/s", "0.5", "9,999")
        row("theirs", "none")
        keep(rates(1.0, 2.0), durability="power loss")
        leave_out("slow one", "it is not here")
    run = made()

    first, second, third = run.figures
    assert (first.name, first.values, first.unit, first.is_rate) == ("ours", (1234.0,), "/s", True)
    assert (second.values, second.unit, second.is_rate) == ((0.5,), "seconds", False)
    assert second.parameters == {"table": "table one", "column": "seconds"}
    assert third.parameters["durability"] == "power loss"
    assert run.left_out == {"slow one": "it is not here"}
    assert {*surroundings()} | {"load_after"} == {*run.surroundings}
    capsys.readouterr()
