"""How often values of each size occur, drawn as SVG bars over a logarithmic axis. Knows nothing of what they mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from cuebook.pages.axis import Axis
from cuebook.pages.escaping import escaped

__all__ = ["histogram"]

WIDTH, HEIGHT, LEFT, RIGHT, BOTTOM = 760, 200, 20, 20, 34
BARS = 48


def histogram(values: Sequence[float], text: Callable[[float], str]) -> str:
    """The values in 48 bars.

    Args:
        text: how a value is written.
    """
    positive = [value for value in values if value > 0]
    if not positive:
        return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}"></svg>'
    low, high = min(positive), max(positive)
    if high < 1.2 * low:
        low, high = low / 1.1, high * 1.1
    counts = [0] * BARS
    scale = BARS / math.log(high / low)
    for value in positive:
        counts[min(BARS - 1, max(0, int(math.log(value / low) * scale)))] += 1
    axis = Axis(low, high, LEFT, WIDTH - RIGHT, True)
    width, most = (WIDTH - LEFT - RIGHT) / BARS, max(counts)
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">']
    for number, count in enumerate(counts):
        if count:
            height = max(1.0, (HEIGHT - BOTTOM - 10) * count / most)
            x, y = LEFT + number * width, HEIGHT - BOTTOM - height
            edges = [low * math.exp((number + step) / scale) for step in (0, 1)]
            said = escaped(f"{text(edges[0])} to {text(edges[1])}: {count:,}")
            parts.append(
                f'<rect class="bar" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}">'
                f"<title>{said}</title></rect>"
            )
    for step in range(7):
        value = low * (high / low) ** (step / 6)
        anchor = "start" if step == 0 else "end" if step == 6 else "middle"
        place, said = axis.place(value), escaped(text(value))
        parts.append(f'<text x="{place:.1f}" y="{HEIGHT - 12}" text-anchor="{anchor}">{said}</text>')
    return "\n".join([*parts, "</svg>"])
