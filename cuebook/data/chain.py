"""`DataChain`: a chain of rows, relational steps and functions, run when its end is asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from cuebook.data.awaiting import ends
from cuebook.data.chain_run import ChainRun
from cuebook.data.chain_schema import ChainSchema
from cuebook.data.errors import DataError
from cuebook.data.places import users_place
from cuebook.data.plan import DatasetStep, RelationStep, RowOptions, SourceStep, Step
from cuebook.data.polars_at_hand import polars
from cuebook.data.relations import distinct_of, exploded, grouped_by, joined_with, mutated, ordered, selected
from cuebook.data.rows.functions import row_step
from cuebook.data.rows.settings import with_settings
from cuebook.workplace.chain_frames import object_type

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DataChain"]

Columns = str | Sequence[str]


class DataChain:
    """Rows, and what is to be done with them. Each method gives a new chain; nothing is done before its end is
    asked for by `save`, `to_polars`, `count` and their like. Begun by `read_csv` and its like.

    A function in a chain is called for each row, and each row that is finished is durable: when the program is killed
    and run again, at most the rows in flight are done again. What `save` has kept is taken over by later runs, as long
    as sources, steps and functions are what they were.

    Attributes:
        step: the last step. known: the columns, as far as they are known before it is run.

    In a running event loop what ends a chain is awaited: `await chain.save("prices")`.
    """

    def __init__(self, step: Step, schema: ChainSchema, options: RowOptions) -> None:
        """Use `read_csv` and its like."""
        self.step = step
        self.known = schema
        self._options = options

    @classmethod
    def of_source(cls, source: SourceStep) -> Self:
        """A chain that begins with a source.

        Raises:
            DataError: it cannot be read.
        """
        return cls(source, ChainSchema.of_source(source), RowOptions())

    @classmethod
    def of_kept(cls, kept: DatasetStep, options: RowOptions | None = None) -> Self:
        """A chain that begins with a data set."""
        return cls(kept, ChainSchema.of_kept(kept), options or RowOptions())

    # -- what it is -----------------------------------------------------------------------------------------------

    @property
    def columns(self) -> list[str]:
        """The names of its columns, in order."""
        return self.known.names

    @property
    def schema(self) -> dict[str, Any]:
        """The columns and their types in polars; None where the values of a function decide it."""
        pl = polars()
        return {name: pl.Object if each == object_type() else each for name, each in self.known.types.items()}

    @property
    def name(self) -> str | None:
        """Of the data set that the chain is; None where it was not saved."""
        return self.step.name if isinstance(self.step, DatasetStep) else None

    @property
    def version(self) -> int | None:
        """Of that data set."""
        return self.step.version if isinstance(self.step, DatasetStep) else None

    def __repr__(self) -> str:
        what = f"data set {self.name}, version {self.version}" if self.name else type(self.step).__name__.lower()
        return f"<DataChain of {what}: {', '.join(self.columns)}>"

    def settings(self, **options: Any) -> Self:
        """How the functions that follow are run.

        Args:
            options: `parallel`: how many worker processes (True: one a CPU; default: one). `batch_rows`: rows that a
                function with batch=True gets (1,000). `errors`: "raise", or "collect": rows that raise are left out,
                and kept in the data set "NAME.failures". `retry`: True: rows that failed are done again by the
                next run. `keep`: True: rows that an earlier version of a function has finished are kept. Any other of
                `chunk()`: retries, backoff, timeout, memory_limit, where, worker, initializer, rate, recycle_after,
                time_limit, trust, max_failures.

        Raises:
            TypeError, ValueError: an option is wrong.
        """
        return type(self)(self.step, self.known, with_settings(self._options, options))

    # -- relational work, which is polars' ----------------------------------------------------------------------

    def filter(self, *conditions: Any) -> Self:
        """Rows for which all conditions hold: `filter(C("score") > 0.5)`."""
        reads = frozenset(name for each in conditions for name in each.meta.root_names())
        return self._related("filter", conditions, {}, lambda lazy: lazy.filter(*conditions), reads=reads)

    def mutate(self, **columns: Any) -> Self:
        """Further columns, or others in their place: `mutate(double=C("x") * 2)`."""
        return self._related("mutate", (), columns, mutated(columns))

    def select(self, *columns: Any) -> Self:
        """These columns alone, by name or as expressions."""
        return self._related("select", columns, {}, selected(columns))

    def select_except(self, *columns: str) -> Self:
        """All columns but these."""
        return self._related("select_except", columns, {}, lambda lazy: lazy.drop(*columns))

    def rename(self, **names: str) -> Self:
        """Columns with other names: `rename(x="width")` calls column x width."""
        return self._related("rename", (), names, lambda lazy: lazy.rename(names))

    def order_by(self, *columns: Any, descending: bool = False) -> Self:
        """Rows in the order of these columns; equal ones stay as they are."""
        reads = frozenset(
            name for each in columns for name in ([each] if isinstance(each, str) else each.meta.root_names())
        )
        return self._related("order_by", columns, {"descending": descending}, ordered(columns, descending), reads=reads)

    def limit(self, count: int) -> Self:
        """The first rows."""
        return self._related("limit", (count,), {}, lambda lazy: lazy.limit(count), reads=frozenset())

    def offset(self, count: int) -> Self:
        """All but the first rows."""
        return self._related("offset", (count,), {}, lambda lazy: lazy.slice(count), reads=frozenset())

    def distinct(self, *columns: str) -> Self:
        """The first row of each kind: of equal values in these columns, or in all of them."""
        return self._related("distinct", columns, {}, distinct_of(columns))

    def explode(self, column: str) -> Self:
        """A row for each item of a column of lists."""
        return self._related("explode", (column,), {}, exploded(column))

    def group_by(self, *, partition_by: Columns, **columns: Any) -> Self:
        """A row for each group: `group_by(total=C("x").sum(), partition_by="category")`. Functions go to `agg`."""
        by = [partition_by] if isinstance(partition_by, str) else list(partition_by)
        return self._related("group_by", by, columns, grouped_by(by, columns))

    def merge(
        self,
        right: DataChain,
        on: Columns,
        right_on: Columns | None = None,
        *,
        inner: bool = False,
        full: bool = False,
        rname: str = "right_",
    ) -> Self:
        """Rows with those of another chain that have the same values.

        Args:
            right: the other chain. on: columns of this one. right_on: of the other one; None: the same.
            inner: without rows that have no match. full: also those of the other chain that have none.
            rname: stands before the name of a column of the other chain that is there already.
        """
        how = "inner" if inner else "full" if full else "left"
        apply = joined_with(on, right_on, how, rname)
        return self._related("merge", (on, right_on, how, rname), {}, apply, other=right)

    def union(self, other: DataChain) -> Self:
        """The rows of this chain, then those of another one with the same columns."""
        pl = polars()
        return self._related(
            "union", (), {}, lambda lazy, more: pl.concat([lazy, more], how="vertical_relaxed"), other=other
        )

    def _related(
        self,
        kind: str,
        args: Sequence[Any],
        named: Mapping[str, Any],
        apply: Callable[..., Any],
        *,
        other: DataChain | None = None,
        reads: frozenset[str] | None = None,
    ) -> Self:
        from cuebook.data.expressions import said

        place = users_place()
        identity, detail = said(kind, args, named, place)
        step = RelationStep(
            kind, self.step, place, apply, identity, detail, None if other is None else other.step, reads
        )
        schema = self.known.after(step, None if other is None else other.known)
        return type(self)(step, schema, self._options)

    # -- functions ------------------------------------------------------------------------------------------------

    def map(
        self,
        func: Callable[..., Any] | None = None,
        *,
        params: Columns | None = None,
        output: Any = None,
        batch: bool = False,
        keep: bool | None = None,
        errors: str | None = None,
        version: str | None = None,
        depends: Sequence[Any] = (),
        **named: Callable[..., Any],
    ) -> Self:
        """Further columns by a function of each row: `map(value=lambda x: x * 2, output=float)`.

        The function's parameters get the columns of their names. It is called in a worker process, and each row that is
        finished is durable.

        Args:
            func: the function; or as a keyword, which names its column.
            params: the columns that its parameters get, in order; None: those of their names.
            output: the type of the column, or {"name": type} for one or several: Python's types, `T | None`, lists,
                dataclasses, types of polars; `object`, and any other class, is kept as Python objects. None: what the
                function's hint says, else what the values are.
            batch: it gets lists, one item a row, and gives a list of as many.
            keep, errors: as for `settings`, for this function.
            version: stands in for the function's code: you decide when its rows are done again.
            depends: what else it depends on, as for `chunk()`.
            named: the function by its column.

        Raises:
            DataError: a parameter is no column. TypeError: it cannot be told which columns there are.
        """
        options = with_settings(self._options, {"keep": keep, "errors": errors})
        known = {"params": params, "output": output, "is_batch": batch, "version": version, "depends": depends}
        return self._called("map", func, named, known=known, options=options)

    def gen(
        self,
        func: Callable[..., Any] | None = None,
        *,
        params: Columns | None = None,
        output: Any = None,
        keep: bool | None = None,
        errors: str | None = None,
        version: str | None = None,
        depends: Sequence[Any] = (),
        **named: Callable[..., Any],
    ) -> Self:
        """Any number of rows for each row, by a function that yields them or gives a list; they have its columns alone.

        The rows of one input row are kept together, or not at all.

        Args:
            func, params, output, keep, errors, version, depends, named: as for `map`; the hint says
                `Iterator[T]`, or a tuple of several columns.

        Raises:
            as `map`.
        """
        options = with_settings(self._options, {"keep": keep, "errors": errors})
        known = {"params": params, "output": output, "version": version, "depends": depends}
        return self._called("gen", func, named, known=known, options=options)

    def agg(
        self,
        func: Callable[..., Any] | None = None,
        *,
        partition_by: Columns | None = None,
        params: Columns | None = None,
        output: Any = None,
        keep: bool | None = None,
        errors: str | None = None,
        version: str | None = None,
        depends: Sequence[Any] = (),
        **named: Callable[..., Any],
    ) -> Self:
        """A row for each group, by a function that gets its columns as lists; a list that it gives is several rows.

        Args:
            partition_by: the columns whose values make a group; they stay beside the function's. None: one for all.
            func, params, output, keep, errors, version, depends, named: as for `map`.

        Raises:
            as `map`.
        """
        options = with_settings(self._options, {"keep": keep, "errors": errors})
        by = () if partition_by is None else (partition_by,) if isinstance(partition_by, str) else tuple(partition_by)
        known = {"params": params, "output": output, "by": by, "version": version, "depends": depends}
        return self._called("agg", func, named, known=known, options=options)

    def _called(
        self, kind: str, func: Any, named: Mapping[str, Any], *, known: Mapping[str, Any], options: RowOptions
    ) -> Self:
        step = row_step(kind, self.step, func, named, known=known, options=options, there=self.columns)
        return type(self)(step, self.known.after_rows(step), self._options)

    # -- its end --------------------------------------------------------------------------------------------------

    @ends
    def save(self, name: str, *, stopping: threading.Event | None = None) -> Self:
        """Keep the rows as a data set: a new version, or the one that is kept of the same chain.

        Args:
            name: any text.

        Returns:
            The chain that begins with the data set.

        Raises:
            CallFailed: a row failed; what is finished is kept. DataError: a source or a column is not as it is meant.
            JobBusy: another process runs this job. JournalError, WorkplaceError: it could not be kept.

        Cost: where it is taken over, a look at each source, 0.3 ms a function; else the work, and one sha256 of the
            Parquet.
        """
        if not isinstance(name, str) or not name.strip():
            raise DataError(f"{users_place()}: save({name!r}) names no data set")
        head = ChainRun(stopping).save(self.step, name).head
        kept = DatasetStep(name, head.version, head.hash, head.value, users_place(), self.step)
        return type(self)(kept, self.known.kept(kept), self._options)

    @ends
    def to_polars(self, *, stopping: threading.Event | None = None) -> Any:
        """The rows as a frame of polars. Raises as `save`; rows of functions are kept, the rest is not."""
        return ChainRun(stopping).frame(self.step)

    @ends
    def to_pandas(self, *, stopping: threading.Event | None = None) -> Any:
        """The rows as a frame of pandas. Raises as `save`; ImportError: pandas is not installed."""
        return ChainRun(stopping).frame(self.step).to_pandas()

    @ends
    def to_arrow(self, *, stopping: threading.Event | None = None) -> Any:
        """The rows as a table of Arrow. Raises as `save`; ImportError: pyarrow is not installed."""
        return ChainRun(stopping).frame(self.step).to_arrow()

    @ends
    def to_parquet(self, path: str | Path, *, stopping: threading.Event | None = None, **options: Any) -> None:
        """Write the rows to a Parquet file, streamed; options as for polars. Raises as `save`."""
        self._streamed(stopping, lambda lazy: lazy.sink_parquet(path, **options))

    @ends
    def to_csv(self, path: str | Path, *, stopping: threading.Event | None = None, **options: Any) -> None:
        """Write the rows to a CSV file, streamed; options as for polars. Raises as `save`."""
        self._streamed(stopping, lambda lazy: lazy.sink_csv(path, **options))

    @ends
    def to_jsonl(self, path: str | Path, *, stopping: threading.Event | None = None) -> None:
        """Write the rows to a file of JSON lines, streamed. Raises as `save`."""
        self._streamed(stopping, lambda lazy: lazy.sink_ndjson(path))

    @ends
    def to_records(self, *, stopping: threading.Event | None = None) -> list[dict[str, Any]]:
        """The rows as dicts. Raises as `save`."""
        return list(ChainRun(stopping).frame(self.step).iter_rows(named=True))

    @ends
    def to_list(self, *columns: str, stopping: threading.Event | None = None) -> list[tuple[Any, ...]]:
        """The rows as tuples, of these columns or of all. Raises as `save`."""
        frame = ChainRun(stopping).frame(self.step)
        return list((frame.select(columns) if columns else frame).iter_rows())

    @ends
    def to_values(self, column: str, *, stopping: threading.Event | None = None) -> list[Any]:
        """The values of a column. Raises as `save`."""
        return ChainRun(stopping).frame(self.step)[column].to_list()  # type: ignore[no-any-return]

    @ends
    def count(self, *, stopping: threading.Event | None = None) -> int:
        """How many rows there are. Raises as `save`."""
        pl = polars()
        return int(self._streamed(stopping, lambda lazy: lazy.select(pl.len()).collect().item()))

    @ends
    def show(self, limit: int = 20, *, stopping: threading.Event | None = None) -> None:
        """Print the first rows. Raises as `save`."""
        pl = polars()
        with pl.Config(tbl_rows=limit):
            print(ChainRun(stopping).frame(self.limit(limit).step))  # noqa: T201

    @ends
    def codes(self, *, stopping: threading.Event | None = None) -> dict[str, int]:
        """How many rows were made by which version of the last function: digest of its code -> rows. Raises as `save`.

        It is more than one where rows of an earlier version were kept (`keep=True`).
        """
        return ChainRun(stopping).codes(self.step)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(ChainRun().frame(self.step).iter_rows())

    def _streamed(self, stopping: threading.Event | None, end: Callable[[Any], Any]) -> Any:
        return ChainRun(stopping).streamed(self.step, end)
