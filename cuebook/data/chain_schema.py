"""The columns of a chain before it is run, so that a mistake is told where it is written."""

from __future__ import annotations

from typing import Any, Self

from cuebook.data.errors import DataError
from cuebook.data.plan import MAPPED, DatasetStep, RelationStep, RowStep, SourceStep
from cuebook.data.polars_at_hand import polars
from cuebook.data.polars_errors import no_column, told
from cuebook.data.rows.types import dtype_of
from cuebook.stages.datasets import find_dataset
from cuebook.workplace.chain_frames import HIDDEN

__all__ = ["ChainSchema"]


class ChainSchema:
    """The columns of a step.

    Args:
        columns: names and types; None for a type that the values of a function decide.
    """

    def __init__(self, columns: dict[str, Any]) -> None:
        self.types = columns

    @property
    def names(self) -> list[str]:
        """The names, in order."""
        return list(self.types)

    @classmethod
    def of_source(cls, source: SourceStep) -> Self:
        """Of a source.

        Raises:
            DataError: it cannot be read.
        """
        try:
            return cls(dict(source.scan().collect_schema()))
        except (polars().exceptions.PolarsError, OSError) as error:
            raise DataError(told(error, source)) from error

    @classmethod
    def of_kept(cls, kept: DatasetStep) -> Self:
        """Of a data set: what its file says."""
        found = find_dataset(kept.name, kept.version)
        path = found.workplace.files.blobs.path_of(found.kept.head.digest)
        try:
            schema = polars().read_parquet_schema(path)
        except (polars().exceptions.PolarsError, OSError) as error:
            raise DataError(f"{kept.place}: data set {kept.name} cannot be read: {error}") from error
        return cls({name: each for name, each in schema.items() if name not in HIDDEN})

    def kept(self, kept: DatasetStep) -> Self:
        """The same of what was saved; types that values have decided are looked up."""
        return type(self)(self.types) if None not in self.types.values() else self.of_kept(kept)

    def after(self, step: RelationStep, other: ChainSchema | None) -> Self:
        """Of a relational step that follows.

        Raises:
            DataError: a column does not exist, or an expression does not fit the types of the columns.
        """
        pl = polars()
        frames = [each.empty() for each in (self, other) if each is not None]
        try:
            return type(self)(dict(step.apply(*frames).collect_schema()))
        except pl.exceptions.ColumnNotFoundError as error:
            missing = _quoted(str(error))
            there = other.names if other is not None and missing in self.names else self.names
            raise DataError(no_column(f"{step.kind}()", missing, there, step.place)) from None
        except pl.exceptions.PolarsError as error:
            if None not in self.types.values():
                raise DataError(told(error, step)) from error
            return type(self)(self.types)

    def after_rows(self, step: RowStep) -> Self:
        """Of a function that follows."""
        own = {name: dtype_of(each) for name, each in zip(step.outputs.names, step.outputs.types, strict=True)}
        if step.kind == MAPPED:
            before = {name: each for name, each in self.types.items() if name not in own}
        else:
            before = {name: self.types[name] for name in step.by if name not in own}
        return type(self)({**before, **own})

    def empty(self) -> Any:
        """A lazy frame without rows, with these columns; a type that is not known is Null."""
        pl = polars()
        return pl.DataFrame(schema={name: each or pl.Null for name, each in self.types.items()}).lazy()


def _quoted(text: str) -> str:
    """The first quoted name of an error's text."""
    parts = text.split('"')
    return parts[1] if len(parts) > 2 else text.partition("\n")[0]
