"""The answer of `why`: gathered from the records, then said in sentences or as plain data. Knows no file."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from cuebook.cli.json_values import json_value
from cuebook.cli.output import SCHEMA
from cuebook.cli.reasons import (
    CALLS_MAX,
    Comparison,
    Fresh,
    FreshCalls,
    base_of,
    compared,
    sorted_out,
    twins,
)
from cuebook.persistence.records.run_heads import Reuse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cuebook.persistence.history.replay import JournalState
    from cuebook.persistence.history.run import RunState
    from cuebook.persistence.identity.parts import Change

__all__ = ["Arguments", "Explanation", "explain", "explanation_lines", "explanation_object"]

_SHOWN_MAX = 80
_DIFF_LINES_MAX = 40
_SENTENCES = {
    Fresh.NEW: "{calls} arguments that no earlier run of this function had",
    Fresh.FAILED: "{calls} failed before (failures are never reused)",
    Fresh.UNFINISHED: "{calls} not finished by an earlier run",
    Fresh.FORGOTTEN: "{calls} forgotten by command",
    Fresh.TAKEN: "{calls} equal to others in the list (each earlier result is taken once)",
}

_NONE_TAKEN = "{calls} equal to calls of earlier runs, and no result of theirs was taken"


class Arguments(Protocol):
    """The arguments of calls, by run."""

    def call(self, run: int, index: int) -> Any:
        """Those of one call, to be shown."""

    def keys(self, run: int) -> Iterator[bytes]:
        """What each call's are known by."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a run did what it did.

    Attributes:
        run: the run.
        function: its name.
        reused: how many results it took from which earlier run.
        fresh: how many calls took none.
        comparison: its function beside that of the run before; None for the first run.
        twins: numbers of the earlier runs of the very same function.
        reasons: its fresh calls by reason, with their arguments; empty where no earlier run had the same function.
        looked_at: how many of the fresh calls these are.
        is_whole: whether only the results of an equal list could be taken.
        opaque: what the fingerprint cannot see.
    """

    run: int
    function: str
    reused: dict[int, int]
    fresh: int
    comparison: Comparison | None
    twins: list[int]
    reasons: dict[Fresh, tuple[FreshCalls, list[Any]]]
    looked_at: int
    is_whole: bool
    opaque: list[str]


def explain(state: JournalState, run: RunState, arguments: Arguments) -> Explanation:
    """Gather why a run reused what it reused. Cost: see `reasons.sorted_out`."""
    base = base_of(state, run)
    earlier = twins(state, run)
    reasons = sorted_out(run, earlier, arguments.keys) if earlier else {}
    reused: dict[int, int] = {}
    for each in run.reused:
        reused[each.source_run] = reused.get(each.source_run, 0) + each.count
    return Explanation(
        run=run.number,
        function=run.opened.function,
        reused=reused,
        fresh=run.known - run.reused_count,
        comparison=compared(state, base, run) if base is not None else None,
        twins=[each.number for each in earlier],
        reasons={
            fate: (calls, [arguments.call(run.number, index) for index in calls.examples])
            for fate, calls in reasons.items()
        },
        looked_at=sum(calls.count for calls in reasons.values()),
        is_whole=run.opened.reuse is Reuse.RUN,
        opaque=list(run.opened.opaque),
    )


def explanation_object(found: Explanation) -> dict[str, Any]:
    """The answer for programs."""
    comparison = found.comparison
    changes = None if comparison is None else comparison.changes
    return {
        "schema": SCHEMA,
        "run": found.run,
        "function": found.function,
        "reused": sum(found.reused.values()),
        "reused_from": {str(run): count for run, count in found.reused.items()},
        "fresh": found.fresh,
        "compared_with": None if comparison is None else comparison.base,
        "same_function": None if comparison is None else comparison.is_same,
        "same_rules": None if comparison is None else len(set(comparison.algorithms)) == 1,
        "changes": None if changes is None else [_change_object(change) for change in changes],
        "packages": [] if comparison is None else [list(each) for each in comparison.packages],
        "same_function_as": found.twins,
        "reasons": [
            {
                "reason": str(fate),
                "calls": calls.count,
                "examples": [
                    {"index": index, "arguments": json_value(shown)}
                    for index, shown in zip(calls.examples, examples, strict=True)
                ],
            }
            for fate, (calls, examples) in found.reasons.items()
        ],
    }


def _change_object(change: Change) -> dict[str, Any]:
    return {"part": change.label, "kind": change.kind, "before": change.before, "after": change.after}


def explanation_lines(found: Explanation) -> Iterator[str]:
    """The answer in sentences."""
    total = sum(found.reused.values())
    yield f"run {found.run} of {found.function}: {_calls(total)} reused, {_calls(found.fresh)} made afresh"
    for run, count in found.reused.items():
        yield f"  {_calls(count)} had a result in run {run}: same function, equal arguments"
    if found.comparison is None:
        yield f"Run {found.run} is the first in this journal: there was nothing to reuse."
        return
    yield from _function_lines(found, found.comparison)
    yield from _fresh_lines(found)


def _function_lines(found: Explanation, comparison: Comparison) -> Iterator[str]:
    before, after = comparison.functions
    if comparison.is_same:
        yield f"The function is that of run {comparison.base}."
    elif comparison.algorithms[0] != comparison.algorithms[1]:
        yield (
            f"The identity rules changed since run {comparison.base} (number {comparison.algorithms[0]}, now "
            f"{comparison.algorithms[1]}): results recorded under other rules are not reused."
        )
    elif before != after:
        yield f"No earlier run is of {after}; run {comparison.base} was of {before}."
    else:
        yield f"The function changed since run {comparison.base}:"
        yield from _changes_lines(comparison)
    others = [run for run in found.twins if run != comparison.base]
    if not comparison.is_same and others:
        yield f"It is the function of run {others[-1]} again."
    for name, old, new in comparison.packages:
        yield f"{name} was {old} and is {new}; packages do not count unless named in depends=."
    if found.opaque:
        yield f"Not seen, so changes there are not noticed: {', '.join(found.opaque)}."


def _changes_lines(comparison: Comparison) -> Iterator[str]:
    changes = comparison.changes
    if changes is None:
        yield "  what changed is not known: the record of the older function's parts is not in the journal any more"
        return
    if not changes:
        yield "  its parts are the same, but are put together in another way"
    for change in changes:
        yield from _change_lines(change)


def _change_lines(change: Change) -> Iterator[str]:
    if change.kind != "changed":
        detail = change.after if change.kind == "added" else change.before
        yield f"  {change.label}: {change.kind}{f', {_short(detail)}' if detail else ''}"
    elif "\n" in change.before or "\n" in change.after:
        yield f"  {change.label}:"
        yield from _diff(change)
    elif change.before == change.after:
        yield f"  {change.label}: changed, beyond what is shown of it: {_short(change.after)}"
    else:
        yield f"  {change.label}: {_short(change.before)} -> {_short(change.after)}"


def _diff(change: Change) -> Iterator[str]:
    before, after = change.before.splitlines(), change.after.splitlines()
    lines = list(difflib.unified_diff(before, after, lineterm="", n=2))[2:]
    lines = [line for line in lines if not line.startswith("@@")]
    if not lines:
        yield "    changed, beyond what is shown of it"
    for line in lines[:_DIFF_LINES_MAX]:
        yield f"    {line}"
    if len(lines) > _DIFF_LINES_MAX:
        yield f"    ... {len(lines) - _DIFF_LINES_MAX:,} more lines"


def _fresh_lines(found: Explanation) -> Iterator[str]:
    if not found.fresh:
        return
    if not found.twins:
        yield "No earlier run had this very function, so every call was made afresh."
        return
    if found.is_whole and not found.reused:
        yield 'reuse="run" takes results only where the whole list is the same as an earlier one.'
    for fate, (calls, examples) in found.reasons.items():
        said = _NONE_TAKEN if fate is Fresh.TAKEN and not found.reused else _SENTENCES[fate]
        yield f"{_sentence(said, fate, calls.count)}: {_examples(calls, examples)}"
    if found.looked_at == CALLS_MAX < found.fresh:
        yield f"Of the calls made afresh only the first {CALLS_MAX:,} were looked at."


def _sentence(said: str, fate: Fresh, count: int) -> str:
    plural = count != 1
    verb = {
        Fresh.NEW: " have" if plural else " has",
        Fresh.FAILED: "",
        Fresh.UNFINISHED: " were" if plural else " was",
        Fresh.FORGOTTEN: " were" if plural else " was",
        Fresh.TAKEN: " are" if plural else " is",
    }[fate]
    return said.format(calls=f"{_calls(count)}{verb}")


def _examples(calls: FreshCalls, examples: list[Any]) -> str:
    shown = [f"{index} {_short(repr(each))}" for index, each in zip(calls.examples, examples, strict=True)]
    return ", ".join([*shown, "..."] if calls.count > len(shown) else shown)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}..."


def _calls(count: int) -> str:
    return f"{count:,} call{'' if count == 1 else 's'}"
