"""What a new run need not do, and what it writes when it begins. Blocks on the disk: run it in a thread."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from cuebook.chunks.options import Options
from cuebook.chunks.records import argument_entries, opening_entry, reused_entry, same_arguments_entry
from cuebook.persistence.arguments import BLOCK_CALLS, Block, encode_blocks
from cuebook.persistence.fingerprint import ALGORITHM, Fingerprint, fingerprint
from cuebook.persistence.journal import JournalFile
from cuebook.persistence.record import Entry, Kind
from cuebook.persistence.replay import JournalState, replay
from cuebook.persistence.reuse import Claim, EarlierRun, line_up
from cuebook.persistence.reuse_cursor import Cursor
from cuebook.persistence.run_state import RunState
from cuebook.runtime.codec import unpack

__all__ = ["Plan", "plan_iterator", "plan_list"]


@dataclass(slots=True)
class Plan:
    """How a run begins.

    Attributes:
        file: its journal, None where nothing is kept.
        number: its number there.
        func: the function.
        fingerprint: of the function.
        entries: the records to begin with.
        claims: calls of a list that take earlier results.
        cursor: finds earlier results for the calls of an iterator.
        states: the newest checkpoint of calls that were never finished, by the call's key.
        history: the journal as it was found.
    """

    file: JournalFile | None
    number: int
    func: Callable[..., Any]
    fingerprint: Fingerprint
    entries: list[Entry] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    cursor: Cursor | None = None
    states: dict[bytes, int] = field(default_factory=dict)
    history: JournalState = field(default_factory=JournalState)

    def close(self) -> None:
        """Drop the cursor's index."""
        if self.cursor is not None:
            self.cursor.close()


def plan_list(file: JournalFile | None, func: Callable[..., Any], options: Options, calls: Sequence[Any]) -> Plan:
    """Plan a run over a whole list.

    Cost: one encoding of all arguments, one scan of the journal's heads and of earlier arguments.
    """
    plan = _plan(file, func, options)
    if file is None:
        return plan
    blocks = encode_blocks(calls, keep=options.keep_arguments)
    earlier = _earlier_runs(file, plan)
    if options.reuse == "run":
        earlier = [run for run in earlier if _is_same_list(run.blocks, blocks)]
    plan.claims = line_up(blocks, earlier)
    plan.entries = [
        _opening(plan, options, len(calls)),
        *_arguments(plan.number, blocks, earlier),
        *reused_entry(plan.number, plan.claims),
    ]
    return plan


def plan_iterator(file: JournalFile | None, func: Callable[..., Any], options: Options) -> Plan:
    """Plan a run over an iterator: its calls are looked up as they come."""
    plan = _plan(file, func, options)
    if file is None:
        return plan
    earlier = _earlier_runs(file, plan)
    if any(1 in run.completed for run in earlier):
        plan.cursor = Cursor(earlier)
    plan.entries = [_opening(plan, options, None)]
    return plan


def _plan(file: JournalFile | None, func: Callable[..., Any], options: Options) -> Plan:
    extra = () if options.worker_class is None else (options.worker_class,)
    print_ = fingerprint(func, depends=options.depends, version=options.version, extra=extra)
    if file is None:
        return Plan(None, 0, func, print_)
    history = replay(file.records(bodies=False))
    _warn_of_opaque(print_, history, func)
    plan = Plan(file, file.next_run(), func, print_, history=history)
    if file.trusted:
        plan.states = _unfinished_states(history, print_)
    return plan


def _warn(text: str, func: Callable[..., Any]) -> None:
    """Warn where the user's function stands: the thread that plans has none of the user's frames."""
    code = getattr(func, "__code__", None)
    place = ("<cuebook>", 1) if code is None else (code.co_filename, code.co_firstlineno)
    warnings.warn_explicit(text, UserWarning, *place)


def _warn_of_opaque(print_: Fingerprint, history: JournalState, func: Callable[..., Any]) -> None:
    if print_.opaque and not any(_is_same_function(run, print_) for run in history.runs.values()):
        _warn(
            f"cuebook cannot see into {', '.join(print_.opaque)}, which {print_.name} uses: if it changes, old results "
            "are still taken. Name what it depends on with depends=, or set version=.",
            func,
        )


def _is_same_function(run: RunState, print_: Fingerprint) -> bool:
    return run.opened.fingerprint == print_.digest and run.opened.algorithm == ALGORITHM


def _opening(plan: Plan, options: Options, total: int | None) -> Entry:
    same = (
        number
        for number, run in plan.history.runs.items()
        if _is_same_function(run, plan.fingerprint) and "parts_of" not in run.opened.options and not run.is_forgotten
    )
    return opening_entry(plan.number, plan.fingerprint, options, total, next(same, None))


def _unfinished_states(history: JournalState, print_: Fingerprint) -> dict[bytes, int]:
    found: dict[bytes, int] = {}
    for run in history.runs.values():
        if _is_same_function(run, print_) and not run.is_forgotten:
            for index, kept in run.states.items():
                if not (index < len(run.done) and run.done[index]):
                    seq, head = kept[-1]
                    found[head.call_key] = seq
    return found


def _earlier_runs(file: JournalFile, plan: Plan) -> list[EarlierRun]:
    """Earlier runs of the same function, with their arguments and what may be claimed."""
    history = plan.history
    wanted = [number for number, run in history.runs.items() if _is_same_function(run, plan.fingerprint)]
    if not wanted:
        return []
    if not file.trusted:
        _warn(
            f"{file.path} can be written by others, so its results are not taken (that would execute what they wrote): "
            "every call is made afresh. Make the file and its folder writable by you alone.",
            plan.func,
        )
        return []
    blocks = _blocks_of(file, history)
    earlier = []
    for number in wanted:
        run = history.runs[number]
        of_run = blocks.get(number, [])
        known = sum(block.count for block in of_run)
        own = history.claimable(number)
        completed = own[:known] + bytes(max(0, known - len(own)))
        if 1 in completed or of_run:
            earlier.append(EarlierRun(number, of_run, completed))
        del run
    return earlier


def _blocks_of(file: JournalFile, history: JournalState) -> dict[int, list[Block]]:
    """The arguments of every run, where they are the same as another's shared with it."""
    found: dict[int, list[Block]] = {number: [] for number in history.runs}
    heads = {seq: head for run in history.runs.values() for seq, head in run.arguments}
    for record in file.records(kinds=(Kind.ARGUMENTS,)):
        head = heads.get(record.seq)
        if head is None or record.run not in found:
            continue
        if head.source_run is not None:
            found[record.run].extend(_slice(found.get(head.source_run, []), head.source_start, head.count))
        else:
            found[record.run].extend(_unpacked(unpack(record.body or b"\x90"), head.count, head.form))
    return found


def _unpacked(body: list[list[Any]], count: int, form: int) -> Iterator[Block]:
    left = count
    for identity, shown in body:
        size = min(BLOCK_CALLS, left)
        left -= size
        yield Block(size, form, identity, shown)


def _slice(blocks: Sequence[Block], start: int, count: int) -> list[Block]:
    """The blocks that hold calls `[start, start + count)`; both ends lie between blocks."""
    picked = []
    at = 0
    for block in blocks:
        if start <= at and at + block.count <= start + count:
            picked.append(block)
        at += block.count
    return picked


def _is_same_list(one: Sequence[Block], other: Sequence[Block]) -> bool:
    return len(one) == len(other) and all(
        a.count == b.count and a.form == b.form and a.identity == b.identity for a, b in zip(one, other, strict=True)
    )


def _arguments(number: int, blocks: Sequence[Block], earlier: Sequence[EarlierRun]) -> list[Entry]:
    """The records of a list's arguments: as far as they are those of an earlier run, only that is said."""
    best, source = 0, None
    for run in reversed(earlier):
        same = _equal_prefix(blocks, run.blocks)
        if same > best:
            best, source = same, run
    start = sum(block.count for block in blocks[:best])
    entries = argument_entries(number, blocks[best:], start)
    if source is not None:
        entries.insert(0, same_arguments_entry(number, start, blocks[0].form, source.number))
    return entries


def _equal_prefix(one: Sequence[Block], other: Sequence[Block]) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a.count != b.count or a.form != b.form or a.identity != b.identity:
            break
        count += 1
    return count
