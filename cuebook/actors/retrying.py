"""Which failed calls are tried again, and after how long: `retries=Retry(3, on=TimeoutError)`. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cuebook.actors.verdicts import pause_s
from cuebook.engines.calls.outcome import class_name

__all__ = ["BACKOFF_S", "Retry", "retry_of"]

BACKOFF_S = 0.1

Kinds = type[BaseException] | tuple[type[BaseException], ...]
Backoff = float | Callable[[int, BaseException | None], float]


@dataclass(frozen=True, slots=True)
class Retry:
    """Further attempts of a call, and after which exceptions: `chunk(..., retries=Retry(3, on=TimeoutError))`.

    Args:
        times: how many further attempts there are at most.
        on: the class or classes of exceptions after which a call is tried again; an attempt that ran out of its
            `timeout` counts as a TimeoutError. Default: all.
        backoff: seconds before the second attempt, doubled for each further one up to 60; or a function of the number
            of the attempt that is next (2, 3, ...) and the exception of the last one (None where that cannot be sent
            from the worker), which returns seconds.

    Raises:
        TypeError, ValueError: one of them is something else.
    """

    times: int
    on: Kinds = BaseException
    backoff: Backoff = BACKOFF_S

    def __init__(self, times: int, *, on: Kinds = BaseException, backoff: Backoff = BACKOFF_S) -> None:
        object.__setattr__(self, "times", _times(times))
        object.__setattr__(self, "on", _classes(on))
        object.__setattr__(self, "backoff", _backoff(backoff))

    def covers(self, kinds: Sequence[str]) -> bool:
        """Whether an exception of these classes, by name, is one after which a call is tried again."""
        classes = self.on if isinstance(self.on, tuple) else (self.on,)
        return any(cls is BaseException or class_name(cls) in kinds for cls in classes)

    def pause_s(self, attempt: int, error: BaseException | None) -> float:
        """Seconds before this attempt (2, 3, ...), after that exception."""
        backoff = self.backoff
        return float(backoff(attempt, error)) if callable(backoff) else pause_s(float(backoff), attempt)


def _times(times: Any, name: str = "times") -> int:
    if isinstance(times, bool) or not hasattr(times, "__index__"):
        raise TypeError(f"{name}={times!r} is no whole number")
    if times < 0:
        raise ValueError(f"{name}={times!r} must be at least 0")
    return int(times.__index__())


def _classes(on: Any) -> Kinds:
    classes = on if isinstance(on, tuple) else (on,)
    odd = [cls for cls in classes if not (isinstance(cls, type) and issubclass(cls, BaseException))]
    if odd or not classes:
        raise TypeError(f"on={on!r}; give a class of exceptions or a tuple of them, such as on=(TimeoutError, OSError)")
    checked: Kinds = on
    return checked


def _backoff(backoff: Any) -> Backoff:
    if callable(backoff) or (isinstance(backoff, int | float) and not isinstance(backoff, bool) and backoff >= 0):
        checked: Backoff = backoff
        return checked
    raise ValueError(
        f"backoff={backoff!r} must be seconds (0 or more), or a function of the attempt and the exception to seconds"
    )


def retry_of(retries: Retry | int, backoff: Any) -> Retry:
    """What the two options mean together.

    Raises:
        TypeError: there are two backoffs, or `retries` is no whole number. ValueError: `backoff` is none, or `retries`
            is less than 0.
    """
    if isinstance(retries, Retry):
        if backoff != BACKOFF_S:
            raise TypeError(f"backoff={backoff!r} belongs into Retry: retries=Retry({retries.times}, backoff=...)")
        return retries
    _times(retries, "retries")
    if callable(backoff):
        return Retry(retries, backoff=lambda attempt, _: float(backoff(attempt)))
    if isinstance(backoff, bool) or not isinstance(backoff, int | float) or not backoff >= 0:
        raise ValueError(f"backoff={backoff!r} must be seconds (0 or more), or a function from attempt to seconds")
    return Retry(retries, backoff=float(backoff))
