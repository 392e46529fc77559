"""What a user has to be told before a run makes calls: what is not reused, and why; what nobody can see. Pure.

Knows no stream and no log: texts alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from cuebook.chunks.identity import Identity
from cuebook.persistence.history.replay import JournalState
from cuebook.persistence.history.run import RunState
from cuebook.persistence.history.run_parts import parts_in, parts_of
from cuebook.persistence.identity.argument_outlines import are_alike
from cuebook.persistence.identity.change_text import change_lines, is_of_code, is_restless_part, outline_lines
from cuebook.persistence.identity.dependencies import what_is_missing
from cuebook.persistence.identity.fingerprint import ALGORITHM, Fingerprint, compare
from cuebook.persistence.identity.outline_changes import outline_changes
from cuebook.persistence.identity.parts import Change

__all__ = ["OUTLINED_CALLS", "not_reused", "on_arguments", "on_depends", "on_opaque"]

OUTLINED_CALLS = 3
"""So many calls of a run are compared with those of an earlier one."""

_TOLD_MAX = 2
_NAMES_MAX = 4


def not_reused(
    identity: Identity, history: JournalState, outlines: Sequence[str], earlier_outlines: Callable[[int], list[str]]
) -> str | None:
    """Why nothing can be reused that was there; None where there was nothing, or it was other calls.

    Args:
        identity: of the run that takes nothing.
        history: the journal before it.
        outlines: of the run's first calls.
        earlier_outlines: gives those of an earlier run.
    """
    name = identity.fingerprint.name
    newer: list[RunState] = []
    for base in reversed(history.by_function.get(name, ())):
        if not base.is_forgotten and base.results_count:
            break
        newer.append(base)
    else:
        return None
    count = base.results_count
    if identity.is_of(base):
        if identity.form.opaque:
            return None  # that is told
        return _other_arguments(identity, base, outlines, earlier_outlines)
    if any(identity.is_of(run) for run in newer if not run.is_forgotten):
        return None  # said when that one began
    if base.opened.algorithm != ALGORITHM:
        return (
            f"this journal was written under rules of identity number {base.opened.algorithm}, which are number "
            f"{ALGORITHM} now: of {name} {_not_reused(count)}, this once"
        )
    changes = _changes(identity.fingerprint, history, base)
    return f"{name} changed since run {base.number}{_in_brackets(changes)}: {_not_reused(count)}"


def _changes(print_: Fingerprint, history: JournalState, base: RunState) -> list[str]:
    opened = parts_of(history, base)
    if opened is None:
        return []
    changes = compare(parts_in(opened), print_.parts)
    values = [change for change in changes if not is_of_code(change.label)]
    code = [change for change in changes if is_of_code(change.label) and not change.label.startswith("class ")]
    older = _outlines_before(print_, history, base)
    lines = [line for change in (*code, *values) for line in _lines(change, older.get(change.label))]
    return lines or [line for change in changes for line in change_lines(change)]


def _outlines_before(print_: Fingerprint, history: JournalState, base: RunState) -> dict[str, str]:
    """The details of the run of this name before the base, by label."""
    runs = reversed(history.by_function.get(print_.name, ()))
    before = next((run for run in runs if run.number < base.number), None)
    return {} if before is None else {part.label: part.detail for part in parts_in(parts_of(history, before))}


def _lines(change: Change, older: str | None) -> Iterator[str]:
    """The lines of a change; where the same part of an object is another one in each of three runs, that is said."""
    is_restless = (
        older is not None and change.kind == "changed" and is_restless_part(older, change.before, change.after)
    )
    for line in change_lines(change):
        yield f"{line}, different in each run" if is_restless else line


def _other_arguments(
    identity: Identity, base: RunState, outlines: Sequence[str], earlier_outlines: Callable[[int], list[str]]
) -> str | None:
    """Why no call is the same although the function is; None where the calls are others in earnest."""
    name, count = identity.fingerprint.name, base.results_count
    before = earlier_outlines(base.number)
    pairs = list(zip(before, outlines, strict=False))
    if not pairs:
        return None
    if all(are_alike(one, other) for one, other in pairs):
        told = list(_argument_lines(*pairs[0])) or ["given by position then and by keyword now, or the reverse"]
    else:
        paths = [{change.path for change in outline_changes(*pair)} for pair in pairs]
        if any(each != paths[0] for each in paths) or not all("." in path or "[" in path for path in paths[0]):
            return None
        told = list(_argument_lines(*pairs[0]))
    return f"no call of {name} is as in run {base.number}{_in_brackets(told)}: {_not_reused(count)}"


def _argument_lines(before: str, after: str) -> Iterator[str]:
    yield from outline_lines("argument ", before, after) if outline_changes(before, after) else ()


def on_opaque(print_: Fingerprint) -> str | None:
    """What a run that reuses results cannot see, in one line; None where it sees all."""
    if not print_.opaque:
        return None
    return (
        f"{print_.name} has parts that cuebook cannot see into ({_some(print_.opaque)}): earlier results are reused "
        "even if these have changed; name what they depend on with depends=, or set version="
    )


def on_depends(identity: Identity) -> str | None:
    """Which files that the function is said to depend on cannot be read; None where all can."""
    missing = what_is_missing(identity.options.depends)
    if not missing:
        return None
    return f"depends= of {identity.fingerprint.name} names what cannot be read, and counts as missing: {_some(missing)}"


def on_arguments(identity: Identity) -> Iterator[str]:
    """What of the calls' arguments cannot be known again."""
    form, name = identity.form, identity.fingerprint.name
    if form.opaque:
        which = _some([f"{argument} ({what})" for argument, what in form.opaque.items()])
        yield (
            f"an argument of {name} is different each time, as nobody can see into it: {which}; such calls are made "
            "again by every run"
        )
    if form.unseeded:
        which = _some([f"{argument} ({what})" for argument, what in form.unseeded.items()])
        yield (
            f"a random generator among the arguments of {name} was seeded by the system and does not count: {which}; "
            "seed it to have other numbers count as another call"
        )


def _in_brackets(told: Sequence[Any]) -> str:
    if not told:
        return ""
    more = f" and {len(told) - _TOLD_MAX:,} more" if len(told) > _TOLD_MAX else ""
    return f" ({'; '.join(told[:_TOLD_MAX])}{more})"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMES_MAX:,} more" if len(names) > _NAMES_MAX else ""
    return f"{', '.join(names[:_NAMES_MAX])}{more}"


def _not_reused(count: int) -> str:
    return f"{count:,} result{' is' if count == 1 else 's are'} not reused"
