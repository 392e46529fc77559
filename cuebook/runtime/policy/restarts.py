"""Restart or not, and when: decisions over plain data, without a loop.

Knows no actor and reads no clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from cuebook.runtime.policy.directives import Directive, Directives, Exhausted
from cuebook.runtime.policy.exits import Exit

__all__ = [
    "Backoff",
    "History",
    "Park",
    "Restart",
    "RestartAfter",
    "RestartIntensity",
    "RestartPolicy",
    "RestartWord",
    "Terminate",
    "add_restart",
    "backoff_delay",
    "decide",
    "is_restarted",
]

_STEPS_MAX = 10_000  # a factor of 1 never reaches its maximum


class Restart(StrEnum):
    """Which ends of an incarnation are followed by a next one (the terms of OTP's child specs)."""

    PERMANENT = "permanent"
    """Every end but a shutdown: also when the actor stops itself."""
    TRANSIENT = "transient"
    """Failures only: an actor that stops itself is done."""
    TEMPORARY = "temporary"
    """None."""


RestartWord = Restart | Literal["permanent", "transient", "temporary"]


@dataclass(frozen=True, slots=True)
class RestartIntensity:
    """How many restarts are too many: more than `restarts_max` within `within_s` seconds."""

    restarts_max: int = 3
    within_s: float = 5.0

    def __post_init__(self) -> None:
        if self.restarts_max < 0 or not self.within_s > 0:
            raise ValueError("a restart intensity allows 0 or more restarts in a window longer than 0 seconds")


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before a restart: longer with each failure in a row.

    Parameters:
        first_s: before the first restart, in seconds; 0 restarts at once.
        max_s: the most, before jitter.
        factor: from one to the next, at least 1.
        jitter: share of the delay, 0 to 1, that chance adds or takes.
        reset_after_s: an incarnation that ran this long begins a new row.
    """

    first_s: float = 0.01
    max_s: float = 5.0
    factor: float = 2.0
    jitter: float = 0.1
    reset_after_s: float = 10.0

    def __post_init__(self) -> None:
        if not 0 <= self.first_s <= self.max_s:
            raise ValueError("a backoff has 0 <= first_s <= max_s")
        if self.factor < 1 or not 0 <= self.jitter <= 1 or self.reset_after_s < 0:
            raise ValueError("a backoff has factor >= 1, 0 <= jitter <= 1 and reset_after_s >= 0")


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """All that a restart depends on and that does not change.

    Parameters:
        directives: what a failure of a type calls for, in place of a restart.
        on_exhausted: what follows more failures than the intensity allows.
        attempts: how often a message may fail its incarnation; after the last it is a dead letter.
    """

    restart: Restart = Restart.PERMANENT
    intensity: RestartIntensity = RestartIntensity()
    backoff: Backoff = Backoff()
    directives: Directives = field(default_factory=dict)
    on_exhausted: Exhausted = Exhausted.STOP
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class History:
    """Restarts within the window (monotonic seconds, newest first), and failures in a row."""

    restarts: tuple[float, ...] = ()
    in_row: int = 0


@dataclass(frozen=True, slots=True)
class RestartAfter:
    """Start the next incarnation after `delay_s` seconds."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class Terminate:
    """There is no next incarnation. `is_exhausted`: there would be, were it not for the intensity.
    `is_escalated`: the parent fails with it.
    """

    is_exhausted: bool = False
    is_escalated: bool = False


@dataclass(frozen=True, slots=True)
class Park:
    """There is none until someone asks for it."""


def is_restarted(restart: Restart, reason: Exit) -> bool:
    """Permanent after all but a shutdown, transient after a failure, temporary never."""
    match restart, reason:
        case _, Exit.SHUTDOWN:
            return False
        case Restart.PERMANENT, _:
            return True
        case Restart.TRANSIENT, Exit.FAILURE:
            return True
        case _:
            return False


def add_restart(restarts: tuple[float, ...], now: float, intensity: RestartIntensity) -> tuple[tuple[float, ...], bool]:
    """The window with a restart at `now` in it, and whether that is still within the intensity.

    Source: add_restart/1 of Erlang/OTP's supervisor.erl.
    """
    window = (now, *(then for then in restarts if now - then <= intensity.within_s))
    return window, len(window) <= intensity.restarts_max


def backoff_delay(backoff: Backoff, in_row: int, draw: float) -> float:
    """Seconds before the restart after `in_row` (>= 1) failures in a row; `draw` is chance, 0 to 1."""
    delay_s = backoff.first_s
    for _ in range(min(in_row - 1, _STEPS_MAX)):
        if delay_s >= backoff.max_s:
            break
        delay_s *= backoff.factor
    return min(delay_s, backoff.max_s) * (1.0 + backoff.jitter * (2.0 * draw - 1.0))


def decide(
    policy: RestartPolicy,
    reason: Exit,
    history: History,
    *,
    now: float,
    ran_s: float,
    draw: float,
    directive: Directive = Directive.RESTART,
) -> tuple[RestartAfter | Terminate | Park, History]:
    """What follows the end of an incarnation, and the history with it in.

    Parameters:
        now: monotonic seconds.
        ran_s: how long the incarnation ran, from the end of its start; 0 where it did not start.
        draw: chance, 0 to 1.
        directive: what its failure calls for; RESUME is RESTART here, as there is nothing left to resume.
    """
    if reason is Exit.FAILURE and directive in (Directive.STOP, Directive.ESCALATE):
        return Terminate(is_escalated=directive is Directive.ESCALATE), history
    if not is_restarted(policy.restart, reason):
        return Terminate(), history
    restarts, is_allowed = add_restart(history.restarts, now, policy.intensity)
    is_new_row = reason is not Exit.FAILURE or (ran_s > 0 and ran_s >= policy.backoff.reset_after_s)
    in_row = 1 if is_new_row else history.in_row + 1
    if not is_allowed:
        if policy.on_exhausted is Exhausted.PARK:
            return Park(), History()
        is_escalated = policy.on_exhausted is Exhausted.ESCALATE
        return Terminate(is_exhausted=True, is_escalated=is_escalated), History(restarts, in_row)
    return RestartAfter(backoff_delay(policy.backoff, in_row, draw)), History(restarts, in_row)
