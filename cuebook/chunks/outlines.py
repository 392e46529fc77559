"""What the arguments of a run's first calls look like: for whoever asks later why no call was the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cuebook.chunks.noticing import OUTLINED_CALLS
from cuebook.persistence.arguments import Unkept
from cuebook.persistence.call_arguments import CallArguments
from cuebook.persistence.call_form import CallForm
from cuebook.persistence.journal import JournalFile
from cuebook.persistence.replay import JournalState
from cuebook.persistence.run_parts import recorded_outline
from cuebook.persistence.value_identity import ValueWalk
from cuebook.persistence.value_outline import outline_of_parts
from cuebook.persistence.values import ValueDecoder
from cuebook.runtime.errors import CuebookError

__all__ = ["outlines_of", "read_outlines"]


def outlines_of(form: CallForm, calls: Sequence[Any]) -> list[str]:
    """Of the first few calls."""
    return [outline_of_parts(form.named(call), ValueWalk(form.hiding)) for call in calls[:OUTLINED_CALLS]]


def read_outlines(file: JournalFile, history: JournalState, number: int, form: CallForm) -> list[str]:
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
