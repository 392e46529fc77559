"""How an actor is to be started, bounded and restarted: child specs as data. Knows no actor and no loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, TypedDict, TypeVar, cast

from cuebook.choices import one_of
from cuebook.runtime.cells.mailbox import MailboxSpec
from cuebook.runtime.policy.directives import Directives, Exhausted, ExhaustedWord, check_directives
from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.policy.restarts import Backoff, Restart, RestartIntensity, RestartPolicy, RestartWord
from cuebook.runtime.refs.ref import ActorRef

__all__ = [
    "ActorOptions",
    "ActorSpec",
    "Factory",
    "OnEnded",
    "OnTerminated",
    "SpawnOptions",
    "check_seconds",
    "check_start",
    "make_spec",
]

_A = TypeVar("_A")
Factory = Callable[[], _A]
"""Gives an Actor; called for each incarnation."""

OnEnded = Callable[[ActorRef, Exit, "BaseException | None"], object]
"""Called when an incarnation has ended and the actor waits to begin again."""

OnTerminated = Callable[[ActorRef, BaseException | None], object]
"""Called once, when an actor has ended for good."""


CHILDREN_MAX = 100_000
"""Children of one actor at a time, unless it is told otherwise: whoever starts one for each message has none to end."""


class SpawnOptions(TypedDict, total=False):
    """What `spawn` takes beside the factory and the name."""

    mailbox: MailboxSpec
    restart: RestartWord
    intensity: RestartIntensity
    backoff: Backoff
    shutdown_s: float
    on_terminated: OnTerminated | None
    directives: Directives
    on_exhausted: ExhaustedWord
    attempts: int
    on_ended: OnEnded | None
    start_s: float | None
    children_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorOptions:
    """How an actor is bounded, restarted and stopped: what `spawn` takes as keywords, as one value.

        PATIENT = ActorOptions(restart="transient", attempts=3)
        await runtime.spawn(Crawler, "https://example.org", options=PATIENT)

    What is None, or empty, is as it is by default. `dataclasses.replace` makes one that differs.

    Parameters:
        mailbox: its bounds; by default 1,024 messages, 64 MiB, MailboxFull beyond.
        restart: "permanent" (the default: after any end but a stop), "transient" (after failures), "temporary"
            (never).
        intensity: how many restarts are too many; by default more than 3 within 5 s.
        backoff: the wait before a restart; by default 0.01 s, twice as long for each failure in a row, at most 5 s.
        directives: `{TimeoutError: "resume"}`: what a failure of a type calls for in place of a restart: "resume",
            "stop", "escalate". The most specific type counts.
        on_exhausted: what follows more failures than the intensity allows: "stop" (the default), "escalate" (its
            parent fails with it), "park" (it keeps its mailbox until `ref.unpark()`).
        attempts: how often a message may fail its incarnation, at least 1 (the default); it is received again,
            first, until then.
        shutdown_s: seconds for its orderly stop when its parent or the runtime ends; by default 5.
        start_s: seconds that `on_start` may take; then it is cancelled and the incarnation has failed; by default
            without bound.
        children_max: how many children it may have at a time; by default 100,000. One more is a SupervisionError.
        on_terminated: called once as `on_terminated(ref, error)` when it has ended for good: error is None after a
            stop, RestartLimitReached when it failed too often, else the failure.
    """

    mailbox: MailboxSpec | None = None
    restart: RestartWord | None = None
    intensity: RestartIntensity | None = None
    backoff: Backoff | None = None
    directives: Directives | None = None
    on_exhausted: ExhaustedWord | None = None
    attempts: int | None = None
    shutdown_s: float | None = None
    start_s: float | None = None
    children_max: int | None = None
    on_terminated: OnTerminated | None = None

    def __post_init__(self) -> None:
        check_options("ActorOptions", self.given())

    # Options may be a default of a function that is called durably, which is the same function as before there was the
    # newest of these fields, where that says nothing.
    def __getstate__(self) -> tuple[None, dict[str, Any]]:
        left_out = {"children_max"} if self.children_max is None else set()
        return None, {one.name: getattr(self, one.name) for one in fields(self) if one.name not in left_out}

    def __setstate__(self, state: tuple[None, dict[str, Any]]) -> None:
        for name, value in {"children_max": None, **state[1]}.items():
            object.__setattr__(self, name, value)

    def given(self) -> SpawnOptions:
        """What is not None, as `ActorSystem.spawn` takes it."""
        named = {one.name: getattr(self, one.name) for one in fields(self)}
        return cast("SpawnOptions", {name: value for name, value in named.items() if value is not None})


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
        children_max: how many children it may have at a time.
        body: makes its body, of its system and this; None: it lives where its cell is.
    """

    factory: Factory[Any]
    name: str
    mailbox: MailboxSpec
    policy: RestartPolicy
    shutdown_s: float
    on_terminated: OnTerminated | None
    on_ended: OnEnded | None = None
    start_s: float | None = None
    children_max: int = CHILDREN_MAX
    body: Callable[[Any, ActorSpec], Any] | None = None


_DEFAULT_MAILBOX = MailboxSpec()
_DEFAULT_POLICY = RestartPolicy()
_POLICY_OPTIONS = {"restart", "intensity", "backoff", "directives", "on_exhausted", "attempts"}


def make_spec(factory: Factory[Any], name: str, options: SpawnOptions) -> ActorSpec:
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
    return ActorSpec(
        factory,
        name,
        options.get("mailbox", _DEFAULT_MAILBOX),
        check_options(name, options),
        options.get("shutdown_s", 5.0),
        options.get("on_terminated"),
        options.get("on_ended"),
        options.get("start_s"),
        options.get("children_max", CHILDREN_MAX),
        getattr(factory, "body", None),  # a factory may say where its actor lives
    )


def check_options(name: str, options: SpawnOptions) -> RestartPolicy:
    """The policy of these options. Raises TypeError or ValueError, with the name, where one makes no sense."""
    check_seconds(options.get("shutdown_s", 5.0), f"shutdown_s of {name!r}")
    check_start(options.get("start_s"), f"start_s of {name!r}")
    children_max = options.get("children_max", CHILDREN_MAX)
    if type(children_max) is not int or children_max < 0:
        raise ValueError(f"children_max of {name!r} is a whole number from 0 on, not {children_max!r}")
    mailbox = options.get("mailbox", _DEFAULT_MAILBOX)
    if not isinstance(mailbox, MailboxSpec):
        raise TypeError(f"the mailbox of {name!r} is a MailboxSpec, not {mailbox!r}")
    return _policy(name, options)


def check_seconds(value: Any, what: str) -> None:
    """Raises TypeError or ValueError where this is no time of 0 or more seconds."""
    _check_number(value, what)
    if not value >= 0:
        raise ValueError(f"{what} is 0 or more seconds, not {value!r}")


def check_start(value: Any, what: str) -> None:
    """Raises TypeError or ValueError where this is neither None nor a time of more than 0 seconds."""
    if value is not None:
        _check_number(value, what)
        if not value > 0:
            raise ValueError(f"{what} is more than 0 seconds, or None, not {value!r}")


def _check_number(value: Any, what: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{what} is a number of seconds, not {value!r}")


def _policy(name: str, options: SpawnOptions) -> RestartPolicy:
    if _POLICY_OPTIONS.isdisjoint(options):
        return _DEFAULT_POLICY
    attempts = options.get("attempts", 1)
    if type(attempts) is not int or attempts < 1:
        raise ValueError(f"attempts of {name!r} is 1 or more, not {attempts!r}")
    for option, kind in (("intensity", RestartIntensity), ("backoff", Backoff)):
        if not isinstance(given := options.get(option, kind()), kind):
            raise TypeError(f"{option} of {name!r} is a {kind.__name__}(...), not {given!r}")
    directives = options.get("directives", {})
    check_directives(name, directives)
    return RestartPolicy(
        one_of(Restart, options.get("restart", Restart.PERMANENT), f"restart of {name!r}"),
        options.get("intensity", RestartIntensity()),
        options.get("backoff", Backoff()),
        directives,
        one_of(Exhausted, options.get("on_exhausted", Exhausted.STOP), f"on_exhausted of {name!r}"),
        attempts,
    )
