"""Metrics over checkpoints as one HTML page that needs nothing else, or as a picture by matplotlib. Pure."""

from __future__ import annotations

import html
import io
from collections.abc import Sequence

from cuebook.experiments.table import ExperimentView

__all__ = ["picture", "plotted"]

_WIDTH, _HEIGHT, _EDGE = 720, 260, 48
_COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#e377c2")
_STYLE = "body{font-family:sans-serif;margin:2em}text{font-size:11px}"
Points = list[tuple[float, float]]


def plotted(views: Sequence[ExperimentView], metrics: Sequence[str]) -> str:
    """A page with one plot for each metric that is a number, a line for each experiment."""
    parts = [_plot(name, [(view.name, _points(view, name)) for view in views]) for name in metrics]
    body = "\n".join(part for part in parts if part) or "<p>No experiment has a metric that is a number.</p>"
    head = f"<title>experiments</title><style>{_STYLE}</style>"
    return f'<!doctype html>\n<html><head><meta charset="utf-8">{head}</head>\n<body>\n{body}\n</body></html>\n'


def picture(views: Sequence[ExperimentView], metrics: Sequence[str]) -> bytes:
    """The same as a PNG.

    Raises:
        ImportError: there is no matplotlib.
    """
    from matplotlib.figure import Figure

    lines = {name: [(view.name, _points(view, name)) for view in views] for name in metrics}
    shown = {name: found for name, found in lines.items() if any(points for _, points in found)}
    figure = Figure(figsize=(8, 3 * max(1, len(shown))), layout="constrained")
    for number, (name, found) in enumerate(shown.items(), 1):
        axes = figure.add_subplot(len(shown), 1, number)
        axes.set(title=name, xlabel="checkpoint")
        for title, points in found:
            if points:
                axes.plot(*zip(*points, strict=True), marker="o" if len(points) == 1 else "", label=title)
        axes.legend()
    written = io.BytesIO()
    figure.savefig(written, format="png")
    return written.getvalue()


def _points(view: ExperimentView, name: str) -> Points:
    found = [(float(row.number), row.metrics.get(name)) for row in reversed(view.rows)]
    return [(x, float(y)) for x, y in found if isinstance(y, int | float) and abs(y) < float("inf")]


def _plot(name: str, lines: list[tuple[str, Points]]) -> str:
    lines = [(title, points) for title, points in lines if points]
    if not lines:
        return ""
    xs = [x for _, points in lines for x, _ in points]
    ys = [y for _, points in lines for _, y in points]
    drawn, keys = [], []
    for number, (title, points) in enumerate(lines):
        colour = _COLOURS[number % len(_COLOURS)]
        places = " ".join(f"{_place(x, xs, _WIDTH):.1f},{_HEIGHT - _place(y, ys, _HEIGHT):.1f}" for x, y in points)
        shape = "polyline" if len(points) > 1 else "circle"
        x, y = places.split()[0].split(",")
        where = f'points="{places}" fill="none"' if shape == "polyline" else f'cx="{x}" cy="{y}" r="3" fill="{colour}"'
        drawn.append(f'<{shape} {where} stroke="{colour}"/>')
        keys.append(f'<span style="color:{colour}">{html.escape(title)}</span>')
    low, high = min(ys), max(ys)
    axis = f'<path d="M{_EDGE},8V{_HEIGHT - _EDGE}H{_WIDTH - 8}" fill="none" stroke="#888"/>'
    marks = f'<text x="2" y="{_HEIGHT - _EDGE}">{low:.4g}</text><text x="2" y="16">{high:.4g}</text>'
    marks += f'<text x="{_EDGE}" y="{_HEIGHT - 30}">{min(xs):g}</text>'
    marks += f'<text x="{_WIDTH - 40}" y="{_HEIGHT - 30}">{max(xs):g}</text>'
    picture = f'<svg width="{_WIDTH}" height="{_HEIGHT}">{axis}{"".join(drawn)}{marks}</svg>'
    return f"<h2>{html.escape(name)}</h2>\n{picture}\n<p>{' &middot; '.join(keys)}</p>"


def _place(value: float, all_values: list[float], length: int) -> float:
    low, high = min(all_values), max(all_values)
    share = 0.5 if high == low else (value - low) / (high - low)
    return _EDGE + share * (length - _EDGE - 16)
