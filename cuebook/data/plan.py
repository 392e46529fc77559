"""What a chain is: its steps as plain data, each with the one that it follows. Knows no polars and no file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cuebook.data.rows.outputs import Outputs

__all__ = ["MAPPED", "CodePlace", "DatasetStep", "RelationStep", "RowOptions", "RowStep", "SourceStep", "Step", "above"]

MAPPED = "map"
"""The kind of a row step that gives one row for each."""


@dataclass(frozen=True, slots=True)
class CodePlace:
    """Where in the user's program a step stands.

    Attributes:
        file, line: of it; "" and 0 where it is not known.
    """

    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}" if self.file else "the program"


@dataclass(frozen=True, slots=True)
class RowOptions:
    """How the functions of a chain are run; none of it counts for what they give.

    Attributes:
        run: options of `chunk()`, by name.
        keeps_old: rows that an earlier version of the function has finished stay.
        collects: a row that raises is left out and told of. retries_failed: those are done again by the next run.
        rows: how many rows one call gets, where it gets several.
    """

    run: Mapping[str, Any] = field(default_factory=dict)
    keeps_old: bool = False
    collects: bool = False
    retries_failed: bool = False
    rows: int = 1000


@dataclass(frozen=True, slots=True, eq=False)
class SourceStep:
    """Where rows come from.

    Attributes:
        kind: "csv", "parquet", "json", "sql" or "values". place: where it stands.
        scan: gives a lazy frame of them. identity: what of the source counts; looks at files.
        files: the paths that it reads. detail: for people.
    """

    kind: str
    place: CodePlace
    scan: Callable[[], Any]
    identity: Callable[[], bytes]
    files: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class RelationStep:
    """Relational work, which is polars': filter, mutate, select ...

    Attributes:
        kind: its name. of: what it works on. place: where it stands.
        apply: from the lazy frames of `of` (and of `other`) to the new one.
        identity: what of its arguments counts. detail: for people.
        other: a second chain, of merge and union.
        reads: the columns whose values decide which rows go on; None: more is done than choosing and ordering rows.
    """

    kind: str
    of: Step
    place: CodePlace
    apply: Callable[..., Any]
    identity: bytes
    detail: str
    other: Step | None = None
    reads: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class RowStep:
    """A user's function, called for each row, batch of rows, or group.

    Attributes:
        kind: "map", "gen" or "agg". of: what it works on. place: where it stands.
        func: the function. params: the columns that its parameters get, in order.
        outputs: what it gives. by: the columns of the groups of an agg.
        is_batch: whether a call gets lists, one item a row.
        version: stands in for the function's code. depends: what else counts.
        options: how it is run.
    """

    kind: str
    of: Step
    place: CodePlace
    func: Callable[..., Any]
    params: tuple[str, ...]
    outputs: Outputs
    by: tuple[str, ...] = ()
    is_batch: bool = False
    version: str | None = None
    depends: tuple[Any, ...] = ()
    options: RowOptions = RowOptions()

    @property
    def name(self) -> str:
        """By which its rows are kept."""
        return f"{', '.join(self.outputs.names)} ({self.kind})"

    def over(self, of: Step) -> RowStep:
        """The same on other rows."""
        return replace(self, of=of)


@dataclass(frozen=True, slots=True, eq=False)
class DatasetStep:
    """A data set: what `save` has kept, or what an earlier program has.

    Attributes:
        name, version: of it. hash: its lineage. value: by which its content is known.
        place: where it stands. of: the chain that it was made by; None: another program's.
    """

    name: str
    version: int
    hash: bytes
    value: bytes
    place: CodePlace
    of: Step | None = None


Step = SourceStep | RelationStep | RowStep | DatasetStep


def above(step: Step) -> Iterator[Step]:
    """A step and all that it follows, itself first; not beyond data sets."""
    waiting = [step]
    while waiting:
        each = waiting.pop()
        yield each
        if isinstance(each, RelationStep):
            waiting += [each.of] if each.other is None else [each.other, each.of]
        elif isinstance(each, RowStep):
            waiting.append(each.of)
