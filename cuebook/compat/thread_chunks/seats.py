"""A worker's copy of its actor: made from bytes in the worker process, alive as long as the process is.

Knows nothing of who made the bytes. Light: worker processes import it.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any, ClassVar

from cuebook.compat.thread_chunks.actors import LabelledActor
from cuebook.engines.calls.current import current_call
from cuebook.engines.calls.function import Worker

__all__ = ["FUNCTION", "Seat"]

FUNCTION = "the function of the run"
"""Stands in an actor's bytes for the function, which every worker gets on its own."""

_alive: dict[str, tuple[bytes, int, LabelledActor]] = {}
"""By crew: the bytes that its actor in this process was made of, the number of its function, and the actor."""


class Seat(Worker):
    """One worker of a crew. Subclasses are made for a run, with these attributes.

    Attributes:
        crew: name of the crew; its actors live on from run to run.
        seats: for each worker which of `copies` is its actor.
        copies: pickled actors.
        turn: number of the function, one more each time that the crew got another.
    """

    crew: ClassVar[str]
    seats: ClassVar[list[int]]
    copies: ClassVar[list[bytes]]
    turn: ClassVar[int]

    def run(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Have this worker's actor run the call."""
        del kwargs
        call = current_call()
        assert call is not None
        place = call.worker % len(self.seats)
        actor = self._actor(self.copies[self.seats[place]], func)
        answer = actor.run((call.index, place), *args)
        if not isinstance(answer, tuple) or len(answer) != 2:
            raise TypeError(f"{type(actor).__name__}.run returned {answer!r}; it must return the label and the result")
        return answer[1]

    def _actor(self, data: bytes, func: Callable[..., Any]) -> LabelledActor:
        alive = _alive.get(self.crew)
        if alive is not None and alive[:2] == (data, self.turn):
            return alive[2]
        if alive is not None and alive[0] == data:
            actor = alive[2]
            actor.set_func(func)
        else:
            actor = _SeatUnpickler(data, func).load()
        _alive[self.crew] = (data, self.turn, actor)
        return actor


class _SeatUnpickler(pickle.Unpickler):
    def __init__(self, data: bytes, func: Callable[..., Any]) -> None:
        super().__init__(io.BytesIO(data))
        self._function = func

    def persistent_load(self, pid: Any) -> Any:
        if pid != FUNCTION:
            raise pickle.UnpicklingError(f"an actor refers to {pid!r}, which nobody knows")
        return self._function
