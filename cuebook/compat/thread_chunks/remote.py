"""Actors that ray runs: made by its users, called here from one thread each.

Knows no journal; ray itself is only imported where its actors are used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cuebook.compat.thread_chunks import config
from cuebook.compat.thread_chunks.actors import LabelledActor
from cuebook.engines.calls.current import current_call
from cuebook.engines.calls.function import Worker
from cuebook.persistence.identity.value_digest import value_digest

__all__ = ["is_remote", "remote_labelled_actor", "remote_traits", "set_remote_func", "worker_of"]


def remote_labelled_actor() -> Any:
    """`ray.remote(LabelledActor)`.

    Raises:
        AttributeError: ray is not installed.
    """
    try:
        import ray
    except ImportError as error:
        raise AttributeError(
            "RemoteLabelledActor is an actor of ray, and ray is not installed. Without ray, give objects of "
            "LabelledActor (or of your own subclass) as actors=: they are copied into worker processes"
        ) from error
    return ray.remote(LabelledActor)


def is_remote(actor: Any) -> bool:
    """Whether `actor` is a handle of ray."""
    return callable(getattr(getattr(actor, "run", None), "remote", None))


def set_remote_func(actors: Sequence[Any], func: Callable[..., Any] | None) -> Any:
    """Give every actor the function, or with None ask the first one for its own; returns the function."""
    ray = _running_ray()
    if func is None:
        return ray.get(actors[0].get_func.remote())
    shared = ray.put(func)
    ray.get([actor.set_func.remote(shared) for actor in actors])
    return func


def remote_traits(actors: Sequence[Any]) -> tuple[bytes, ...]:
    """What results depend on beside the function, one digest for each kind of actor: class and state as they are now.

    Plain RemoteLabelledActors have none. Cost: one question to each actor.
    """
    questions = [getattr(actor, "__ray_call__", None) for actor in actors]
    asked = [question.remote(_trait) for question in questions if question is not None]
    return tuple(sorted({trait for trait in _running_ray().get(asked) if trait}))


def worker_of(actors: Sequence[Any]) -> type[Worker]:
    """The class of threads that pass each call on to an actor of their own, and wait for it."""

    class Passing(Worker):
        def run(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            del func, kwargs
            call = current_call()
            assert call is not None
            label = (call.index, call.worker % len(actors))
            answer = actors[label[1]].run.remote(label, *args)
            return _running_ray().get(answer)[1]

    Passing.__module__ = __name__
    return Passing


def _trait(actor: LabelledActor) -> bytes:
    return b"" if type(actor) is LabelledActor else value_digest(actor)


def _running_ray() -> Any:
    import ray

    if not ray.is_initialized():
        ray.init(**config.ray_config)
    return ray
