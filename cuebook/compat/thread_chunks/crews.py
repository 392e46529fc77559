"""Which worker processes belong to which actors: kept warm from call to call, while anyone holds the actors.

Knows no journal.
"""

from __future__ import annotations

import contextlib
import io
import threading
import uuid
import weakref
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from cuebook.api.warm import WarmWorkers
from cuebook.compat.thread_chunks.actors import LabelledActor
from cuebook.compat.thread_chunks.seats import FUNCTION, Seat
from cuebook.errors import FunctionNotShippable
from cuebook.persistence.identity.value_digest import value_digest

__all__ = ["Crew", "crew_of", "functions_of", "traits"]


class Crew:
    """The worker processes of some actors, one each. They start with the first call, and quit when the crew is gone.

    Args:
        count: number of actors.

    Attributes:
        workers: the processes.
    """

    def __init__(self, count: int) -> None:
        self.workers = WarmWorkers(count, None)
        self._busy = threading.RLock()
        self._name = uuid.uuid4().hex
        self._turn = 0
        self._function: Any = None
        weakref.finalize(self, _close, self.workers).atexit = False

    @contextlib.contextmanager
    def seated(self, actors: Sequence[LabelledActor], func: Callable[..., Any]) -> Iterator[WarmWorkers]:
        """The workers, prepared for a run of `func`; actors do one run after the other."""
        with self._busy:
            self._seat(actors, func)
            yield self.workers

    def _seat(self, actors: Sequence[LabelledActor], func: Callable[..., Any]) -> None:
        """Actors with nothing of their own need no copy of themselves in the workers."""
        if func is not self._function:
            self._function = func
            self._turn += 1
        functions = functions_of(actors)
        if not _is_plain(actors) or any(each is not func for each in functions):
            self.workers.worker_class = self._seat_class(actors, func)
        else:
            self.workers.worker_class = None

    def _seat_class(self, actors: Sequence[LabelledActor], func: Callable[..., Any]) -> type[Seat]:
        copies: dict[bytes, int] = {}
        seats = [copies.setdefault(_pickled(actor, func), len(copies)) for actor in actors]
        members = {"crew": self._name, "seats": seats, "copies": list(copies), "turn": self._turn}
        return type("Seat", (Seat,), {**members, "__module__": Seat.__module__, "__qualname__": "Seat of a crew"})


def _pickler(file: io.BytesIO, func: Callable[..., Any]) -> Any:
    """Writes an actor's bytes without the function of the run, which its worker has."""
    from cuebook.persistence.values.pickling.by_value import ByValuePickler

    class Pickler(ByValuePickler):
        def persistent_id(self, item: Any) -> str | None:
            return FUNCTION if item is func else None

    return Pickler(file, protocol=5)


def _pickled(actor: LabelledActor, func: Callable[..., Any]) -> bytes:
    file = io.BytesIO()
    try:
        _pickler(file, func).dump(actor)
    except Exception as error:
        name = type(actor).__qualname__
        raise FunctionNotShippable(
            f"the actor {name} cannot be sent to a worker process: {error}. Make what cannot be sent when its run() is "
            "first called"
        ) from error
    return file.getvalue()


def _close(workers: WarmWorkers) -> None:
    # A crew may be collected in any thread, also in the one that its workers would have to wait for.
    with contextlib.suppress(RuntimeError):
        threading.Thread(target=workers.close, name="cuebook-dismiss", daemon=True).start()


def _is_plain(actors: Sequence[LabelledActor]) -> bool:
    return all(type(actor) is LabelledActor for actor in actors)


def functions_of(actors: Sequence[LabelledActor]) -> list[Callable[..., Any]]:
    """The function of each actor."""
    return [actor.get_func() for actor in actors]


def traits(actors: Sequence[LabelledActor]) -> tuple[Any, ...]:
    """What results depend on beside the first actor's function: actors that differ, by class and state.

    However many actors are alike, they count once: so a run goes on with another `chunk_size`.
    """
    func = actors[0].get_func()
    if _is_plain(actors) and all(each is func for each in functions_of(actors)):
        return ()
    different = {value_digest(actor): actor for actor in actors}
    return tuple(actor for _, actor in sorted(different.items()))


_lock = threading.Lock()
_crews: dict[int, tuple[weakref.ref[LabelledActor], Crew]] = {}
"""The crew of each actor, by its id; an actor that is gone takes its entry along."""


def crew_of(actors: Sequence[LabelledActor]) -> Crew:
    """The crew that these actors, all of them and no other ones, have had so far; a new one where they had none."""
    with _lock:
        found = {id(crew): crew for crew in map(_crew_of_one, actors) if crew is not None}
        if len(found) == 1 and all(map(_crew_of_one, actors)):
            crew = next(iter(found.values()))
            if len(crew.workers) == len(actors):
                return crew
        crew = Crew(len(actors))
        for actor in actors:
            key = id(actor)
            _crews[key] = (weakref.ref(actor, partial(_forget, key)), crew)
        return crew


def _forget(key: int, _: weakref.ref[LabelledActor]) -> None:
    _crews.pop(key, None)


def _crew_of_one(actor: LabelledActor) -> Crew | None:
    known = _crews.get(id(actor))
    return known[1] if known is not None and known[0]() is actor else None
