"""A call of minutes that goes on from its own last checkpoint, whatever killed it.

    python docs/examples/checkpoints.py [JOURNAL] [MILLIONS]

Kill it (Ctrl-C, kill -9, the worker alone) and run it again: each call says where it goes on. Without checkpoints a
call that was killed would begin at the beginning; calls that had finished are not run again either way.
"""

from __future__ import annotations

import sys

from cuebook import chunk, last_checkpoint, make_checkpoint

SLICE = 10_000


def longest_collatz(first: int, last: int) -> tuple[int, int]:
    """The start below `last` (from `first` on) with the longest Collatz chain, and the length of its chain."""
    best: tuple[int, int]
    start, best = last_checkpoint((first, (first, 1)))
    if start > first:
        print(f"longest_collatz({first:,}, {last:,}) goes on from {start:,}", flush=True)
    for begin in range(start, last, SLICE):
        for number in range(begin, min(begin + SLICE, last)):
            best = max(best, (number, chain_length(number)), key=lambda pair: pair[1])
        make_checkpoint((begin + SLICE, best), every=0.2)
    return best


def chain_length(number: int) -> int:
    """Steps from `number` to 1: halve what is even, else triple it and add one."""
    length = 1
    while number != 1:
        number = number // 2 if number % 2 == 0 else 3 * number + 1
        length += 1
    return length


def main(journal: str = "checkpoints.cue", millions: str = "1") -> None:
    """Search in four calls."""
    quarter = int(float(millions) * 1_000_000) // 4
    parts = [(1 + quarter * part, 1 + quarter * (part + 1)) for part in range(4)]
    number, length = max(chunk(longest_collatz, parts, path=journal), key=lambda pair: pair[1])
    print(f"{number:,} has the longest chain: {length} steps")


if __name__ == "__main__":
    main(*sys.argv[1:3])
