"""What polars raises, in words that name the user's line, what there is, and what to write."""

from __future__ import annotations

from typing import Any

from cuebook.data.plan import CodePlace, DatasetStep, RelationStep, RowStep, SourceStep, Step, above

__all__ = ["no_column", "told"]

_HINTS = (
    (
        "found more fields than defined",
        "a line has more fields than the first one: truncate_ragged_lines=True drops them",
    ),
    ("invalid utf-8", 'it is not UTF-8: name its encoding, such as encoding="latin-1"'),
    ("empty CSV", "it is empty: there is not even a line with the names of the columns"),
    ("could not parse", "a value does not fit the type that the first lines have: write schema_overrides={...}"),
)


def no_column(what: str, missing: str, there: list[str], place: CodePlace) -> str:
    """A column is asked for that does not exist."""
    from difflib import get_close_matches

    near = get_close_matches(missing, there, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"{place}: {what} asks for column {missing!r}, and there are {', '.join(there) or 'none'}{hint}"


def told(error: Exception, step: Step) -> str:
    """An error of polars while a chain was run."""
    first = str(error).partition("\n\n")[0].strip()
    hint = next((text for sign, text in _HINTS if sign in str(error)), "")
    sources = [each for each in above(step) if isinstance(each, SourceStep) and each.files]
    files = f" (of {', '.join(sources[0].files[:3])})" if sources else ""
    return f"{step.place}: {_title(step)}{files} failed: {first}{f'; {hint}' if hint else ''}"


def _title(step: Any) -> str:
    if isinstance(step, RowStep | DatasetStep):
        return step.name
    return (
        f"read_{step.kind}()"
        if isinstance(step, SourceStep)
        else f"{step.kind}()"
        if isinstance(step, RelationStep)
        else ""
    )
