"""How an actor is to be started, bounded and restarted: child specs as data. Knows no actor and no loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypedDict, TypeVar

from cuebook.runtime.directives import Directives, Exhausted, check_directives
from cuebook.runtime.mailbox import MailboxSpec
from cuebook.runtime.ref import ActorRef
from cuebook.runtime.supervision import Backoff, Exit, Restart, RestartIntensity, RestartPolicy

__all__ = ["ActorSpec", "Factory", "OnEnded", "OnTerminated", "SpawnOptions", "make_spec"]

Factory = Callable[[], Any]
"""Gives an Actor; called for each incarnation."""

OnEnded = Callable[[ActorRef, Exit, "BaseException | None"], object]
"""Called when an incarnation has ended and the actor waits to begin again."""

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
    directives: Directives
    on_exhausted: Exhausted | str
    attempts: int
    on_ended: OnEnded | None
    start_s: float | None


@dataclass(frozen=True, slots=True)
class ActorSpec:
    """All that a supervisor needs to know of a child.

    Parameters:
        shutdown_s: seconds that it has for its orderly stop when its parent or its system ends.
        on_terminated: called with the ref, and None after a stop, the failure where the policy does not
            restart, or RestartLimitReached with the last failure as its `__cause__`.
        on_ended: where it is set, the end of each incarnation is reported there, and the next one begins when
            `begin_again` is called: restarts are someone else's decision.
        start_s: seconds that `on_start` may take; then it is cancelled, and the incarnation has failed. None: no
            bound.
    """

    factory: Factory
    name: str
    mailbox: MailboxSpec
    policy: RestartPolicy
    shutdown_s: float
    on_terminated: OnTerminated | None
    on_ended: OnEnded | None = None
    start_s: float | None = None


_DEFAULT_MAILBOX = MailboxSpec()
_DEFAULT_POLICY = RestartPolicy()
_POLICY_OPTIONS = {"restart", "intensity", "backoff", "directives", "on_exhausted", "attempts"}
_E = TypeVar("_E", bound=StrEnum)


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
    start_s = options.get("start_s")
    if start_s is not None and not start_s > 0:
        raise ValueError(f"start_s of {name!r} is more than 0 seconds, or None, not {start_s!r}")
    mailbox = options.get("mailbox", _DEFAULT_MAILBOX)
    if not isinstance(mailbox, MailboxSpec):
        raise TypeError(f"the mailbox of {name!r} is a MailboxSpec, not {mailbox!r}")
    return ActorSpec(
        factory,
        name,
        mailbox,
        _policy(name, options),
        shutdown_s,
        options.get("on_terminated"),
        options.get("on_ended"),
        start_s,
    )


def _policy(name: str, options: SpawnOptions) -> RestartPolicy:
    if _POLICY_OPTIONS.isdisjoint(options):
        return _DEFAULT_POLICY
    attempts = options.get("attempts", 1)
    if type(attempts) is not int or attempts < 1:
        raise ValueError(f"attempts of {name!r} is 1 or more, not {attempts!r}")
    directives = options.get("directives", {})
    check_directives(name, directives)
    return RestartPolicy(
        _member(Restart, options.get("restart", Restart.PERMANENT), f"restart of {name!r}"),
        options.get("intensity", RestartIntensity()),
        options.get("backoff", Backoff()),
        directives,
        _member(Exhausted, options.get("on_exhausted", Exhausted.STOP), f"on_exhausted of {name!r}"),
        attempts,
    )


def _member(kind: type[_E], value: Any, what: str) -> _E:
    try:
        return kind(value)
    except ValueError:
        raise ValueError(f"{what} is one of {', '.join(map(str, kind))}, not {value!r}") from None
