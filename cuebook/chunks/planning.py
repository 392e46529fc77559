"""What a new run need not do, and what it writes when it begins. Blocks on the disk: run it in a thread."""

from __future__ import annotations

import bisect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from cuebook.chunks.files import lost_files, on_lost_files, on_paths, remember_files, without
from cuebook.chunks.identity import Identity, identify, key_of
from cuebook.chunks.noticing import not_reused, on_arguments, on_depends, on_opaque
from cuebook.chunks.options import Options
from cuebook.chunks.outlines import outlines_of, read_outlines
from cuebook.chunks.records import endings_of_cut_short, opening_entry
from cuebook.chunks.reusing import unclaimed
from cuebook.chunks.trusting import Needed, PlainOnly, Source, plain_only
from cuebook.persistence.history.arguments import Block, block_keys, encode_blocks
from cuebook.persistence.history.replay import JournalState
from cuebook.persistence.history.reuse import Claim, EarlierRun, line_up
from cuebook.persistence.history.reuse_cursor import Cursor
from cuebook.persistence.history.run import ReusedRange
from cuebook.persistence.history.run_parts import NAMES, OUTLINES, PARTS_OF, SECRETS_KEY, UNSEEN
from cuebook.persistence.history.run_writer import argument_entries, reused_entries, same_arguments_entry
from cuebook.persistence.identity.files import are_used
from cuebook.persistence.identity.fingerprint import Fingerprint
from cuebook.persistence.identity.parameters import parameters_of
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.recall.recalled import Recalled, recalled
from cuebook.persistence.records.record import Entry

__all__ = ["Beginning", "plan_iterator", "plan_list"]


@dataclass(slots=True)
class Beginning:
    """How a run begins.

    Attributes:
        file: its journal, which is only read where nothing is begun; None where nothing is kept.
        number: its number there.
        identity: who the function is, and how its calls are known.
        entries: the records to begin with.
        claims: calls of a list that take earlier results.
        cursor: finds earlier results for the calls of an iterator.
        states: the newest checkpoint of calls that were never finished, by the call's key.
        plain: how earlier results and these are to be read, where no code may come with them; None: it may.
        history: the journal as it was found.
        notices: what the user has to be told before the run begins.
        retried: calls of a list that are to be made and failed in an earlier run.
    """

    file: Source | None
    number: int
    identity: Identity
    entries: list[Entry] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    cursor: Cursor | None = None
    states: dict[bytes, int] = field(default_factory=dict)
    plain: PlainOnly | None = None
    history: JournalState = field(default_factory=JournalState)
    notices: list[str] = field(default_factory=list)
    retried: int = 0

    @property
    def fingerprint(self) -> Fingerprint:
        """Of the function."""
        return self.identity.fingerprint


def plan_list(file: Source | None, func: Callable[..., Any], options: Options, calls: Sequence[Any]) -> Beginning:
    """Plan a run over a whole list.

    Raises:
        ValueError: `ignore` names what is no parameter. FileNotFoundError: a `File` among the arguments is not there.

    Cost: one encoding of all arguments, one scan of the journal's heads and of earlier arguments.
    """
    if file is None:
        return Beginning(None, 0, identify(func, options, b""))
    with recalled(file, file.journal_id) as known:
        return _plan_list(file, func, options, calls, known=known)


def _plan_list(
    file: Source, func: Callable[..., Any], options: Options, calls: Sequence[Any], *, known: Recalled
) -> Beginning:
    plan = _plan(file, func, options, known.state)
    remember_files(file, plan.history, plan.identity)
    blocks = encode_blocks(calls, plan.identity.form, keep=options.keep_arguments)
    earlier = _earlier_runs(file, plan, known, blocks)
    if options.reuse == "run":
        earlier = [run for run in earlier if _is_same_list(run.blocks, blocks)]
    plan.claims = line_up(blocks, earlier)
    lost = lost_files(file, plan.history, plan.claims)
    # Only now: whether a file is still as it was returned is asked of those results alone that would be taken. Equal
    # results elsewhere may stand in for them, so the calls are lined up once more.
    if lost:
        plan.notices.append(on_lost_files(plan.fingerprint.name, lost))
        plan.claims = line_up(blocks, without(earlier, lost))
    taken = [ReusedRange(claim.source_run, claim.source_start, claim.start, claim.count) for claim in plan.claims]
    plan.plain = plain_only(file, options.trust, Needed(plan.fingerprint.name, taken, lambda: _states_of(plan, calls)))
    is_whole = sum(claim.count for claim in plan.claims) == len(calls)
    plan.retried = 0 if is_whole else _failed_before(plan, earlier, calls)
    outlines = [] if is_whole else outlines_of(plan.identity.form, calls)
    _notice(file, plan, calls, outlines)
    plan.entries += [
        _opening(plan, len(calls), outlines if options.keep_arguments else []),
        *_arguments(plan.number, blocks, earlier, to_the_byte=bool(options.ignore) or are_used()),
        *reused_entries(plan.number, plan.claims),
    ]
    return plan


def plan_iterator(file: Source | None, func: Callable[..., Any], options: Options) -> Beginning:
    """Plan a run over an iterator: its calls are looked up as they come."""
    if file is None:
        return Beginning(None, 0, identify(func, options, b""))
    with recalled(file, file.journal_id) as known:
        return _plan_iterator(file, func, options, known)


def _plan_iterator(file: Source, func: Callable[..., Any], options: Options, known: Recalled) -> Beginning:
    plan = _plan(file, func, options, known.state)
    remember_files(file, plan.history, plan.identity)
    earlier = [run for run in _earlier_runs(file, plan, known, None) if 1 in run.completed]
    taken = [ReusedRange(run.number, 0, 0, len(run.completed)) for run in earlier]
    plan.plain = plain_only(file, options.trust, Needed(plan.fingerprint.name, taken, lambda: [*plan.states.values()]))
    if earlier:
        plan.cursor = Cursor(earlier, plan.identity.form)
    _notice(file, plan, (), ())
    plan.entries.append(_opening(plan, None, []))
    return plan


def _plan(file: Source, func: Callable[..., Any], options: Options, history: JournalState) -> Beginning:
    number = file.next_run() if isinstance(file, JournalWriter) else 0
    plan = Beginning(file, number, identify(func, options, key_of(history)), history=history)
    if isinstance(file, JournalWriter) and file.cut_short is not None:
        plan.entries += endings_of_cut_short(history, file.cut_short)
    if options.reuse != "none":
        plan.states = _unfinished_states(history, plan.identity)
    return plan


def _notice(file: Source, plan: Beginning, calls: Sequence[Any], outlines: Sequence[str]) -> None:
    """Note what the user has to be told."""
    identity, history = plan.identity, plan.history
    is_reusing = bool(plan.claims) or plan.cursor is not None
    told: list[str | None] = [*on_arguments(identity), on_depends(identity)]
    if is_reusing:
        told.append(on_opaque(plan.fingerprint))
    elif identity.options.reuse != "none" and not plan.notices:  # files that are gone are the reason, and were told
        why = not_reused(identity, history, outlines, partial(read_outlines, file, history, form=identity.form))
        told.append(None if why is None else f"{why}; cuebook why {_shown(file.path)}")
    if plan.fingerprint.name not in history.by_function:
        told.append(on_paths(identity.form, calls))
    plan.notices.extend(identity.hiding.hide(text) for text in told if text is not None)


def _shown(path: Path) -> str:
    """The journal as the user may call it: from the folder that he is in."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def _opening(plan: Beginning, total: int | None, outlines: Sequence[str]) -> Entry:
    identity = plan.identity
    same = (
        run.number
        for run in plan.history.by_fingerprint.get(plan.fingerprint.digest, ())
        if identity.is_of(run) and PARTS_OF not in run.opened.options and not run.is_forgotten
    )
    inner: dict[str, Any] = {SECRETS_KEY: identity.hiding.key}
    parts_from = next(same, None)
    if parts_from is not None:
        inner[PARTS_OF] = parts_from
    else:
        parameters = parameters_of(identity.func)
        inner[NAMES] = list(parameters.positional) if parameters else []
    if outlines:
        inner[OUTLINES] = [identity.hiding.hide(text) for text in outlines]
    if identity.form.opaque:
        inner[UNSEEN] = dict(identity.form.opaque)
    command = identity.hiding.hidden_command(sys.argv)
    return opening_entry(plan.number, identity.redacted(), identity.options, total, inner=inner, command=command)


def _unfinished_states(history: JournalState, identity: Identity) -> dict[bytes, int]:
    found: dict[bytes, int] = {}
    for run in history.with_states.values():
        if identity.is_of(run):
            for index, kept in run.states.items():
                seq, head = kept[-1]
                if run.done[index]:  # a later run has done what an earlier one had begun
                    found.pop(head.call_key, None)
                elif not run.is_forgotten:
                    found[head.call_key] = seq
    return found


def _states_of(plan: Beginning, calls: Sequence[Any]) -> list[int]:
    """The checkpoints from which calls that are to be made would go on."""
    if not plan.states:
        return []
    todo = {plan.identity.form.key(calls[index]) for part in unclaimed(len(calls), plan.claims) for index in part}
    return [seq for key, seq in plan.states.items() if key in todo]


def _earlier_runs(
    file: Source, plan: Beginning, known: Recalled, wanted_blocks: Sequence[Block] | None
) -> list[EarlierRun]:
    """Earlier runs of the same function, with their arguments and what may be claimed.

    Of a list, those that had one of its calls: the others could give it nothing.
    """
    if plan.identity.options.reuse == "none":
        return []
    having = None
    if wanted_blocks is not None and (plan.history.by_fingerprint or plan.identity.has_secrets):
        having = known.places_of(file, wanted_blocks, partial(_is_of_function, plan))
        if isinstance(file, JournalWriter):
            plan.entries += known.unsaved()
    wanted = _runs_of(plan) if having is None else sorted(having)
    blocks = known.blocks(file, wanted) if wanted else {}
    earlier = []
    for number in wanted:
        of_run = blocks.get(number, [])
        count = sum(block.count for block in of_run)
        own = plan.history.claimable(number)
        completed = own.flags(count) if own.find(0, count) >= 0 else bytearray()
        if completed or of_run:
            places = None if having is None else having[number]
            earlier.append(EarlierRun(number, of_run, completed, places))
    return earlier


def _failed_before(plan: Beginning, earlier: Sequence[EarlierRun], calls: Sequence[Any]) -> int:
    """How many of the calls that are left to do failed in an earlier run."""
    failed: set[bytes] = set()
    for run in earlier:
        indexes, at = sorted(plan.history.runs[run.number].failures), 0
        for block in run.blocks if indexes else ():
            low, high = bisect.bisect_left(indexes, at), bisect.bisect_left(indexes, at + block.count)
            if low < high:
                keys = block_keys(block)
                failed.update(keys[index - at] for index in indexes[low:high])
            at += block.count
    if not failed:
        return 0
    left = (index for part in unclaimed(len(calls), plan.claims) for index in part)
    return sum(1 for index in left if plan.identity.form.key(calls[index]) in failed)


def _runs_of(plan: Beginning) -> list[int]:
    """The runs of the same function, in their order."""
    identity, history = plan.identity, plan.history
    same = {run.number for run in history.by_fingerprint.get(plan.fingerprint.digest, ())}
    if identity.has_secrets:  # those that another key was used for
        same.update(run.number for run in history.by_function.get(plan.fingerprint.name, ()))
    return sorted(number for number in same if _is_of_function(plan, number))


def _is_of_function(plan: Beginning, number: int) -> bool:
    run = plan.history.runs.get(number)
    return run is not None and plan.identity.is_of(run)


def _is_same_list(one: Sequence[Block], other: Sequence[Block]) -> bool:
    return len(one) == len(other) and all(
        a.count == b.count and a.form == b.form and a.identity == b.identity for a, b in zip(one, other, strict=True)
    )


def _arguments(
    number: int, blocks: Sequence[Block], earlier: Sequence[EarlierRun], *, to_the_byte: bool
) -> list[Entry]:
    """The records of a list's arguments: as far as they are those of an earlier run, only that is said.

    Args:
        to_the_byte: whether equal calls may have been given otherwise, and are to be shown as they were given.
    """
    # Arguments are most of a journal where calls are short. A list that has grown, or is run once more after the
    # function has changed, repeats nothing but what is new; of equal beginnings the newest run's is named.
    best, source = 0, None
    for run in reversed(earlier):
        if best == len(blocks):
            break
        same = _equal_prefix(blocks, run.blocks, to_the_byte=to_the_byte)
        if same > best:
            best, source = same, run
    start = sum(block.count for block in blocks[:best])
    entries = argument_entries(number, blocks[best:], start)
    if source is not None:
        entries.insert(0, same_arguments_entry(number, start, blocks[0].form, source.number))
    return entries


def _equal_prefix(one: Sequence[Block], other: Sequence[Block], *, to_the_byte: bool) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a.count != b.count or a.form != b.form or a.identity != b.identity:
            break
        if to_the_byte and a.shown != b.shown:
            break
        count += 1
    return count
