"""The newest checkpoints of calls, with label, age and metrics, for people and programs. Pure: no file, no printing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cuebook.cli.output import duration, iso_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cuebook.persistence.history.run import RunState

__all__ = [
    "CallCheckpoint",
    "checkpoint_line",
    "checkpoint_object",
    "metrics_text",
    "newest_checkpoints",
    "running_checkpoints",
]

_METRICS_SHOWN = 8


@dataclass(frozen=True, slots=True)
class CallCheckpoint:
    """The newest checkpoint of one call.

    Attributes:
        call: its index. number: of the checkpoint within the call, from 1. label: the user's name for it.
        size_bytes: of the state. at: seconds since the epoch. metrics: plain values by name.
        is_completed: whether the call has a result by now.
    """

    call: int
    number: int
    label: str | None
    size_bytes: int
    at: float
    metrics: Mapping[str, Any]
    is_completed: bool


def newest_checkpoints(run: RunState, metrics: Callable[[int], Mapping[str, Any]]) -> list[CallCheckpoint]:
    """Of each call that kept one, in the order of the calls.

    Args:
        metrics: reads those of the record of this number.
    """
    return [_newest(run, index, metrics) for index in sorted(run.states)]


def running_checkpoints(
    run: RunState, metrics: Callable[[int], Mapping[str, Any]], most: int
) -> tuple[list[CallCheckpoint], int]:
    """Of the calls that have neither a result nor failed, the newest first; and how many are left out.

    Args:
        most: how many are wanted. metrics: as in `newest_checkpoints`; asked for those alone.
    """
    calls = [index for index in run.states if not run.done[index] and index not in run.failures]
    calls.sort(key=lambda index: (-run.states[index][-1][1].at, index))
    return [_newest(run, index, metrics) for index in calls[:most]], max(0, len(calls) - most)


def checkpoint_object(kept: CallCheckpoint) -> dict[str, Any]:
    """One for programs."""
    return {
        "call": kept.call,
        "number": kept.number,
        "label": kept.label,
        "bytes": kept.size_bytes,
        "at": iso_time(kept.at),
        "metrics": dict(kept.metrics),
        "completed": kept.is_completed,
    }


def checkpoint_line(kept: CallCheckpoint, now: float) -> str:
    """One for people: `call 3: checkpoint 7 'epoch', 12 s ago, loss=0.31`."""
    label = f" {kept.label!r}" if kept.label is not None else ""
    parts = [f"call {kept.call}: checkpoint {kept.number}{label}", f"{duration(max(0.0, now - kept.at))} ago"]
    return ", ".join([*parts, *filter(None, [metrics_text(kept.metrics)])])


def metrics_text(metrics: Mapping[str, Any]) -> str:
    """`loss=0.31, epoch=4`; numbers with four digits."""
    shown: Sequence[tuple[str, Any]] = list(metrics.items())[:_METRICS_SHOWN]
    parts = [f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}" for name, value in shown]
    return ", ".join([*parts, *(["..."] if len(metrics) > _METRICS_SHOWN else [])])


def _newest(run: RunState, index: int, metrics: Callable[[int], Mapping[str, Any]]) -> CallCheckpoint:
    seq, head = run.states[index][-1]
    return CallCheckpoint(index, head.number, head.label, head.length, head.at, metrics(seq), bool(run.done[index]))
