"""Choosing of rows that may come before a function: then it is not called for rows that nobody asks for. Pure."""

from __future__ import annotations

from dataclasses import replace

from cuebook.data.plan import MAPPED, RelationStep, RowStep, Step

__all__ = ["pushed"]


def pushed(step: Step) -> Step:
    """The same chain with each filter, order and limit before the maps whose columns it does not read.

    A map gives one row for each and leaves them in order, so that what chooses or orders rows by other columns may go
    first. `gen` and `agg` do neither, nor does a map that leaves out rows that fail.
    """
    if isinstance(step, RelationStep):
        of = pushed(step.of)
        if _may_pass(step, of):
            assert isinstance(of, RowStep)
            return of.over(pushed(replace(step, of=of.of)))
        other = None if step.other is None else pushed(step.other)
        return step if of is step.of and other is step.other else replace(step, of=of, other=other)
    if isinstance(step, RowStep):
        of = pushed(step.of)
        return step if of is step.of else step.over(of)
    return step


def _may_pass(step: RelationStep, of: Step) -> bool:
    if not isinstance(of, RowStep) or of.kind != MAPPED or step.reads is None or step.other is not None:
        return False
    if of.options.collects:
        return False
    return not step.reads & set(of.outputs.names)
