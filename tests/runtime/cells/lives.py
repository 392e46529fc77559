"""Actors and scenes of the tests of an actor's life."""

from __future__ import annotations

from cuebook.runtime.refs.ref import ActorRef


class Ends:
    """What on_terminated was called with."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, BaseException | None]] = []

    def __call__(self, ref: ActorRef, error: BaseException | None) -> None:
        assert not ref.is_alive
        self.seen.append((ref.name, error))
