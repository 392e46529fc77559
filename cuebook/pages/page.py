"""A page that is one file: a heading, paragraphs, tables, figures. Knows nothing of what they say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cuebook.pages.escaping import escaped

__all__ = ["figure", "page", "paragraph", "preformatted", "table"]

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --faint: #6e7781; --line: #d0d7de; --c0: #0969da;
  --c1: #bc4c00; --c2: #1a7f37; --c3: #8250df; --bad: #cf222e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --paper: #0d1117; --faint: #8d96a0; --line: #30363d;
  --c0: #58a6ff; --c1: #f0883e; --c2: #3fb950; --c3: #bc8cff; --bad: #ff7b72; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .15rem .8rem; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; } th { color: var(--faint); font-weight: 600; }
pre { white-space: pre-wrap; font: 13px/1.5 ui-monospace, monospace; }
figure { margin: 1rem 0; } figcaption { color: var(--faint); } svg { width: 100%; height: auto; }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; } svg .faint { fill: var(--faint); }
svg .grid { stroke: var(--line); } svg .c0 { stroke: var(--c0); } svg .c1 { stroke: var(--c1); }
svg .c2 { stroke: var(--c2); } svg .c3 { stroke: var(--c3); } svg .line { fill: none; stroke-width: 2; }
svg .dashed { stroke-dasharray: 5 4; } svg .dot { fill: var(--paper); stroke-width: 2; }
svg .bar { fill: var(--c0); stroke: var(--paper); stroke-width: .3; } svg .bar.bad { fill: var(--bad); }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """The whole file.

    Args:
        title: plain text. parts: what the other functions here made.
    """
    name = escaped(title)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{name}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{name}</h1>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def paragraph(text: str) -> str:
    """Plain text."""
    return f"<p>{escaped(text)}</p>"


def preformatted(text: str) -> str:
    """Plain text whose lines and columns stay."""
    return f"<pre>{escaped(text)}</pre>"


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells of plain text; the first column is the one that names the row."""
    head = "".join(f"<th>{escaped(cell)}</th>" for cell in headers)
    body = "\n".join("<tr>" + "".join(f"<td>{escaped(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>\n<tr>{head}</tr>\n{body}\n</table>"


def figure(heading: str, svg: str, caption: str = "") -> str:
    """A drawing under a heading."""
    said = f"<figcaption>{escaped(caption)}</figcaption>" if caption else ""
    return f"<h2>{escaped(heading)}</h2>\n<figure>{svg}{said}</figure>"
