"""What `exp run` is to do: begin, go on, branch off, or nothing. Pure: looks at plain data, changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cuebook.experiments.inputs import Inputs
from cuebook.experiments.lines import Ref
from cuebook.persistence.history.experiments.line import LineState

__all__ = ["Decision", "What", "Wish", "decide"]


class What(StrEnum):
    """What is to be done."""

    BEGIN = "begin"
    GO_ON = "go on"
    BRANCH = "branch"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asked for.

    Attributes:
        resets: from scratch. forces: also what is finished. start: from this checkpoint.
    """

    resets: bool = False
    forces: bool = False
    start: Ref | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done.

    Attributes:
        start: the checkpoint that the workspace gets first; None where it stays as it is, or is emptied.
        why: in words, for the user.
    """

    what: What
    start: Ref | None = None
    why: str = ""


def decide(wish: Wish, head: Ref | None, line: LineState | None, inputs: Inputs) -> Decision:
    """What to do in a workspace.

    Args:
        wish: what was asked for.
        head: the checkpoint that the workspace's outputs come from. line: the experiment that it belongs to.
        inputs: what counts just now.
    """
    if wish.start is not None:
        return Decision(What.BRANCH, wish.start, f"from {wish.start}")
    if wish.resets or head is None or line is None or line.last is None:
        return Decision(What.BEGIN)
    if head.number != line.last.number:
        return Decision(What.BRANCH, head, f"from {head}, which is not the last checkpoint of {head.name}")
    was = line.attempt
    changes = [] if was is None else inputs.changes(was.facts, line.written)
    if changes and head.number == 0 and not line.opened.parent:
        return Decision(What.BEGIN)  # nothing came of it that could be gone on from
    if changes:
        named = ", ".join(changes[:3]) + (" and more" if len(changes) > 3 else "")
        return Decision(What.BRANCH, head, f"changed: {named}")
    if line.ended is not None and line.ended.outcome == "finished" and not wish.forces:
        return Decision(What.NOTHING, head, f"experiment {head.name} is finished")
    return Decision(What.GO_ON, head)
