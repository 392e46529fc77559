"""Curves over a common axis, drawn as SVG. Knows nothing of what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cuebook.pages.axis import Axis, axis_of, tick_text
from cuebook.pages.escaping import escaped

__all__ = ["Curve", "line_chart"]

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 320, 70, 150, 14, 44
COLOURS = 4


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve with its name.

    Attributes:
        points: x and y, in the order of x.
        is_predicted: it is drawn dashed and without dots: nobody has measured it.
        colour: 0 to 3; curves that belong together share one. None: one of its own.
    """

    name: str
    points: Sequence[tuple[float, float]]
    is_predicted: bool = False
    colour: int | None = None


def line_chart(
    curves: Sequence[Curve], x_name: str, y_name: str, *, is_log_x: bool = False, is_log_y: bool = False
) -> str:
    """The curves with their axes and names.

    Args:
        x_name, y_name: what the axes show, with the unit.
    """
    points = [point for curve in curves for point in curve.points]
    x_axis = axis_of([x for x, _ in points], LEFT, WIDTH - RIGHT, is_log=is_log_x)
    y_axis = axis_of([y for _, y in points], HEIGHT - BOTTOM, TOP, is_log=is_log_y)
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">', *_grid(x_axis, y_axis, x_name, y_name)]
    for number, curve in enumerate(curves):
        colour = (number if curve.colour is None else curve.colour) % COLOURS
        parts += _drawn(curve, [(x_axis.place(x), y_axis.place(y)) for x, y in curve.points], colour)
        y = TOP + 8 + 18 * number
        style = "line dashed" if curve.is_predicted else "line"
        parts.append(f'<path class="{style} c{colour}" d="M{WIDTH - RIGHT + 12} {y}h20"/>')
        parts.append(f'<text x="{WIDTH - RIGHT + 38}" y="{y + 4}">{escaped(curve.name)}</text>')
    return "\n".join([*parts, "</svg>"])


def _grid(x_axis: Axis, y_axis: Axis, x_name: str, y_name: str) -> list[str]:
    parts = []
    for value in y_axis.ticks:
        y = y_axis.place(value)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick_text(value)}</text>')
    for value in x_axis.ticks:
        x = x_axis.place(value)
        parts.append(f'<path class="grid" d="M{x:.1f} {HEIGHT - BOTTOM}v5"/>')
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{tick_text(value)}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text class="faint" x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">{escaped(x_name)}</text>')
    turned = f'transform="rotate(-90 14 {HEIGHT / 2})"'
    parts.append(f'<text class="faint" x="14" y="{HEIGHT / 2}" text-anchor="middle" {turned}>{escaped(y_name)}</text>')
    return parts


def _drawn(curve: Curve, places: Sequence[tuple[float, float]], colour: int) -> list[str]:
    if not places:
        return []
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    parts = [f'<path class="line {"dashed " if curve.is_predicted else ""}c{colour}" d="M{path}"/>']
    if curve.is_predicted:
        return parts
    for (x, y), at in zip(places, curve.points, strict=True):
        said = f"<title>{at[0]:,g}: {at[1]:,.4g}</title>"
        parts.append(f'<circle class="dot c{colour}" cx="{x:.1f}" cy="{y:.1f}" r="3.5">{said}</circle>')
    return parts
