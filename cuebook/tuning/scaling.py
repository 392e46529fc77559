"""How throughput grows with workers: Amdahl's law and the universal scalability law, fitted to measured points. Pure.

Amdahl, 1967: X(n) = a n / (1 + s (n - 1)). Gunther's universal scalability law, 2007: X(n) = a n / (1 + s (n - 1) +
k n (n - 1)). In n / X both are linear in their coefficients, which are found by least squares over relative errors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["ScalingFit", "fitted"]

_Term = Callable[[int], float]


@dataclass(frozen=True, slots=True)
class ScalingFit:
    """A law of scaling with its coefficients.

    Attributes:
        law: "Amdahl" or "USL".
        rate: calls a second of one worker.
        serial: the share of a call that no two workers can do at once (s), 0 to 1 as a rule.
        crosstalk: what each pair of workers costs each other (k); 0 for Amdahl's law.
    """

    law: str
    rate: float
    serial: float
    crosstalk: float = 0.0

    def predicted(self, workers: int) -> float:
        """Calls a second with so many workers."""
        return self.rate * workers / (1 + self.serial * (workers - 1) + self.crosstalk * workers * (workers - 1))

    @property
    def peak(self) -> int | None:
        """With how many workers throughput is highest; None where it only ever rises."""
        if self.crosstalk <= 0:
            return None
        return max(1, round(math.sqrt(max(0.0, 1 - self.serial) / self.crosstalk)))

    def pays_until(self, workers_max: int = 1024) -> int:
        """The number of workers after which doubling them adds less than a tenth; at most `workers_max`."""
        workers = 1
        while workers < workers_max and self.predicted(2 * workers) > 1.1 * self.predicted(workers):
            workers *= 2
        return min(workers, workers_max)


def fitted(points: Mapping[int, float]) -> list[ScalingFit]:
    """The laws that these points are enough for: two for Amdahl's, three for the universal one.

    Args:
        points: calls a second by number of workers.
    """
    usable = {workers: rate for workers, rate in points.items() if rate > 0}
    fits = []
    if len(usable) >= 2:
        fits.append(_fit(usable, "Amdahl", (_one, _others)))
    if len(usable) >= 3:
        fits.append(_fit(usable, "USL", (_one, _others, _pairs)))
    return fits


def _one(_: int) -> float:
    return 1.0


def _others(workers: int) -> float:
    return workers - 1.0


def _pairs(workers: int) -> float:
    return workers * (workers - 1.0)


def _fit(points: Mapping[int, float], law: str, terms: tuple[_Term, ...]) -> ScalingFit:
    """Coefficients below zero mean nothing here: the worst of them is left out, and the rest fitted again."""
    chosen = list(terms)
    while True:
        found = dict(zip(chosen, _least_squares(points, chosen), strict=True))
        negative = [term for term in chosen[1:] if found[term] < 0]
        if not negative:
            break
        chosen.remove(min(negative, key=lambda term: found[term]))
    base = found[_one]
    if base <= 0:  # faster than in proportion: no law of these has it
        workers, rate = max(points.items())
        return ScalingFit(law, rate / workers, 0.0)
    return ScalingFit(law, 1 / base, found.get(_others, 0.0) / base, found.get(_pairs, 0.0) / base)


def _least_squares(points: Mapping[int, float], terms: list[_Term]) -> list[float]:
    size = len(terms)
    matrix = [[0.0] * (size + 1) for _ in range(size)]
    for workers, rate in points.items():
        goal = workers / rate
        row = [term(workers) / goal for term in terms]
        for i in range(size):
            for j in range(size):
                matrix[i][j] += row[i] * row[j]
            matrix[i][size] += row[i]
    return _solved(matrix)


def _solved(matrix: list[list[float]]) -> list[float]:
    """Gauss and Jordan, with the largest pivot; of two or three equations."""
    size = len(matrix)
    for column in range(size):
        pivot = max(range(column, size), key=lambda row: abs(matrix[row][column]))
        matrix[column], matrix[pivot] = matrix[pivot], matrix[column]
        head = matrix[column][column]
        matrix[column] = [value / head for value in matrix[column]]
        for row in range(size):
            if row != column:
                factor = matrix[row][column]
                matrix[row] = [value - factor * other for value, other in zip(matrix[row], matrix[column], strict=True)]
    return [row[size] for row in matrix]
