"""What can be seen of an actor from outside: its state and its counts. Plain data; knows no actor."""

from __future__ import annotations

from dataclasses import dataclass

from cuebook.runtime.policy.phases import ActorState
from cuebook.wording import in_one_line

__all__ = ["ActorState", "ActorStatistics", "TreeNode"]


@dataclass(frozen=True, slots=True)
class ActorStatistics:
    """Counts of one actor since it was spawned, over all of its incarnations.

    Attributes:
        depth, depth_bytes: messages and bytes that wait now; capacity: most messages.
        high_water: most that ever waited.
        processed: messages received; refused: frames that were no message.
        dropped: messages dropped by the overflow rule; late_replies: answers that nobody waited for any more.
        stashed: messages put aside by the actor; oldest_s: seconds that the oldest of those that wait has waited.
        restarts: how often it was restarted; busy_s: seconds from waking up to having nothing to do, awaits
            included.
        kind: name of its class; in_hand: type of the message that its handler works on, "" where it does not.
        failures: incarnations that failed; last_error: what the last one of them failed with, as text.
    """

    state: ActorState
    depth: int
    depth_bytes: int
    capacity: int
    high_water: int
    processed: int
    refused: int
    dropped: int
    late_replies: int
    restarts: int
    busy_s: float
    stashed: int = 0
    oldest_s: float = 0.0
    kind: str = ""
    in_hand: str = ""
    failures: int = 0
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class TreeNode:
    """An actor and its children, as they were when asked. `str()` is a readable tree."""

    name: str
    statistics: ActorStatistics | None
    children: tuple[TreeNode, ...]

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def _lines(node: TreeNode) -> list[str]:
    lines = [_line(node)]
    for child in node.children:
        lines += [f"  {line}" for line in _lines(child)]
    return lines


def _line(node: TreeNode) -> str:
    counts = node.statistics
    if counts is None:
        return in_one_line(node.name)
    shown = f"{node.name} {f'({counts.kind}) ' if counts.kind else ''}{status_line(counts)}"
    if counts.in_hand:
        shown += f" in_hand={counts.in_hand}"
    return in_one_line(f"{shown} last_error={counts.last_error}" if counts.last_error else shown)


def named_status(name: str, statistics: ActorStatistics) -> str:
    """The name of an actor, whatever it is made of, and the counts that matter, in one line."""
    return in_one_line(f"{name} {status_line(statistics)}")


def status_line(statistics: ActorStatistics) -> str:
    """The counts that matter, in one line."""
    parts = [
        statistics.state.value,
        f"depth={statistics.depth}/{statistics.capacity}",
        f"processed={statistics.processed}",
    ]
    if statistics.depth:
        parts.append(f"oldest={statistics.oldest_s:.3g}s")
    optional = ("stashed", "restarts", "refused", "dropped", "late_replies")
    parts += [f"{name}={getattr(statistics, name)}" for name in optional if getattr(statistics, name)]
    return " ".join(parts)
