"""What a benchmark has found, as plain data, and the JSON files in which it is kept. Knows no subject.

A file holds one run of one benchmark, with the machine, the versions and the load beside its figures. They lie in
`benchmarks/results/NAME/`, named by their time, so that the last two can be compared.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any

RESULTS = Path(__file__).parent / "results"
SCHEMA = 1


@dataclass(frozen=True)
class Figure:
    """One thing measured, as often as it was.

    Attributes:
        name: what was measured.
        values: each round's, in the order of the rounds.
        unit: of the values, such as "results/s" or "s".
        parameters: what it was measured with: calls, workers, batch, the level of durability.
        is_rate: whether more is better.
    """

    name: str
    values: tuple[float, ...]
    unit: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    is_rate: bool = True

    @property
    def median(self) -> float:
        """The middle one."""
        return median(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        """Between which values the middle half lies; of fewer than four rounds, all of them."""
        if len(self.values) < 4:
            return min(self.values), max(self.values)
        low, _, high = quantiles(self.values, n=4, method="inclusive")
        return low, high

    @property
    def key(self) -> tuple[str, str]:
        """By what it is found again in another run."""
        return self.name, json.dumps(dict(self.parameters), sort_keys=True, default=str)


@dataclass(frozen=True)
class BenchmarkRun:
    """One run of a benchmark.

    Attributes:
        benchmark: its name, that of the file.
        at: when it began, as ISO 8601 in UTC.
        surroundings: machine, versions, load: see `benchmarks.surroundings`.
        figures: what it found.
        left_out: what could not be measured, and why.
    """

    benchmark: str
    at: str
    surroundings: Mapping[str, Any]
    figures: tuple[Figure, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)

    def figure(self, name: str, **parameters: Any) -> Figure | None:
        """The one with this name and, among others, these parameters."""
        for each in self.figures:
            if each.name == name and parameters.items() <= each.parameters.items():
                return each
        return None


def save(run: BenchmarkRun, folder: Path = RESULTS) -> Path:
    """Write a run into a file of its own."""
    path = folder / run.benchmark / f"{run.at.replace(':', '-')}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"schema": SCHEMA, **asdict(run)}, indent=1) + "\n")
    return path


def load(path: Path) -> BenchmarkRun:
    """Read it back."""
    told = json.loads(path.read_text())
    if told.pop("schema") != SCHEMA:
        raise ValueError(f"{path} is of another version of the harness")
    figures = tuple(Figure(**{**each, "values": tuple(each["values"])}) for each in told.pop("figures"))
    return BenchmarkRun(**told, figures=figures)


def newest(benchmark: str, folder: Path = RESULTS, *, count: int = 1) -> list[BenchmarkRun]:
    """The last runs of a benchmark, the newest first."""
    paths = sorted((folder / benchmark).glob("*.json"), reverse=True)
    return [load(path) for path in paths[:count]]


def benchmarks_kept(folder: Path = RESULTS) -> list[str]:
    """Names of the benchmarks that have results."""
    return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
