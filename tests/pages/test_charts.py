"""Drawings are text that stands by itself, however odd the numbers and the names are."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from cuebook.pages.axis import Axis, axis_of
from cuebook.pages.histogram import BARS, histogram
from cuebook.pages.lane_chart import LANES_MAX, Stretch, lane_chart
from cuebook.pages.line_chart import Curve, line_chart
from cuebook.pages.page import figure, page, paragraph, preformatted, table

ODD = "<b> & \"x\" 'y'"


@pytest.mark.parametrize(
    "axis",
    [
        Axis(0.0, 0.003, 0, 100, False), Axis(0.0, 17.0, 0, 100, False), Axis(1.0, 64.0, 0, 100, True),
        Axis(1e-6, 1e7, 0, 100, True), axis_of([], 0, 100, is_log=False), axis_of([5.0], 0, 100, is_log=True),
    ],
)  # fmt: skip
def test_ticks_are_few_and_lie_on_the_axis(axis: Axis) -> None:
    assert 1 <= len(axis.ticks) <= 16
    assert all(axis.low - 1e-9 <= tick <= axis.high * (1 + 1e-9) for tick in axis.ticks)
    places = [axis.place(tick) for tick in axis.ticks]
    assert places == sorted(places)
    assert axis.place(axis.low) == pytest.approx(axis.begin)
    assert axis.place(axis.high * 10) == pytest.approx(axis.end)


@pytest.mark.parametrize(
    "curves",
    [
        [],
        [Curve(ODD, [(1, 0.0)])],
        [Curve("a", [(1, 5.0), (2, 9.0)]), Curve("b", [], is_predicted=True)],
        [Curve("zero", [(0, 0.0), (1, 0.0)])],
    ],
)
@pytest.mark.parametrize("is_log", [False, True])
def test_any_curves_are_drawn(curves: list[Curve], is_log: bool) -> None:
    drawn = ET.fromstring(line_chart(curves, ODD, "y", is_log_x=is_log, is_log_y=is_log))

    names = [each.text for each in drawn.iter("text")]
    assert ODD in names
    assert {curve.name for curve in curves} <= {*names}


def test_every_value_is_in_a_bar() -> None:
    for values in ([], [0.0], [2.0], [1.0, 1.0001], [1e-9, 1e3], [float(n) for n in range(1, 1000)]):
        drawn = ET.fromstring(histogram(values, str))
        counted = [int((each.findtext("title") or "").rpartition(": ")[2]) for each in drawn.iter("rect")]
        assert sum(counted) == len([value for value in values if value > 0])
        assert len(counted) <= BARS


def test_lanes_are_bounded_and_what_is_to_be_seen_is_marked() -> None:
    lanes = [[Stretch(0.0, 1.0, ODD), Stretch(2.0, 2.0, "short", True)]] * (LANES_MAX + 9)
    drawn = ET.fromstring(lane_chart(lanes, 3.0, str))
    bars = [each.get("class") for each in drawn.iter("rect")]

    assert len(bars) == 2 * LANES_MAX
    assert bars.count("bar bad") == LANES_MAX
    assert ET.fromstring(lane_chart([], 0.0, str)) is not None


def test_nothing_that_was_read_is_taken_for_markup() -> None:
    text = page(ODD, [paragraph(ODD), preformatted(ODD), table([ODD], [[ODD]]), figure(ODD, "<svg/>", ODD)])

    assert "<b>" not in text
    assert text.count("&lt;b&gt;") == 8
