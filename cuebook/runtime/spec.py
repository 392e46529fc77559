"""How an actor is to be started, bounded and restarted: child specs as data. Knows no actor and no loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypedDict

from cuebook.runtime.mailbox import MailboxSpec
from cuebook.runtime.ref import ActorRef
from cuebook.runtime.supervision import Backoff, Restart, RestartIntensity, RestartPolicy

__all__ = ["ActorSpec", "Factory", "OnTerminated", "SpawnOptions", "make_spec"]

Factory = Callable[[], Any]
"""Gives an Actor; called for each incarnation."""

OnTerminated = Callable[[ActorRef, BaseException | None], object]
"""Called once, when an actor has ended for good."""


class SpawnOptions(TypedDict, total=False):
    """What `spawn` takes beside the factory and the name."""

    mailbox: MailboxSpec
    restart: Restart | str
    intensity: RestartIntensity
    backoff: Backoff
    shutdown_s: float
    on_terminated: OnTerminated | None


@dataclass(frozen=True, slots=True)
class ActorSpec:
    """All that a supervisor needs to know of a child.

    Parameters:
        shutdown_s: seconds that it has for its orderly stop when its parent or its system ends.
        on_terminated: called with the ref, and None after a stop, the failure where the policy does not
            restart, or RestartLimitReached with the last failure as its `__cause__`.
    """

    factory: Factory
    name: str
    mailbox: MailboxSpec
    policy: RestartPolicy
    shutdown_s: float
    on_terminated: OnTerminated | None


def make_spec(factory: Factory, name: str, options: SpawnOptions) -> ActorSpec:
    """A checked spec.

    Raises:
        TypeError, ValueError: what makes no sense, before anything is started.
    """
    unknown = set(options) - SpawnOptions.__optional_keys__
    if unknown:
        raise TypeError(f"spawn() has no option {', '.join(sorted(unknown))}")
    if not callable(factory):
        raise TypeError(f"the factory of {name!r} is a class or a callable that gives an Actor, not {factory!r}")
    if not isinstance(name, str) or not name:
        raise ValueError(f"an actor's name is a string that is not empty, not {name!r}")
    shutdown_s = options.get("shutdown_s", 5.0)
    if not shutdown_s >= 0:
        raise ValueError(f"shutdown_s of {name!r} is 0 or more seconds, not {shutdown_s!r}")
    policy = RestartPolicy(
        Restart(options.get("restart", Restart.PERMANENT)),
        options.get("intensity", RestartIntensity()),
        options.get("backoff", Backoff()),
    )
    return ActorSpec(
        factory, name, options.get("mailbox", MailboxSpec()), policy, shutdown_s, options.get("on_terminated")
    )
