"""Figures in two dimensions as one picture: an SVG of coloured cells with their numbers. Knows no subject."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

__all__ = ["heat_map"]

CELL, ROW, LEFT, TOP = 92, 34, 110, 64
RED, YELLOW, GREEN = (214, 96, 77), (247, 224, 139), (102, 189, 99)


def heat_map(
    cells: Mapping[tuple[str, str], float], columns: Sequence[str], rows: Sequence[str], names: tuple[str, str, str]
) -> str:
    """The picture.

    Args:
        cells: a number from 0 (bad) to 1 (good) by column and row.
        names: of the picture, the columns and the rows.
    """
    width, height = LEFT + CELL * len(columns) + 16, TOP + ROW * len(rows) + 16
    title, of_columns, of_rows = map(html.escape, names)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        "<style>text { font: 13px system-ui, sans-serif }</style>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="12" y="20" font-weight="600" fill="#1b1f24">{title}</text>',
        f'<text x="{LEFT}" y="{TOP - 26}" fill="#6e7781">{of_columns}</text>',
        f'<text x="12" y="{TOP - 8}" fill="#6e7781">{of_rows}</text>',
    ]
    for across, column in enumerate(columns):
        x = LEFT + CELL * across + CELL / 2
        parts.append(f'<text x="{x}" y="{TOP - 8}" text-anchor="middle" fill="#1b1f24">{html.escape(column)}</text>')
    for down, name in enumerate(rows):
        y = TOP + ROW * down
        parts.append(f'<text x="{LEFT - 10}" y="{y + 22}" text-anchor="end" fill="#1b1f24">{html.escape(name)}</text>')
        for across, column in enumerate(columns):
            if (column, name) in cells:
                parts.append(_cell(LEFT + CELL * across, y, cells[column, name]))
    return "\n".join([*parts, "</svg>", ""])


def _cell(x: int, y: int, value: float) -> str:
    at = min(1.0, max(0.0, value))
    low, high, share = (RED, YELLOW, at * 2) if at < 0.5 else (YELLOW, GREEN, at * 2 - 1)
    colour = ",".join(str(round(a + (b - a) * share)) for a, b in zip(low, high, strict=True))
    return (
        f'<rect x="{x + 1}" y="{y + 1}" width="{CELL - 2}" height="{ROW - 2}" rx="3" fill="rgb({colour})"/>'
        f'<text x="{x + CELL / 2}" y="{y + 22}" text-anchor="middle" fill="#1b1f24">{value:.2f}</text>'
    )
