"""The answer of `why`: gathered from the records, then said in sentences or as plain data. Knows no file."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from cuebook.cli.explaining.reasons import (
    CALLS_MAX,
    Comparison,
    Fresh,
    FreshCalls,
    base_of,
    compared,
    sorted_out,
    twins,
)
from cuebook.cli.json_values import json_value
from cuebook.cli.output import SCHEMA
from cuebook.persistence.history.run_parts import UNSEEN, parts_of
from cuebook.persistence.identity.argument_outlines import difference_lines
from cuebook.persistence.identity.change_text import SHOWN_MAX, change_lines, is_of_code, shortened_text
from cuebook.persistence.identity.source_detail import line_changes, shown_source
from cuebook.persistence.records.run_heads import Reuse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cuebook.persistence.history.replay import JournalState
    from cuebook.persistence.history.run import RunState
    from cuebook.persistence.identity.parts import Change

__all__ = ["ArgumentReader", "Explanation", "explain", "explanation_lines", "explanation_object"]

_DIFF_LINES_MAX = 40
_COMPARED_MAX = 3
_SENTENCES = {
    Fresh.NEW: "{calls} arguments that no earlier run of this function had",
    Fresh.FAILED: "{calls} failed before (failures are never reused)",
    Fresh.UNFINISHED: "{calls} not finished by an earlier run",
    Fresh.FORGOTTEN: "{calls} forgotten by command",
    Fresh.TAKEN: "{calls} equal to others in the list (each earlier result is taken once)",
}

_NONE_TAKEN = "{calls} equal to calls of earlier runs, and no result of theirs was taken"


class ArgumentReader(Protocol):
    """The arguments of calls, by run."""

    def call(self, run: int, index: int) -> Any:
        """Those of one call, to be shown."""

    def keys(self, run: int) -> Iterator[bytes]:
        """What each call's are known by."""

    def outline(self, run: int, index: int) -> str:
        """Those of one call in an outline; empty where they are not known."""


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
        is_afresh: whether it was told to take nothing.
        opaque: what the fingerprint cannot see.
        unseen: arguments that nobody can see into.
        differences: how new calls differ from those that an earlier run had in their places, in sentences.
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
    is_afresh: bool
    opaque: list[str]
    unseen: dict[str, str]
    differences: list[str]


def explain(state: JournalState, run: RunState, arguments: ArgumentReader) -> Explanation:
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
        is_afresh=run.opened.reuse is Reuse.NONE,
        opaque=_opaque(state, run),
        unseen={str(name): str(what) for name, what in dict(run.opened.options.get(UNSEEN, {})).items()},
        differences=_differences(run, earlier, reasons.get(Fresh.NEW), arguments),
    )


def _opaque(state: JournalState, run: RunState) -> list[str]:
    source = parts_of(state, run)
    return [] if source is None else list(source.opaque)


def _differences(
    run: RunState, earlier: list[RunState], calls: FreshCalls | None, arguments: ArgumentReader
) -> list[str]:
    """How new calls differ from those in the same places of the last runs of the same function."""
    if calls is None or not earlier:
        return []
    before = [each for each in earlier[-2:] if each.known]
    told = []
    for index in calls.examples[:_COMPARED_MAX]:
        others = [(each.number, arguments.outline(each.number, index)) for each in before if index < each.known]
        after = arguments.outline(run.number, index)
        told += [f"call {index}: {line}" for line in difference_lines(others, after)]
    return told


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
        "opaque": found.opaque,
        "unseen_arguments": found.unseen,
        "differences": found.differences,
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
    is_long = "\n" in change.before or "\n" in change.after
    if change.kind == "changed" and is_of_code(change.label) and not is_long and change.before != change.after:
        yield f"  {change.label}: {shortened_text(change.before)} -> {shortened_text(change.after)}"
    elif change.kind == "changed" and is_of_code(change.label):
        yield f"  {change.label}:"
        yield from _diff(change)
    else:
        yield from (f"  {line}" for line in change_lines(change))


def _diff(change: Change) -> Iterator[str]:
    before, after = shown_source(change.before), shown_source(change.after)
    lines = list(difflib.unified_diff(before, after, lineterm="", n=2))[2:]
    lines = [line for line in lines if not line.startswith("@@")]
    for line in lines[:_DIFF_LINES_MAX]:
        yield f"    {line}"
    if len(lines) > _DIFF_LINES_MAX:
        yield f"    ... {len(lines) - _DIFF_LINES_MAX:,} more lines"
    stretches = line_changes(change.before, change.after)
    if stretches:
        yield f"    lines {', '.join(f'{first} to {last}' for first, last in stretches)} differ"
    elif not lines:
        yield "    it differs behind the lines that the journal shows"


def _fresh_lines(found: Explanation) -> Iterator[str]:
    if not found.fresh:
        return
    if not found.twins:
        yield "No earlier run had this very function, so every call was made afresh."
        return
    if found.is_afresh:
        yield 'reuse="none" makes every call afresh.'
        return
    if found.is_whole and not found.reused:
        yield 'reuse="run" takes results only where the whole list is the same as an earlier one.'
    for fate, (calls, examples) in found.reasons.items():
        said = _NONE_TAKEN if fate is Fresh.TAKEN and not found.reused else _SENTENCES[fate]
        yield f"{_sentence(said, fate, calls.count)}: {_examples(calls, examples)}"
    yield from (f"  {line}" for line in found.differences)
    for name, what in found.unseen.items():
        yield f"Argument {name} is different each time: nobody can see into it ({what})."
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
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}..."


def _calls(count: int) -> str:
    return f"{count:,} call{'' if count == 1 else 's'}"
