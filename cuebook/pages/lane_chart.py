"""Lanes of time, each with the stretches in which something ran, drawn as SVG. Knows nothing of what ran."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cuebook.pages.axis import Axis
from cuebook.pages.escaping import escaped

__all__ = ["Stretch", "lane_chart"]

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 1000, 60, 20, 8, 30
LANES_MAX = 256


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `start` to `end`, in seconds; `text` says what it is, `is_bad` that it is to be seen."""

    start: float
    end: float
    text: str
    is_bad: bool = False


def lane_chart(lanes: Sequence[Sequence[Stretch]], end: float, text: Callable[[float], str]) -> str:
    """The lanes from 0 to `end`, under one another; of more than 256 the first ones.

    Args:
        text: how a time is written.
    """
    shown = lanes[:LANES_MAX]
    height = 22 if len(shown) <= 24 else 10
    bottom = TOP + height * len(shown)
    axis = Axis(0.0, max(end, 1e-9), LEFT, WIDTH - RIGHT, False)
    parts = [f'<svg viewBox="0 0 {WIDTH} {bottom + BOTTOM}" role="img">']
    for value in axis.ticks:
        x = axis.place(value)
        parts.append(f'<path class="grid" d="M{x:.1f} {TOP}V{bottom}"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{escaped(text(value))}</text>')
    for number, lane in enumerate(shown):
        y = TOP + number * height
        if height > 12 or number % 5 == 0:
            parts.append(
                f'<text class="faint" x="{LEFT - 8}" y="{y + height - 6}" text-anchor="end">{number + 1}</text>'
            )
        parts += [_bar(each, axis, y, height) for each in lane]
    return "\n".join([*parts, "</svg>"])


def _bar(stretch: Stretch, axis: Axis, y: float, height: float) -> str:
    x, end = axis.place(stretch.start), axis.place(stretch.end)
    return (
        f'<rect class="bar{" bad" if stretch.is_bad else ""}" x="{x:.2f}" y="{y + 1}" width="{max(0.4, end - x):.2f}" '
        f'height="{height - 2}"><title>{escaped(stretch.text)}</title></rect>'
    )
