"""The checkpoints that a stage makes of itself while it runs, kept in its job's journal until it is done."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from typing import Any

from cuebook.errors import CuebookError, ValueNotKept
from cuebook.notices import notice
from cuebook.persistence.values import ValueEncoder
from cuebook.stages.job_book import JobBook
from cuebook.stages.value_forms import CODEC, decode_value

__all__ = ["STATE_BYTES_MAX", "StageProgress"]

STATE_BYTES_MAX = 512 << 20
"""A state lies in a row of the journal, which SQLite keeps below a gigabyte."""
_encoder = ValueEncoder(label="state of a stage")


class StageProgress:
    """Keeps and finds the states of one call of a stage.

    Args:
        book: of the job. stage: its name. lineage: its hash.
        func: the stage's function, whose module has the classes of its states.
        only_run: None, or the number of the one run whose states count, where all is to be done anew.
    """

    def __init__(
        self, book: JobBook, stage: str, lineage: bytes, *, func: Callable[..., Any], only_run: int | None
    ) -> None:
        self._book = book
        self._stage = stage
        self._hash = lineage
        self._func = func
        self._only_run = only_run
        self.is_async = inspect.iscoroutinefunction(func)
        self.began = time.monotonic()
        self.marks: dict[str | None, list[float]] = {}
        self._is_over = False

    def end(self) -> None:
        """The attempt is over: what it has left running keeps nothing any more."""
        self._is_over = True

    def save_state(self, label: str | None, state: Any, metrics: dict[str, Any]) -> int | None:
        """As `ProgressPort.save_state`.

        Raises:
            ValueNotKept: the state has no bytes, or more than 512 MB; nothing changed.
            JournalError: it could not be written.
        """
        if self._is_over:
            return None
        data = _encoder.encode(state)
        if len(data) > STATE_BYTES_MAX:
            raise ValueNotKept(
                f"the state of stage {self._stage} has {len(data):,} bytes, and at most {STATE_BYTES_MAX:,} are kept: "
                "keep large files with stage.output(), or give each item to a call of chunk()"
            )
        return self._book.keep_state(self._stage, self._hash, data, label=label, metrics=metrics)

    def find_state(self, default: Any) -> Any:
        """As `ProgressPort.find_state`. A state that cannot be read is said, and the one before it is taken."""
        for seq, head, run in reversed(self._book.state.states.get(self._hash, ())):
            if self._only_run is None or run == self._only_run:
                try:
                    return self._read(seq)
                except CuebookError as error:
                    notice(f"checkpoint {head.number} of stage {self._stage} cannot be read ({error})")
        return default

    def _read(self, seq: int) -> Any:
        return decode_value(CODEC, self._book.state_bytes(seq), func=self._func)[0]
