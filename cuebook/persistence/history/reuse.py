"""Which calls of a new list take which results of earlier runs: pure planning over keys.

Knows no file and no value: only blocks of arguments and flags of what is completed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from cuebook.persistence.history.arguments import Block, block_keys

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

__all__ = ["PLACE_BITS", "Claim", "EarlierRun", "line_up", "set_places"]

PLACE_BITS = 8
"""Places in an earlier run are told as starts of blocks less so many bits: a block has up to 256 calls."""

_LOOKED_UP_AT_ONCE = 1_000_000


@dataclass(slots=True)
class EarlierRun:
    """A run whose results may be claimed.

    Attributes:
        number: the run's number.
        blocks: its calls' arguments, in order; each block may be of any length.
        completed: one byte a call, 1 where this very run recorded a result that still counts (not one that
            it reused).
        places: where in it the new calls may be, as the starts of blocks shifted by `PLACE_BITS`; None: anywhere.
    """

    number: int
    blocks: Sequence[Block]
    completed: bytearray
    places: Collection[int] | None = None

    def may_have(self, start: int) -> bool:
        """Whether the block that begins with call `start` may have one of the new calls."""
        return self.places is None or start >> PLACE_BITS in self.places

    @property
    def total(self) -> int:
        """Calls of the run, completed or not."""
        return len(self.completed)


@dataclass(frozen=True, slots=True)
class Claim:
    """Calls [start, start + count) take the results of calls [source_start, + count) of an earlier run."""

    source_run: int
    source_start: int
    start: int
    count: int


class BlockPlace(NamedTuple):
    """A block and the number of its first call."""

    start: int
    block: Block


@dataclass(slots=True)
class _Plan:
    """What is settled so far: one byte a new call, the flags of what is left to claim, and the claims.

    A claim is [source run, source start, start, count] while it can still grow.
    """

    resolved: bytearray
    left: list[tuple[EarlierRun, bytearray]]
    claims: list[list[int]] = field(default_factory=list)


def line_up(blocks: Sequence[Block], earlier: Sequence[EarlierRun]) -> list[Claim]:
    """The earlier results that calls take; as many as there are, newest runs first.

    Args:
        blocks: the new calls' arguments.
        earlier: runs of the same function.

    Returns:
        Claims in the order of the new calls, each as long as can be. A result is claimed at most once, so
        that n equal calls need n results. Whole equal blocks at the same place are matched first, what is
        left is looked up singly.

    Cost: 0.02 us a call that stands where it stood, some 3 us and 200 bytes any other (at most 1,000,000 at
        a time).
    """
    usable = [run for run in sorted(earlier, key=lambda run: -run.number) if run.completed.count(1)]
    if not usable:
        return []
    # The same program again, which is what mostly happens: one comparison of bytes a block, nothing is looked up.
    for run in usable:
        if run.total and run.completed.count(1) == run.total and run.blocks == blocks:
            return [Claim(run.number, 0, 0, run.total)]
    places = list(_placed(blocks))
    total = sum(block.count for block in blocks)
    plan = _Plan(bytearray(total), [(run, bytearray(run.completed)) for run in usable])
    # Of every run, before any call is looked up singly: each result is there once, and a call that has moved must not
    # take it from an equal one that stands where it stood. It is also the cheaper way by a factor of hundred.
    for run, left in plan.left:
        _claim_aligned(plan, places, run, left)
    _claim_singly(plan, places)
    return _merged(plan.claims)


def set_places(flags: bytearray, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The maximal ranges [from, to) of bytes that are 1 within [start, end), at the speed of C."""
    at = flags.find(1, start, end)
    while at >= 0:
        stop = flags.find(0, at, end)
        stop = end if stop < 0 else stop
        yield at, stop
        at = flags.find(1, stop, end)


def _placed(blocks: Sequence[Block]) -> Iterator[BlockPlace]:
    start = 0
    for block in blocks:
        yield BlockPlace(start, block)
        start += block.count


def _claim_aligned(plan: _Plan, places: Sequence[BlockPlace], run: EarlierRun, left: bytearray) -> None:
    """Claim what lies in blocks that are equal at the same place in both lists."""
    olds = _placed(run.blocks)
    old = next(olds, None)
    for start, block in places:
        while old is not None and old.start < start:
            old = next(olds, None)
        if old is None:
            return
        if old.start == start and _are_equal(old.block, block):
            _claim_range(plan, run, left, (start, start + block.count))


def _claim_range(plan: _Plan, run: EarlierRun, left: bytearray, span: tuple[int, int]) -> None:
    for at, stop in list(set_places(left, *span)):  # all at once: what is claimed is struck out of `left`
        free = plan.resolved.find(0, at, stop)
        while free >= 0:
            end = plan.resolved.find(1, free, stop)
            end = stop if end < 0 else end
            plan.claims.append([run.number, free, free, end - free])
            plan.resolved[free:end] = b"\x01" * (end - free)
            left[free:end] = bytes(end - free)
            free = plan.resolved.find(0, end, stop)


def _are_equal(one: Block, other: Block) -> bool:
    if one.form == other.form:
        return one.identity == other.identity
    return block_keys(one) == block_keys(other)


def _claim_singly(plan: _Plan, places: Sequence[BlockPlace]) -> None:
    """Look up the rest by key: the new calls in a dict, the earlier results streaming past it."""
    wanted: dict[bytes, list[int]] = {}
    held = 0
    for start, block in places:
        if plan.resolved.find(0, start, start + block.count) < 0:
            continue
        if not any(left.find(1) >= 0 for _, left in plan.left):
            return
        for offset, key in enumerate(block_keys(block)):
            if not plan.resolved[start + offset]:
                wanted.setdefault(key, []).append(start + offset)
                held += 1
        if held >= _LOOKED_UP_AT_ONCE:  # what is in the dict is bounded; earlier runs are gone through once more then
            _stream_past(plan, wanted)
            wanted, held = {}, 0
    _stream_past(plan, wanted)


def _stream_past(plan: _Plan, wanted: dict[bytes, list[int]]) -> None:
    # The new calls are in the dict and the earlier results go past, not the other way round: there may be a hundred
    # earlier runs, and one list of calls.
    for waiting in wanted.values():
        waiting.reverse()  # `pop` gives the first of equal calls the first result
    for run, left in plan.left:
        for start, block in _placed(run.blocks):
            if not wanted:
                return
            if not run.may_have(start) or left.find(1, start, start + block.count) < 0:
                continue
            for source, key in enumerate(block_keys(block), start):
                if key in wanted and left[source]:
                    waiting = wanted[key]
                    _claim_one(plan, run.number, left, (source, waiting.pop()))
                    if not waiting:
                        del wanted[key]


def _claim_one(plan: _Plan, number: int, left: bytearray, pair: tuple[int, int]) -> None:
    source, new = pair
    left[source] = 0
    plan.resolved[new] = 1
    last = plan.claims[-1] if plan.claims else None
    if last is not None and last[0] == number and last[1] + last[3] == source and last[2] + last[3] == new:
        last[3] += 1
    else:
        plan.claims.append([number, source, new, 1])


def _merged(ranges: list[list[int]]) -> list[Claim]:
    ranges.sort(key=itemgetter(2))
    merged: list[list[int]] = []
    for number, source, new, count in ranges:
        last = merged[-1] if merged else None
        if last is not None and [last[0], last[1] + last[3], last[2] + last[3]] == [number, source, new]:
            last[3] += count
        else:
            merged.append([number, source, new, count])
    return [Claim(*each) for each in merged]
