"""The tables and the picture of docs/benchmarks.md, made of the newest results. What is in a region is never typed.

A region begins with `<!-- made of the results: NAME -->` and ends with `<!-- end -->`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from benchmarks.bench_scaling import text_of
from benchmarks.heat_map import heat_map
from benchmarks.measurements import RESULTS, BenchmarkRun, Figure, newest
from benchmarks.surroundings import described

DOCS = Path(__file__).parent.parent / "docs"
PAGE, PICTURE = DOCS / "benchmarks.md", DOCS / "benchmarks-durability.svg"
OURS = "cuebook"
TIMES = "\N{MULTIPLICATION SIGN}"
_REGION = re.compile(r"(<!-- made of the results: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def write_pages() -> None:
    """Write what belongs into the regions, and the picture."""
    PAGE.write_text(page_text(PAGE.read_text()))
    picture = picture_text()
    if picture is not None:
        PICTURE.write_text(picture)


def page_text(text: str, folder: Path = RESULTS) -> str:
    """The page with its regions made anew; a region whose benchmark has no results stays as it is."""

    def made(match: re.Match[str]) -> str:
        runs = newest(match[2], folder)
        return f"{match[1]}\n{REGIONS[match[2]](runs[0])}\n{match[3]}" if runs else match[0]

    return _REGION.sub(made, text)


def picture_text(folder: Path = RESULTS) -> str | None:
    """Durable over non-durable throughput by call time and size; None without results."""
    for run in newest("scaling", folder):
        shares = [figure for figure in run.figures if figure.name == "share"]
        cells = {_place(figure): figure.median for figure in shares}
        columns = dict.fromkeys(column for column, _ in cells)
        rows = dict.fromkeys(row for _, row in cells)
        names = ("durable over non-durable throughput", "size of a result", "call time")
        return heat_map(cells, [*columns], [*rows], names)
    return None


def _place(figure: Figure) -> tuple[str, str]:
    told = figure.parameters
    return text_of(told["size_bytes"], "B"), text_of(told["call_s"], "s").replace(" u", " \N{MICRO SIGN}")


def _durable_job(run: BenchmarkRun) -> str:
    rates = sorted(
        (each for each in run.figures if each.parameters.get("phase") == "run"), key=lambda each: -each.median
    )
    ours = run.figure(OURS, phase="run")
    assert ours is not None
    lines = [
        f"{run.at}: {described(dict(run.surroundings))}. Medians of {len(ours.values)} rounds, in brackets all of them."
    ]
    lines += ["", "| keeps its results | calls | results/s | cuebook is | resume, ms a call | what survives |"]
    lines += ["|---|---|---|---|---|---|"]
    lines += [_durable_row(run, each, ours) for each in rates if each.parameters["kind"] == "durable"]
    lines += ["", "| keeps nothing | calls | results/s | durable cuebook is |", "|---|---|---|---|"]
    lines += [_pool_row(each, ours) for each in rates if each.parameters["kind"] == "pool"]
    lines += ["", *_winners(run, rates, ours)]
    lines += [f"Left out here: {name}: {reason.rstrip('.')}." for name, reason in run.left_out.items()]
    return "\n".join(lines).rstrip() + "\n"


def _durable_row(run: BenchmarkRun, rate: Figure, ours: Figure) -> str:
    resumed = run.figure(rate.name, phase="resume")
    versions = " ".join(version for name, version in rate.parameters["versions"].items() if name != "ray")
    cells = (
        f"{rate.name} {versions}",
        f"{rate.parameters['calls']:,}",
        _with_spread(rate),
        _times(ours, rate),
        "-" if resumed is None else f"{resumed.median:.3g}",
        rate.parameters["durability"],
    )
    return f"| {' | '.join(cells)} |"


def _pool_row(rate: Figure, ours: Figure) -> str:
    versions = " ".join(rate.parameters["versions"].values())
    cells = (f"{rate.name} {versions}".strip(), f"{rate.parameters['calls']:,}", _with_spread(rate), _times(ours, rate))
    return f"| {' | '.join(cells)} |"


def _with_spread(figure: Figure) -> str:
    return f"{_number(figure.median)} ({_number(min(figure.values))} to {_number(max(figure.values))})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _times(ours: Figure, theirs: Figure) -> str:
    if theirs.name == OURS:
        return f"1 {TIMES}"
    return f"{_number(ours.median / theirs.median)} {TIMES}"


def _winners(run: BenchmarkRun, rates: list[Figure], ours: Figure) -> Iterator[str]:
    """Where a peer is faster than cuebook with its journal."""
    others = [each for each in rates if not each.name.startswith(OURS)]
    faster = [
        f"{each.name} ({_number(each.median / ours.median)} {TIMES})" for each in others if each.median > ours.median
    ]
    yield f"Faster than cuebook with its journal: {', '.join(faster) or 'none of them'}."
    again = run.figure(OURS, phase="resume")
    quick = [
        f"{each.name} ({each.median:.3g} ms)"
        for each in run.figures
        if each.parameters.get("phase") == "resume" and again is not None and each.median < again.median
        if not each.name.startswith(OURS)
    ]
    yield f"Quicker to resume: {', '.join(quick) or 'none of them'}."
    near = [each.name for each in others if each.parameters["kind"] == "durable" and ours.median < 30 * each.median]
    yield f"Durable, and less than 30 times slower: {', '.join(near) or 'none of them'}."


def _scaling(run: BenchmarkRun) -> str:
    lines = [f"{run.at}: {described(dict(run.surroundings))}."]
    lines += ["", "| workers | results/s of calls that wait 10 ms | of ideal |", "|---|---|---|"]
    for each in run.figures:
        if each.name.startswith("workers"):
            workers = each.parameters["workers"]
            said = ", predicted" if "predicted" in each.name else ""
            lines.append(f"| {workers:,}{said} | {_number(each.median)} | {each.median * 0.01 / workers:.2f} |")
    lines += ["", "| calls of one run | durable, us a result | without a journal |", "|---|---|---|"]
    for each in run.figures:
        if each.name == "calls, durable":
            bare = run.figure("calls, no journal", calls=each.parameters["calls"])
            other = "-" if bare is None else f"{bare.median:.2f}"
            lines.append(f"| {each.parameters['calls']:,} | {each.median:.2f} | {other} |")
    return "\n".join(lines) + "\n"


REGIONS: Mapping[str, Callable[[BenchmarkRun], str]] = {"durable_job": _durable_job, "scaling": _scaling}
"""What is written for each benchmark that the page has a region for."""
