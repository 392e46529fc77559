"""What the arguments of a run's first calls look like: for whoever asks later why no call was the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cuebook.chunks.noticing import OUTLINED_CALLS
from cuebook.errors import CuebookError
from cuebook.persistence.history.arguments import Unkept
from cuebook.persistence.history.arguments_read import CallArguments
from cuebook.persistence.history.call_form import CallForm
from cuebook.persistence.history.replay import JournalState
from cuebook.persistence.history.run_parts import recorded_outline
from cuebook.persistence.identity.values.outline import outline_of_parts
from cuebook.persistence.identity.values.walk import ValueWalk
from cuebook.persistence.journal.records import JournalRecords
from cuebook.persistence.values import ValueDecoder

__all__ = ["outlines_of", "read_outlines"]


def outlines_of(form: CallForm, calls: Sequence[Any]) -> list[str]:
    """Of the first few calls."""
    return [outline_of_parts(form.named(call), ValueWalk(form.hiding)) for call in calls[:OUTLINED_CALLS]]


def read_outlines(file: JournalRecords, history: JournalState, number: int, form: CallForm) -> list[str]:
    """Those of an earlier run: as it has recorded them, or else of its arguments, as far as these were kept.

    Nothing is unpickled and no class imported.
    """
    count = min(OUTLINED_CALLS, history.runs[number].known)
    recorded = [recorded_outline(history, number, index) for index in range(count)]
    if None not in recorded:
        return [text for text in recorded if text is not None]
    arguments = CallArguments(file, history, ValueDecoder(trusted=False))
    try:
        calls = [arguments.call(number, index) for index in range(count)]
    except CuebookError:  # a damaged record: nothing depends on it here
        return []
    return [] if any(call is None or type(call) is Unkept for call in calls) else outlines_of(form, calls)
