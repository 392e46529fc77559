"""What a supervisor does when one of its children has ended: specs and decisions as data, without a loop.

Source: supervisor.erl of Erlang/OTP, whose words these are. Knows no actor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from cuebook.choices import one_of
from cuebook.runtime.cells.mailbox import MailboxSpec
from cuebook.runtime.cells.spec import check_seconds, check_start
from cuebook.runtime.policy.directives import Directives, check_directives
from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.policy.restarts import (
    Backoff,
    History,
    Restart,
    RestartIntensity,
    RestartWord,
    add_restart,
    backoff_delay,
    is_restarted,
)
from cuebook.runtime.refs.typed import Accepts

__all__ = [
    "AutoShutdown",
    "ChildSpec",
    "ChildState",
    "GiveUp",
    "Leave",
    "Replace",
    "ShutDown",
    "Strategy",
    "SupervisorSpec",
    "after_end",
    "check_child",
    "needs_siblings",
]


class Strategy(StrEnum):
    """Who is restarted with a child that ended."""

    ONE_FOR_ONE = "one_for_one"
    """That child alone."""
    ONE_FOR_ALL = "one_for_all"
    """All children."""
    REST_FOR_ONE = "rest_for_one"
    """The child and those that were started after it."""


class AutoShutdown(StrEnum):
    """When a supervisor's job is done, so that it stops with all its children."""

    NEVER = "never"
    ANY_SIGNIFICANT = "any_significant"
    """One significant child has ended, and is not restarted."""
    ALL_SIGNIFICANT = "all_significant"
    """The last significant child has."""


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """A child of a supervisor.

    Parameters:
        id: its name below the supervisor's; unique there.
        factory: gives the Actor, for each incarnation; or the SupervisorSpec of a supervisor below.
        restart: which ends are followed by a restart; a temporary child is forgotten when it ends.
        shutdown_s: seconds for its orderly stop; 0: its handler is cancelled at once.
        start_s: seconds for its `on_start`, for which its supervisor waits; then it has failed to start. None: no
            bound.
        significant: whether its end counts for `auto_shutdown`; not for permanent children, which have none.
        mailbox, directives, attempts: as for `spawn`.
    """

    id: str
    factory: Callable[[], Accepts[Any]] | SupervisorSpec
    restart: RestartWord = Restart.PERMANENT
    shutdown_s: float = 5.0
    significant: bool = False
    mailbox: MailboxSpec = field(default_factory=MailboxSpec)
    directives: Directives = field(default_factory=dict)
    attempts: int = 1
    start_s: float | None = 30.0


@dataclass(frozen=True, slots=True)
class SupervisorSpec:
    """A supervisor and its first children, in the order of their start.

    Parameters:
        intensity: more restarts than this, of whichever children, and the supervisor itself fails.
        backoff: the wait before a restart; by default none.

    Raises:
        TypeError, ValueError: it makes no sense; the child is named.
    """

    children: Sequence[ChildSpec] = ()
    strategy: Strategy | Literal["one_for_one", "one_for_all", "rest_for_one"] = Strategy.ONE_FOR_ONE
    intensity: RestartIntensity = field(default_factory=RestartIntensity)
    backoff: Backoff = field(default_factory=lambda: Backoff(first_s=0.0))
    auto_shutdown: AutoShutdown | Literal["never", "any_significant", "all_significant"] = AutoShutdown.NEVER

    def __post_init__(self) -> None:
        object.__setattr__(self, "strategy", one_of(Strategy, self.strategy, "the strategy of a supervisor"))
        shutdown = one_of(AutoShutdown, self.auto_shutdown, "the auto_shutdown of a supervisor")
        object.__setattr__(self, "auto_shutdown", shutdown)
        _check_type(self.intensity, RestartIntensity, "the intensity of a supervisor")
        _check_type(self.backoff, Backoff, "the backoff of a supervisor")
        if isinstance(self.children, ChildSpec) or not isinstance(self.children, Iterable):
            raise TypeError(f"the children of a supervisor are a list of ChildSpec, not {self.children!r}")
        object.__setattr__(self, "children", tuple(self.children))
        seen: set[str] = set()
        for child in self.children:
            check_child(child, self)
            if child.id in seen:
                raise ValueError(f"two children of a supervisor have the id {child.id!r}")
            seen.add(child.id)


def check_child(child: ChildSpec, spec: SupervisorSpec) -> None:
    """Raises TypeError or ValueError, naming the child, where it makes no sense below this supervisor."""
    if not isinstance(child, ChildSpec):
        raise TypeError(f"a supervisor has children by ChildSpec, not {child!r}")
    if not isinstance(child.id, str) or not child.id:
        raise ValueError(f"the id of a child is a string that is not empty, not {child.id!r}")
    if not callable(child.factory) and not isinstance(child.factory, SupervisorSpec):
        raise TypeError(
            f"the factory of child {child.id!r} gives an Actor or is a SupervisorSpec, not {child.factory!r}"
        )
    restart = one_of(Restart, child.restart, f"restart of child {child.id!r}")
    object.__setattr__(child, "restart", restart)
    check_seconds(child.shutdown_s, f"shutdown_s of child {child.id!r}")
    check_start(child.start_s, f"start_s of child {child.id!r}")
    _check_type(child.mailbox, MailboxSpec, f"the mailbox of child {child.id!r}")
    _check_type(child.significant, bool, f"significant of child {child.id!r}")
    if type(child.attempts) is not int or child.attempts < 1:
        raise ValueError(f"attempts of child {child.id!r} is 1 or more, not {child.attempts!r}")
    check_directives(child.id, child.directives)
    if child.significant and restart is Restart.PERMANENT:
        raise ValueError(f"child {child.id!r} is permanent, so it never ends and cannot be significant")
    if child.significant and spec.auto_shutdown is AutoShutdown.NEVER:
        raise ValueError(f"child {child.id!r} is significant, which means nothing with auto_shutdown='never'")


@dataclass(frozen=True, slots=True)
class ChildState:
    """What a decision needs to know of a child. `is_awaited`: it waits for its restart."""

    id: str
    restart: Restart
    is_significant: bool
    is_running: bool
    is_awaited: bool = False


@dataclass(frozen=True, slots=True)
class Leave:
    """The child stays down; `forgets` it where it is temporary."""

    forgets: bool


@dataclass(frozen=True, slots=True)
class Replace:
    """After `delay_s` seconds stop these (in this order), forget the temporary ones of them, then start those."""

    stops: tuple[str, ...]
    forgets: tuple[str, ...]
    starts: tuple[str, ...]
    delay_s: float


@dataclass(frozen=True, slots=True)
class ShutDown:
    """The supervisor's job is done."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Too many restarts: the supervisor fails."""


def needs_siblings(spec: SupervisorSpec, child: ChildSpec) -> bool:
    """Whether what follows the end of this child depends on the others."""
    return child.significant or spec.strategy is not Strategy.ONE_FOR_ONE


def after_end(
    spec: SupervisorSpec,
    children: Sequence[ChildState],
    ended: str,
    reason: Exit,
    *,
    history: History,
    now: float,
    draw: float,
    is_final: bool = False,
) -> tuple[Leave | Replace | ShutDown | GiveUp, History]:
    """What follows the end of a child, and the history with it in.

    Parameters:
        children: in the order of their start; the ended one among them. Where `needs_siblings` says no, it alone will
            do.
        now: monotonic seconds. draw: chance, 0 to 1.
        is_final: a directive says that this child ends for good.
    """
    child = next(one for one in children if one.id == ended)
    if is_final or not is_restarted(child.restart, reason):
        if child.is_significant and _is_done(spec, children, ended):
            return ShutDown(), history
        return Leave(forgets=child.restart is Restart.TEMPORARY), history
    restarts, is_allowed = add_restart(history.restarts, now, spec.intensity)
    quiet_s = now - history.restarts[0] if history.restarts else 0.0
    in_row = history.in_row + 1 if history.restarts and quiet_s < spec.backoff.reset_after_s else 1
    history = History(restarts, in_row)
    if not is_allowed:
        return GiveUp(), history
    affected = _affected(spec.strategy, children, ended)
    others = [one for one in affected if one.id != ended]
    return (
        Replace(
            stops=tuple(one.id for one in reversed(others) if one.is_running),
            forgets=tuple(one.id for one in others if one.restart is Restart.TEMPORARY),
            starts=tuple(one.id for one in affected if one.restart is not Restart.TEMPORARY),
            delay_s=backoff_delay(spec.backoff, in_row, draw),
        ),
        history,
    )


def _affected(strategy: Strategy | str, children: Sequence[ChildState], ended: str) -> Sequence[ChildState]:
    place = next(place for place, one in enumerate(children) if one.id == ended)
    match strategy:
        case Strategy.ONE_FOR_ALL:
            return children
        case Strategy.REST_FOR_ONE:
            return children[place:]
        case _:
            return children[place : place + 1]


def _is_done(spec: SupervisorSpec, children: Sequence[ChildState], ended: str) -> bool:
    if spec.auto_shutdown is AutoShutdown.ALL_SIGNIFICANT:
        return not any(one.is_significant and (one.is_running or one.is_awaited) for one in children if one.id != ended)
    return spec.auto_shutdown is AutoShutdown.ANY_SIGNIFICANT


def _check_type(value: Any, kind: type, what: str) -> None:
    if not isinstance(value, kind):
        raise TypeError(f"{what} is a {kind.__name__}, not {value!r}")
