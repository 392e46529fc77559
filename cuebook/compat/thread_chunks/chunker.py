"""chunk() and Chunker with the parameters of thread-chunks, on cuebook's own.

Knows no process and no file: it says what theirs mean.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cuebook.api.chunker import chunk as durable_chunk
from cuebook.compat.thread_chunks import config
from cuebook.compat.thread_chunks.actors import LabelledActor
from cuebook.compat.thread_chunks.checkpoint import CheckpointFailedWarning
from cuebook.compat.thread_chunks.crews import crew_of, traits
from cuebook.compat.thread_chunks.paths import checkpoint_path, explained
from cuebook.compat.thread_chunks.remote import is_remote, remote_traits, set_remote_func, worker_of
from cuebook.errors import CallFailed, JournalBusy, JournalCorrupt, JournalError, UnsupportedVersion

__all__ = ["Chunker", "chunk"]

_WRONG_SIZE = (
    "`chunk_size` does not agree with the number of `actors`. Note that ``len(actors)`` must equal `chunk_size`."
)


class Chunker:
    """`chunk()` with actors that hold the function and stay warm from call to call.

    Args:
        func: the function; exactly one of `func` and `actors` is given.
        actors: objects of LabelledActor or a subclass, each with its function; or actors of ray.
        chunk_size: calls that run at once. Default: `config.default_chunk_size`; with `actors` it is their number.
        progress_bar: whether to show a bar. Default: `config.progress_bar`.
        persistent: kept for programs that set it. Worker processes stay while this object or one of its actors is held.
        path: the checkpoint file of every call that names no other.

    Attributes:
        actors, progress_bar, persistent, path: as given, or made from it; may be replaced.

    Raises:
        ValueError: both or neither of `func` and `actors`; or `chunk_size` is not the number of `actors`.
    """

    def __init__(
        self,
        func: Callable[..., Any] | None = None,
        actors: Sequence[Any] | None = None,
        chunk_size: int | None = None,
        progress_bar: bool | None = None,
        persistent: bool = False,
        path: str | os.PathLike[str] | None = None,
    ) -> None:
        size = config.default_chunk_size if chunk_size is None else chunk_size
        if actors is None and func is not None:
            self.actors: Sequence[Any] = [LabelledActor(func) for _ in range(size)]
        elif actors is not None and func is None:
            self.actors = actors
        else:
            raise ValueError("Either `func` or `actors` must be specified but not both.")
        if len(self.actors) != size:
            raise ValueError(_WRONG_SIZE)
        self.progress_bar = config.progress_bar if progress_bar is None else progress_bar
        self.persistent = persistent
        self.path = path

    def __repr__(self) -> str:
        return f"<Chunker, {self.chunk_size} actors, path={self.path!r}>"

    @property
    def chunk_size(self) -> int:
        """Calls that run at once."""
        return len(self.actors)

    def __call__(
        self,
        parameters: Iterable[Any],
        func: Callable[..., Any] | None = None,
        progress_bar: bool | None = None,
        path: str | os.PathLike[str] | None = None,
    ) -> list[Any]:
        """As `chunk()`; `func` replaces the function of the actors for this call and all later ones."""
        shown = self.progress_bar if progress_bar is None else progress_bar
        kept = self.path if path is None else path
        return chunk(func, parameters, self.actors, self.chunk_size, shown, kept)


def chunk(
    func: Callable[..., Any] | None,
    parameters: Iterable[Any],
    actors: Sequence[Any] | None = None,
    chunk_size: int | None = None,
    progress_bar: bool | None = None,
    path: str | os.PathLike[str] | None = None,
) -> list[Any]:
    """Call `func(*item)` for each item of `parameters` in parallel, and keep each result as soon as it is there.

    The same call again goes on where the last one stopped. With another function (its code counts, not its name alone),
    other, more, fewer or reordered parameters all calls are made; the earlier run stays in the file.

    Args:
        func: the function; None takes the function that the actors hold.
        parameters: an argument list for each call.
        actors: objects of LabelledActor or a subclass, or actors of ray; `func` replaces their function for good.
        chunk_size: calls that run at once, as many as there are actors. Default: `config.default_chunk_size`.
        progress_bar: whether to show a bar where standard error is a terminal. Default: `config.progress_bar`.
        path: the checkpoint file (a journal), created with its folders; without an extension it gets `_Checkpoint.pkl`.

    Returns:
        The results in the order of `parameters`.

    Raises:
        ValueError: no function; or `chunk_size` is less than 1, or not the number of `actors`.
        JournalCorrupt: `path` is a pickle of thread-chunks, or another file that is no journal. It is left as it is.
        JournalError: the file cannot be used; a CheckpointFailedWarning says so where a result could not be saved.
        Exception: what a call raised, with a CallFailed as its cause; every finished result is kept.
    """
    size = config.default_chunk_size if chunk_size is None else chunk_size
    if actors is not None and len(actors) != size:
        raise ValueError(_WRONG_SIZE)
    if func is None and actors is None:
        raise ValueError("`func` and `actors` cannot both be ``None``.")
    if isinstance(size, int) and size < 1:
        raise ValueError(f"chunk_size={size!r} must be at least 1: so many calls run at once")
    file = None if path is None else checkpoint_path(path)
    calls = [_arguments(item) for item in parameters]
    with _cast(func, actors, size) as cast:
        return _kept(cast, calls, file, config.progress_bar if progress_bar is None else progress_bar)


@dataclass(frozen=True, slots=True)
class _Cast:
    """Who makes the calls: the function, and what to tell cuebook of the actors."""

    func: Callable[..., Any]
    options: dict[str, Any]


@contextmanager
def _cast(func: Callable[..., Any] | None, actors: Sequence[Any] | None, size: int) -> Iterator[_Cast]:
    if actors is None:
        assert func is not None
        yield _Cast(func, {"chunk_size": size})
        return
    if all(map(is_remote, actors)):
        known = set_remote_func(actors, func)
        options = {"chunk_size": size, "where": "thread", "actors": worker_of(actors), "depends": remote_traits(actors)}
        yield _Cast(known, options)
        return
    for actor in actors:
        if not isinstance(actor, LabelledActor):
            raise TypeError(
                f"actors holds {actor!r}; give objects of LabelledActor or of a class that inherits from it"
            )
        if func is not None:
            actor.set_func(func)
    held = actors[0].get_func()
    with crew_of(actors).seated(actors, held) as workers:
        yield _Cast(held, {"actors": workers, "depends": traits(actors)})


def _arguments(item: Any) -> Any:
    """One call's arguments as a list or tuple; what cannot be spread is left for cuebook to refuse."""
    if isinstance(item, list | tuple) or not isinstance(item, Iterable):
        return item
    return list(item) if not isinstance(item, Mapping) else list(item.keys())


def _kept(cast: _Cast, calls: list[Any], file: str | None, progress_bar: bool) -> list[Any]:
    raised: Exception
    reason: Exception
    try:
        kept: list[Any] = durable_chunk(
            cast.func, calls, progress_bar=bool(progress_bar), path=file, reuse="run", **cast.options
        )
        return kept
    except CallFailed as failed:
        if not isinstance(failed.__cause__, Exception):  # a SystemExit of a call must not end this program
            raise
        raised, reason = failed.__cause__.with_traceback(None), failed
        failed.__cause__ = None
    except (JournalBusy, UnsupportedVersion):
        raise
    except JournalCorrupt as error:
        if file is None:
            raise
        raised, reason = explained(error, file), error
        if raised is error:
            raise
    except JournalError as error:
        warnings.warn(f"There was an error while saving the data: {error}", CheckpointFailedWarning, stacklevel=3)
        raise
    raise raised from reason
