"""A profile in words, for a terminal. Pure."""

from __future__ import annotations

from collections.abc import Callable

from cuebook.profiling.run_profile import RunProfile
from cuebook.wording import duration

__all__ = ["brief", "profile_lines"]

BAR = 40
LANES_MAX = 16
NARROW = " .:-=+*#%@"
"""How busy a stretch of time is, from not at all to all of it."""


def brief(seconds: float) -> str:
    """A length of time; microseconds where it is short."""
    return f"{seconds * 1e6:.3g} us" if seconds < 1e-3 else duration(seconds)


def profile_lines(profile: RunProfile, argument_text: Callable[[int], str]) -> list[str]:
    """What is to be said of a run, line by line.

    Args:
        argument_text: the arguments of a call, in words; empty where they are not known.
    """
    if profile.lengths is None:
        return ["It made no call itself: all results are of earlier runs, or none has come yet."]
    lengths = profile.lengths
    failed = f", {profile.failed:,} of them failed" if profile.failed else ""
    lines = [
        (
            f"{profile.calls:,} calls{failed} in {brief(profile.wall_s)}: {_rate(profile.rate)} calls/s, "
            f"{profile.efficiency:.0%} of the time of {_count(len(profile.lanes), 'lane')}"
        ),
        (
            f"  a call       median {brief(lengths.p50)}, mean {brief(lengths.mean)}, 90 % within {brief(lengths.p90)}"
            f", 99 % within {brief(lengths.p99)}; {brief(lengths.least)} to {brief(lengths.most)}"
        ),
        f"  start        {brief(profile.startup_s)} until the first call began",
        (
            f"  waiting      {brief(profile.idle_s)} of all lanes between calls; the last {brief(profile.tail_s)} with "
            "fewer calls than lanes"
        ),
    ]
    if profile.waits is not None:
        waits = profile.waits
        closing = "" if waits.closing_s is None else f"; closed {brief(waits.closing_s)} after the last call"
        lines.append(
            f"  journal      {_count(waits.records, 'record')}, {(profile.calls - profile.failed) / waits.records:.3g} "
            f"results in each; a result waited at least {brief(waits.waited.p50)} for its record (median; 99 % within "
            f"{brief(waits.waited.p99)}){closing}"
        )
    lines += _straggler_lines(profile, argument_text)
    return [*lines, *_lane_lines(profile)]


def _straggler_lines(profile: RunProfile, argument_text: Callable[[int], str]) -> list[str]:
    lines = []
    for each in profile.stragglers:
        text = argument_text(each.index)
        known = f", {text}" if text else ""
        lines.append(f"  straggler    call {each.index:,}: {brief(each.seconds)}, {each.times:,.1f} medians{known}")
    return lines


def _lane_lines(profile: RunProfile) -> list[str]:
    starts, seconds = profile.times.starts, profile.times.seconds
    lines = ["  lanes        as workers had them; from the first call's start to the last one's end"]
    first, width = profile.startup_s, max(profile.wall_s - profile.startup_s, 1e-9) / BAR
    for number, lane in enumerate(profile.lanes[:LANES_MAX], 1):
        busy = [0.0] * BAR
        for place in lane:
            _fill(busy, starts[place] - first, seconds[place], width)
        bar = "".join(NARROW[min(9, int(share / width * 9 + 0.5))] for share in busy)
        busy_s = sum(seconds[place] for place in lane)
        lines.append(f"  {number:>4} |{bar}| {_count(len(lane), 'call')}, {brief(busy_s)}")
    if len(profile.lanes) > LANES_MAX:
        lines.append(f"  and {len(profile.lanes) - LANES_MAX} more")
    return lines


def _fill(busy: list[float], start: float, length: float, width: float) -> None:
    """Add a stretch of time to the cells that it lies in."""
    at, end = max(start, 0.0), start + length
    cell = min(BAR - 1, int(at / width))
    while cell < BAR and at < end:
        edge = min(end, (cell + 1) * width)
        busy[cell] += max(0.0, edge - at)
        at, cell = edge, cell + 1


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
