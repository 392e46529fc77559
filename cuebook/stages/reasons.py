"""Why a stage is done again, for people: what differs from the last time. Pure; knows no file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from cuebook.persistence.identity.change_text import change_lines, is_of_code
from cuebook.persistence.identity.parts import Change, Part, compare

if TYPE_CHECKING:
    from cuebook.stages.lineage import Lineage

__all__ = ["FIRST_TIME", "RESET", "change_reasons", "differences", "reason_line"]

FIRST_TIME = "it was never done"
RESET = "all earlier results are left alone"
_SHOWN_MAX = 4


def differences(lineage: Lineage, before: Sequence[Part], names: Mapping[str, str]) -> list[str]:
    """What differs from an earlier call of the stage.

    Args:
        lineage: of the call. before: the parts of the earlier one. names: of stages that were redone in this run, by
            the digest of the argument that has their value.
    """
    changes = compare(before, lineage.parts)
    code = [change for change in changes if not change.label.startswith(("argument ", "stage "))]
    others = [change for change in changes if change not in code]
    return [*_lines(code), *_of_arguments(others, lineage, names)] or ["what it was given has changed"]


def change_reasons(changes: Sequence[Change]) -> list[str]:
    """The same for what has no arguments: "code of clean changed", "stage prices"."""
    stages = [change.label for change in changes if change.label.startswith("stage ") and change.kind != "gone"]
    return [*_lines([change for change in changes if not change.label.startswith("stage ")]), *stages]


def _lines(changes: Sequence[Change]) -> Iterator[str]:
    for change in changes:
        for line in change_lines(change):
            yield f"{line} changed" if is_of_code(change.label) and change.kind == "changed" else line


def _of_arguments(changes: Sequence[Change], lineage: Lineage, names: Mapping[str, str]) -> Iterator[str]:
    now = {part.label: part for part in lineage.parts}
    for change in changes:
        part = now.get(change.label)
        if change.label.startswith("stage "):
            if change.kind != "gone":
                yield change.label
        elif part is not None and part.digest in names:
            yield f"stage {names[part.digest]}"
        elif not (
            change.kind == "gone" and any(each.kind == "added" and each.label.startswith("stage ") for each in changes)
        ):
            yield from change_lines(change)


def reason_line(stage: str, reasons: Sequence[str]) -> str:
    """The line that says it: "stage2 is redone: code of clean changed"; "stage3 is redone because of stage2"."""
    stages = [reason.removeprefix("stage ") for reason in reasons if reason.startswith("stage ")]
    others = [reason for reason in reasons if not reason.startswith("stage ")]
    if not others:
        return f"{stage} is redone because of {', '.join(stages)}"
    more = f" and {len(others) - _SHOWN_MAX} more" if len(others) > _SHOWN_MAX else ""
    because = f"; also because of {', '.join(stages)}" if stages else ""
    return f"{stage} is redone: {'; '.join(others[:_SHOWN_MAX])}{more}{because}"
