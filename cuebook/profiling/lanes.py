"""Calls on as few lanes as let no two overlap, as workers have them: greedy colouring of an interval graph. Pure.

A journal does not say which worker made a call. Where each worker makes one call at a time, there are as many lanes as
workers were busy at once, and each lane is as busy as they were together.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

__all__ = ["Lane", "blocks_of", "laid_out"]

OVERLAP_S = 50e-6
"""Calls that overlap by less do so only because of how exactly times are kept."""

Lane = list[int]
"""Places of calls, in the order in which they began."""


def laid_out(starts: Sequence[float], seconds: Sequence[float]) -> list[Lane]:
    """The lanes of calls that are sorted by their start; the fewest that there can be.

    A call goes to the lane that has been free for the shortest time: so one worker's calls stay together.

    >>> laid_out([0.0, 0.0, 1.0, 2.5], [1.0, 2.0, 1.0, 1.0])
    [[0, 2, 3], [1]]
    """
    lanes: list[Lane] = []
    busy: list[tuple[float, int]] = []
    free: list[tuple[float, int]] = []  # the longest idle lane comes last
    for place, (start, length) in enumerate(zip(starts, seconds, strict=True)):
        while busy and busy[0][0] <= start + OVERLAP_S:
            end, lane = heapq.heappop(busy)
            heapq.heappush(free, (-end, lane))
        if free:
            _, lane = heapq.heappop(free)
        else:
            lane = len(lanes)
            lanes.append([])
        lanes[lane].append(place)
        heapq.heappush(busy, (start + length, lane))
    return lanes


def blocks_of(
    lane: Lane, starts: Sequence[float], seconds: Sequence[float], least_s: float
) -> list[tuple[float, float, int]]:
    """A lane as stretches of start, end and number of calls: at most 2 for each `least_s` of time.

    What is shorter than that, and no further from the stretch before, is joined to it.

    >>> blocks_of([0, 1, 2], [0.0, 1.01, 5.0], [1.0, 0.01, 1.0], 0.1)
    [(0.0, 1.02, 2), (5.0, 6.0, 1)]
    """
    blocks: list[tuple[float, float, int]] = []
    for place in lane:
        start, end = starts[place], starts[place] + seconds[place]
        first, last, count = blocks[-1] if blocks else (0.0, -least_s, 0)
        if start - last < least_s and min(last - first, seconds[place]) < least_s and blocks:
            blocks[-1] = (first, max(last, end), count + 1)
        else:
            blocks.append((start, end, 1))
    return blocks
