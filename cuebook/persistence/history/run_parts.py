"""The parts of a run's function as its journal has them: in its own first record, or in that of an equal run before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cuebook.persistence.identity.parts import Part

if TYPE_CHECKING:
    from cuebook.persistence.history.replay import JournalState
    from cuebook.persistence.history.run import RunState
    from cuebook.persistence.records.run_heads import RunOpened

__all__ = [
    "INNER_OPTIONS",
    "NAMES",
    "OUTLINES",
    "PARTS_OF",
    "SECRETS_KEY",
    "UNSEEN",
    "parameter_names",
    "parts_in",
    "parts_of",
    "recorded_outline",
    "secrets_key",
]

PARTS_OF = "parts_of"
"""Among a run's options: the number of an earlier run whose record has the parts of the same function."""

SECRETS_KEY = "secrets_key"
"""Among a run's options: what the digests of its secrets are keyed by."""

OUTLINES = "outlines"
"""Among a run's options: what the arguments of its first calls look like, where they cannot be read without code."""

UNSEEN = "unseen"
"""Among a run's options: arguments that are different each time as nobody can see into them, and what they are."""

NAMES = "names"
"""Among a run's options: the names of the parameters that its function takes by position; with the parts."""

INNER_OPTIONS = frozenset({PARTS_OF, SECRETS_KEY, OUTLINES, UNSEEN, NAMES})
"""Options that nobody has given, and nobody is shown."""


def parts_of(state: JournalState, run: RunState) -> RunOpened | None:
    """The record that has the parts of a run's function; None where it is not in the journal any more."""
    number = run.opened.options.get(PARTS_OF)
    if not isinstance(number, int):
        return run.opened
    source = state.runs.get(number)
    return None if source is None else source.opened


def parts_in(opened: RunOpened | None) -> list[Part]:
    """The parts that a record has."""
    return [] if opened is None else [Part(label, digest, detail) for label, digest, detail in opened.parts]


def parameter_names(state: JournalState, run: RunState) -> list[str]:
    """The names of what the run's function takes by position; none where they are not recorded."""
    opened = parts_of(state, run)
    names = None if opened is None else opened.options.get(NAMES)
    return [str(name) for name in names] if isinstance(names, list) else []


def recorded_outline(state: JournalState, number: int, index: int) -> str | None:
    """What a call's arguments look like, as the run has recorded it that first had the call; None where none has."""
    while (run := state.runs.get(number)) is not None:
        recorded = run.opened.options.get(OUTLINES)
        if isinstance(recorded, list):
            return str(recorded[index]) if index < len(recorded) else None
        source = run.reused_from(index)
        if source is None or source[0] >= number:
            return None
        number, index = source
    return None


def secrets_key(run: RunState) -> bytes:
    """What the digests of a run's secrets are keyed by; empty where it has none."""
    key = run.opened.options.get(SECRETS_KEY)
    return key if isinstance(key, bytes) else b""
