"""The arguments of calls for `why`: as they were kept, and in outlines that can be compared. Opens no pickle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cuebook.persistence.history.arguments import Unkept
from cuebook.persistence.history.run_parts import recorded_outline
from cuebook.persistence.identity.values.outline import outline_of_parts
from cuebook.persistence.identity.values.walk import ValueWalk

if TYPE_CHECKING:
    from cuebook.persistence.history.arguments_read import CallArguments
    from cuebook.persistence.history.replay import JournalState

__all__ = ["OutlinedArguments"]


class OutlinedArguments:
    """Calls' arguments by run.

    Args:
        arguments: as the journal has them.
        state: what it says of its runs.
    """

    def __init__(self, arguments: CallArguments, state: JournalState) -> None:
        self._arguments = arguments
        self._state = state

    def call(self, run: int, index: int) -> Any:
        """Those of one call, to be shown."""
        return self._arguments.call(run, index)

    def keys(self, run: int) -> Iterator[bytes]:
        """What each call's are known by."""
        return self._arguments.keys(run)

    def outline(self, run: int, index: int) -> str:
        """Those of one call in an outline: as it was recorded, else of what was kept; empty where nothing was."""
        recorded = recorded_outline(self._state, run, index)
        if recorded is not None:
            return recorded
        call = self._arguments.call(run, index)
        if call is None or type(call) is Unkept:
            return ""
        named = call.items() if isinstance(call, dict) else ((str(place), value) for place, value in enumerate(call))
        return outline_of_parts(named, ValueWalk())
