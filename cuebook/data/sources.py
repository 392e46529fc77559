"""Where chains begin: files, frames, values, data sets. Each is known by its content."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from glob import glob, has_magic
from pathlib import Path
from typing import Any

from cuebook.data.chain import DataChain
from cuebook.data.errors import DataError
from cuebook.data.places import users_place
from cuebook.data.plan import CodePlace, DatasetStep, SourceStep
from cuebook.data.polars_at_hand import polars
from cuebook.data.rows.objects import encoded_objects
from cuebook.notices import notice
from cuebook.persistence.identity.files import File
from cuebook.persistence.identity.value_digest import value_digest
from cuebook.stages.datasets import find_dataset
from cuebook.workplace.chain_frames import CHAIN

__all__ = [
    "read_csv", "read_database", "read_dataset", "read_json", "read_pandas", "read_parquet", "read_records",
    "read_storage", "read_values",
]  # fmt: skip

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_csv(
    path: Paths, *, delimiter: str = ",", header: bool = True, encoding: str = "utf8", **options: Any
) -> DataChain:
    """A chain that begins with CSV files.

    Args:
        path: a file, a pattern such as "logs/*.csv", a folder, or several. They count by content.
        delimiter: between the fields. header: whether the first line has the names of the columns.
        encoding: of the text.
        options: any other of `polars.scan_csv`, such as schema_overrides= or try_parse_dates=.

    Raises:
        DataError: there is no such file, or it is no CSV; the text says what to write.
    """
    place, files = users_place(), _files(path, "csv")
    settings = {"separator": delimiter, "has_header": header, **options}
    for file in files:
        _check_text(file, encoding, place)
    pl = polars()
    if encoding.lower().replace("-", "") in ("utf8", "utf8lossy"):
        lossy = {} if "lossy" not in encoding else {"encoding": "utf8-lossy"}
        scan = partial(pl.scan_csv, files, **settings, **lossy)
    else:
        scan = partial(_decoded_csv, files, settings, encoding)
    made = DataChain.of_source(_source("csv", place, scan, files=files, settings={**settings, "encoding": encoding}))
    twice = [name.partition("_duplicated_")[0] for name in made.columns if "_duplicated_" in name]
    if twice:
        notice(f"{files[0]} has column {twice[0]!r} more than once: the second is called {twice[0]}_duplicated_0")
    return made


def read_parquet(path: Paths, **options: Any) -> DataChain:
    """A chain that begins with Parquet files.

    Args:
        path: a file, a pattern, a folder (also one partitioned as in year=2024/...), or several; by content.
        options: any other of `polars.scan_parquet`, such as missing_columns="insert".

    Raises:
        DataError: there is no such file, it is no Parquet, or the files have different columns.
    """
    place, files = users_place(), _files(path, "parquet")
    settings = dict(options)
    if isinstance(path, str | os.PathLike) and os.path.isdir(path):
        settings.setdefault("hive_partitioning", True)
    return DataChain.of_source(
        _source("parquet", place, partial(polars().scan_parquet, files, **settings), files=files, settings=settings)
    )


def read_json(path: Paths, *, format: str | None = None, **options: Any) -> DataChain:  # noqa: A002 - DataChain's name
    """A chain that begins with JSON: a list of objects, or lines with one object each (.jsonl, .ndjson).

    Args:
        path: as for `read_parquet`. format: "json" or "jsonl"; None: by the name of the file.
        options: any other of `polars.read_json` or `polars.scan_ndjson`.

    Raises:
        DataError: there is no such file, or it is no JSON.
    """
    place, files = users_place(), _files(path, "json", "jsonl", "ndjson")
    is_lines = format == "jsonl" or (format is None and files[0].endswith(("jsonl", "ndjson")))
    scan: Callable[[], Any] = (
        partial(polars().scan_ndjson, files, **options) if is_lines else partial(_whole_json, files, options)
    )
    return DataChain.of_source(_source("json", place, scan, files=files, settings={**options, "lines": is_lines}))


def read_values(**columns: Iterable[Any]) -> DataChain:
    """A chain that begins with columns of values: `read_values(fruit=["fig", "kiwi"], kilos=[2, 3])`.

    A column of objects that no column type holds, `cuebook.File` among them, is kept by the value codec.

    Raises:
        DataError: the columns have different lengths.
    """
    place = users_place()
    if not columns:
        raise DataError(f"{place}: read_values() has no column: write read_values(name=[...])")
    try:
        frame = encoded_objects({name: list(values) for name, values in columns.items()})
    except polars().exceptions.ShapeError as error:
        raise DataError(f"{place}: the columns of read_values() have different lengths: {error}") from error
    return _of_frame(frame, place)


def read_records(records: Iterable[Mapping[str, Any]]) -> DataChain:
    """A chain that begins with rows, each a dict; what a row lacks is null."""
    place, rows = users_place(), [dict(record) for record in records]
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not names:
        raise DataError(f"{place}: read_records() was given no record that has a field")
    frame = encoded_objects({name: [row.get(name) for row in rows] for name in names})
    return _of_frame(frame, place)


def read_pandas(frame: Any) -> DataChain:
    """A chain that begins with a frame: of pandas, polars (lazy ones too) or Arrow. It counts by its values.

    Raises:
        DataError: it is no frame.
    """
    place, pl = users_place(), polars()
    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    if isinstance(frame, pl.DataFrame):
        return _of_frame(frame, place)
    try:
        is_pandas = type(frame).__module__.startswith("pandas.")
        found = pl.from_pandas(frame) if is_pandas else pl.DataFrame(_stream_of(frame))
    except Exception as error:  # each library has its own
        raise DataError(f"{place}: {type(frame).__name__} is no frame that polars takes: {error}") from error
    return _of_frame(found, place)


def read_database(query: str, connection: Any, **options: Any) -> DataChain:
    """A chain that begins with what a database answers; it is asked at once, and the answer counts by its values.

    Args:
        query: SQL. connection, options: as for `polars.read_database`.
    """
    place = users_place()
    return _of_frame(polars().read_database(query, connection, **options), place)


def read_dataset(name: str, version: int | None = None) -> DataChain:
    """A chain that begins with a data set: what `save` has kept, or a `@stage` that gave a frame.

    Args:
        name: of it. version: None: the one that this run of the job has made or taken over, else the newest.

    Raises:
        StageError: there is none. DataError: its value is no frame.
    """
    place, found = users_place(), find_dataset(name, version)
    head = found.kept.head
    if head.form == CHAIN:
        return DataChain.of_kept(DatasetStep(name, head.version, head.hash, head.value, place))
    value = found.read()
    if not hasattr(value, "columns"):
        raise DataError(
            f"{place}: data set {name} is a {type(value).__name__}, and no frame; cuebook.read_dataset reads it"
        )
    return read_pandas(value)


def read_storage(path: Paths) -> DataChain:
    """A chain of files: `file` (a `cuebook.File`, in functions a `pathlib.Path`), `path`, `name` and `size` of each.

    Args:
        path: a folder (with those in it, and below), a pattern, or several. They count by content.

    Raises:
        DataError: there are none.
    """
    place, files = users_place(), _files(path, "*")
    columns: dict[str, list[Any]] = {
        "file": [File(file) for file in files],
        "path": files,
        "name": [os.path.basename(file) for file in files],
        "size": [Path(file).stat().st_size for file in files],
    }
    for file in columns["file"]:
        file.stamped()
    frame = encoded_objects(columns)
    return _of_frame(frame, place)


# -- within -----------------------------------------------------------------------------------------------------------


def _source(
    kind: str, place: CodePlace, scan: Callable[[], Any], *, files: Sequence[str], settings: Mapping[str, Any]
) -> SourceStep:
    identity = partial(value_digest, sorted(settings.items()))
    detail = ", ".join(f"{name}={value!r}" for name, value in settings.items())
    return SourceStep(kind, place, scan, identity, tuple(files), detail)


def _of_frame(frame: Any, place: CodePlace) -> DataChain:
    known: list[bytes] = []

    def identity() -> bytes:
        if not known:
            known.append(value_digest(frame))
        return known[0]

    detail = f"{frame.height:,} rows of {', '.join(frame.columns)}"
    return DataChain.of_source(SourceStep("values", place, frame.lazy, identity, (), detail))


def _stream_of(frame: Any) -> Any:
    if not hasattr(frame, "__arrow_c_stream__"):
        raise TypeError("it gives no Arrow stream")
    return frame


def _files(path: Paths, *endings: str) -> list[str]:
    """The files that a path names, absolute and in order."""
    found: list[str] = []
    given = [path] if isinstance(path, str | os.PathLike) else list(path)
    for each in given:
        text = os.fspath(each)
        if "://" in text:
            raise DataError(
                f"{users_place()}: {text} is not on this machine. cuebook.data reads local files: fetch it in a "
                "@stage, or give a frame that polars has read to read_pandas()"
            )
        if os.path.isdir(text):
            patterns = [os.path.join(text, "**", f"*.{end}" if end != "*" else "*") for end in endings]
            found_here = [name for pattern in patterns for name in glob(pattern, recursive=True)]  # noqa: PTH207
            there = [name for name in found_here if os.path.isfile(name)]
        else:
            is_pattern = has_magic(text) and not os.path.exists(text)
            there = glob(text, recursive=True) if is_pattern else [text]  # noqa: PTH207
        if not there or not all(os.path.exists(name) for name in there):
            raise DataError(f"{users_place()}: there is no file {os.path.abspath(text)}")
        found += sorted(os.path.abspath(name) for name in there)
    if not found:
        raise DataError(f"{users_place()}: no file was named")
    return found


def _check_text(file: str, encoding: str, place: CodePlace) -> None:
    """Look at the first bytes of a text: an empty one, and a mark of another encoding, would be read as nonsense."""
    with open(file, "rb") as content:
        start = content.read(4)
    if not start:
        raise DataError(f"{place}: {file} is empty: there is not even a line with the names of the columns")
    if start[:2] in _WIDE_MARKS and "16" not in encoding and "32" not in encoding:
        raise DataError(f'{place}: {file} is not in UTF-8, as its first bytes say: write encoding="utf-16"')


def _decoded_csv(files: Sequence[str], settings: Mapping[str, Any], encoding: str) -> Any:
    pl = polars()
    return pl.concat([pl.read_csv(file, encoding=encoding, **settings) for file in files]).lazy()


def _whole_json(files: Sequence[str], options: Mapping[str, Any]) -> Any:
    pl = polars()
    return pl.concat([pl.read_json(file, **options) for file in files], how="diagonal_relaxed").lazy()
