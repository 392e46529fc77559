"""A profile as a page: the timeline of the lanes, how long calls took, the stragglers. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from cuebook.pages.histogram import histogram
from cuebook.pages.lane_chart import Stretch, lane_chart
from cuebook.pages.page import figure, page, preformatted
from cuebook.profiling.lanes import Lane, blocks_of
from cuebook.profiling.run_profile import RunProfile
from cuebook.profiling.words import brief

__all__ = ["profile_page", "timeline"]

CAPTION = (
    "Time since the run was opened. Each bar is a call, or calls close together; red ones failed or are stragglers."
)
CELLS = 1500
"""Nothing that is shorter than this part of the whole time is drawn by itself."""


def profile_page(profile: RunProfile, title: str, lines: Sequence[str]) -> str:
    """The page of a run.

    Args:
        title: what run it is. lines: what is said of it in words.
    """
    times = profile.times
    said = [line for line in lines if "|" not in line and not line.startswith("  lanes")]
    parts = [preformatted("\n".join(said))]
    if len(times):
        slow = {each.index for each in profile.stragglers} | times.failed
        drawn = timeline(profile.lanes, times.starts, times.seconds, names=times.indexes, bad=slow)
        parts.append(figure("Lanes, as workers had them", drawn, CAPTION))
        parts.append(figure("How long calls took", histogram(times.seconds, brief), "Number of calls by their length."))
    return page(title, parts)


def timeline(
    lanes: Sequence[Lane],
    starts: Sequence[float],
    seconds: Sequence[float],
    *,
    names: Sequence[int],
    bad: frozenset[int] | set[int] = frozenset(),
) -> str:
    """The lanes as a drawing.

    Args:
        names: number of each call. bad: those that are to be seen.
    """
    end = max((start + length for start, length in zip(starts, seconds, strict=True)), default=0.0)
    rows = []
    for lane in lanes:
        plain = [place for place in lane if names[place] not in bad]
        row = [_stretch(block) for block in blocks_of(plain, starts, seconds, end / CELLS)]
        row += [
            Stretch(
                starts[place], starts[place] + seconds[place], f"call {names[place]}: {brief(seconds[place])}", True
            )
            for place in lane
            if names[place] in bad
        ]
        rows.append(row)
    return lane_chart(rows, end, brief)


def _stretch(block: tuple[float, float, int]) -> Stretch:
    start, end, count = block
    what = "1 call" if count == 1 else f"{count:,} calls"
    return Stretch(start, end, f"{what}, {brief(end - start)}, from {brief(start)} on")
