"""The calls of some blocks of arguments, sorted by their keys: 5 bytes a call. Knows no file and no run's state."""

from __future__ import annotations

import bisect
from array import array
from collections.abc import Collection, Sequence

from cuebook.persistence.history.arguments import Block, block_keys
from cuebook.persistence.records.contents_heads import KnownBlocks

__all__ = ["BLOCKS_MAX", "CallsPart", "short_keys"]

BLOCKS_MAX = 256
"""Blocks in one part, so that which of them it was fits into a byte."""

_KEY_BYTES = 4
_SINGLY_MAX = 64
_LOOK_UP_COST = 10
"""Looking up one key costs as much as comparing so many."""


def short_keys(blocks: Sequence[Block]) -> set[int]:
    """What calls are looked up by. Cost: 0.7 us a call."""
    return {int.from_bytes(key[:_KEY_BYTES], "big") for block in blocks for key in block_keys(block)}


class CallsPart:
    """The calls of at most `BLOCKS_MAX` blocks.

    Args:
        told: what a record in the journal says; None: nothing yet.
    """

    def __init__(self, told: KnownBlocks | None = None) -> None:
        empty = KnownBlocks(array("Q"), array("Q"), array("I"), bytearray())
        self._runs, self._starts, self._keys, self._blocks = empty if told is None else told
        self._waiting: list[int] = []

    def __len__(self) -> int:
        return len(self._keys) + len(self._waiting)

    @property
    def blocks(self) -> int:
        """How many blocks are in it."""
        return len(self._runs)

    @property
    def is_full(self) -> bool:
        """Whether no more blocks go in."""
        return len(self._runs) >= BLOCKS_MAX

    def add(self, run: int, start: int, block: Block, left_out: Collection[int] = ()) -> None:
        """A run has a block that begins with call `start`. Cost: 1 us a call.

        Args:
            left_out: which calls of the block are not to be found, counted from its first one.
        """
        keys, place = block_keys(block), len(self._runs)
        wanted = [key for number, key in enumerate(keys) if number not in left_out] if left_out else keys
        if wanted:
            self._runs.append(run)
            self._starts.append(start)
            self._waiting.extend(int.from_bytes(key[:_KEY_BYTES], "big") << 8 | place for key in wanted)

    def as_told(self) -> KnownBlocks:
        """What a record in the journal is to say."""
        self._sort_in()
        return KnownBlocks(self._runs, self._starts, self._keys, self._blocks)

    def places(self, keys: Collection[int]) -> set[tuple[int, int]]:
        """Run and first call of the blocks that may have a call with one of these keys."""
        self._sort_in()
        found = set[int]()
        mine, blocks = self._keys, self._blocks
        if _LOOK_UP_COST * len(keys) > len(mine):
            wanted = frozenset(keys)
            found = {block for key, block in zip(mine, blocks, strict=False) if key in wanted}
        else:
            for key in keys:
                at = bisect.bisect_left(mine, key)
                while at < len(mine) and mine[at] == key:
                    found.add(blocks[at])
                    at += 1
        return {(self._runs[block], self._starts[block]) for block in found if block < len(self._runs)}

    def _sort_in(self) -> None:
        waiting, self._waiting = self._waiting, []
        if len(waiting) <= _SINGLY_MAX:
            for each in waiting:
                at = bisect.bisect_left(self._keys, each >> 8)
                self._keys.insert(at, each >> 8)
                self._blocks.insert(at, each & 255)
            return
        waiting.extend(key << 8 | block for key, block in zip(self._keys, self._blocks, strict=True))
        waiting.sort()
        self._keys = array("I", [each >> 8 for each in waiting])
        self._blocks = bytearray([each & 255 for each in waiting])
