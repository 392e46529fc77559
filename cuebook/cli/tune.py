"""`cuebook tune`: how many workers, which batch, where, and whether it is worth it."""

from __future__ import annotations

import contextlib
import importlib
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["budget_s", "tune"]

_UNITS = {"": 1.0, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def budget_s(text: str) -> float:
    """Seconds of a budget such as "60s", "2min", "90".

    Raises:
        ValueError: it is none, or not more than nothing.

    >>> [budget_s("60s"), budget_s("2min"), budget_s("0.5")]
    [60.0, 120.0, 0.5]
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)\s*", text.lower())
    if match is None or match[2] not in _UNITS or not float(match[1]):
        raise ValueError(f'{text!r} is no length of time: write "60s", "2min" or a number of seconds')
    return float(match[1]) * _UNITS[match[2]]


@click.command(short_help="Measure how a function is best run.")
@click.argument("function", metavar="MODULE:FUNCTION")
@click.option(
    "--parameters",
    required=True,
    metavar="FILE|EXPR",
    help='A file (.json: a list; .jsonl: a call a line; .csv: a call a row), or Python: "[[n] for n in range(99)]".',
)
@click.option("--budget", default="60s", show_default=True, help="How long it may take.")
@click.option("--path", type=click.Path(), help="Keep the results of the sample in this journal; count the disk.")
@click.option("--where", type=click.Choice(["process", "thread", "async"]), help="Only there.")
@click.option("--star/--no-star", default=True, help="Each item holds the arguments, or is the one argument.")
@click.option("--worker", metavar="MODULE:CLASS", help="As chunk(worker=).")
@click.option("--timeout", type=float, metavar="SECONDS", help="As chunk(timeout=).")
@click.option("--memory-limit", metavar="SIZE", help='As chunk(memory_limit=), such as "2GB"; only processes then.')
@click.option("--save", is_flag=True, help="Write workers and batch to pyproject.toml or cuebook.toml, for chunk().")
@click.option("--html", "page", type=click.Path(), metavar="FILE", help="Write a page with the curves.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def tune(
    function: str,
    parameters: str,
    budget: str,
    *,
    path: str | None,
    where: str | None,
    star: bool,
    worker: str | None,
    timeout: float | None,
    memory_limit: str | None,
    save: bool,
    page: str | None,
    as_json: bool,
) -> int:
    """Measure how a function is best run.

    Runs MODULE:FUNCTION on a sample of its parameters with many settings, and says which is the best.

    Names in an expression are those of the module. The function is called many times over: it must be one that may be
    repeated. What it prints goes to stderr. Ctrl-C ends it early, with an answer of what was measured.
    """
    from cuebook.cli.output import SCHEMA, emit_json, printable, write_file

    try:
        seconds = budget_s(budget)
    except ValueError as error:
        raise click.UsageError(f"--budget: {error}") from error
    with contextlib.redirect_stdout(sys.stderr):
        func = _function(function)
        items = _parameters(parameters, func)
        from cuebook.tuning.face import tune as measured

        try:
            kind = None if worker is None else _function(worker)
            limits: Any = {"worker": kind, "timeout": timeout, "memory_limit": memory_limit}
            tuning = measured(func, items, path=path, budget=seconds, where=where, star=star, save=save, **limits)
        except (TypeError, ValueError) as error:
            raise click.UsageError(str(error)) from error
    if page is not None:
        from cuebook.tuning.report import tuning_page

        write_file(page, [tuning_page(tuning)])
    if as_json:
        emit_json({"schema": SCHEMA, **tuning.to_json()})
    else:
        click.echo(printable(str(tuning)))
    return int(save and tuning.saved is None)


def _function(text: str) -> Callable[..., Any]:
    """The function of `package.module:name`, or of a file; modules of the current folder are found."""
    module_name, _, name = text.partition(":")
    if not module_name or not name:
        raise click.UsageError(f"{text!r} names no function: write MODULE:FUNCTION, such as work:simulate")
    folder = Path.cwd()
    if module_name.endswith(".py"):
        folder, module_name = (folder / module_name).parent, Path(module_name).stem
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise click.UsageError(f"there is no module {module_name!r} in {folder}, nor installed") from error
    for part in name.split("."):
        if not hasattr(found, part):
            raise click.UsageError(f"there is no {name!r} in {module_name}")
        found = getattr(found, part)
    if not callable(found):
        raise click.UsageError(f"{text} is {type(found).__name__}, not a function")
    called: Callable[..., Any] = found
    return called


def _parameters(text: str, func: Callable[..., Any]) -> Any:
    """The parameters of a file, or what an expression gives."""
    path = Path(text)
    suffix = path.suffix.lower()
    if suffix in (".json", ".jsonl", ".csv"):
        if not path.is_file():
            raise click.UsageError(f"--parameters: there is no file {path}")
        try:
            return _read(path, suffix)
        except ValueError as error:
            raise click.UsageError(f"--parameters: {path}: {error}") from error
    names = vars(sys.modules[func.__module__]) if func.__module__ in sys.modules else {}
    try:
        return eval(text, dict(names))  # noqa: S307 - typed by whoever runs the command
    except Exception as error:
        raise click.UsageError(
            f"--parameters: {text!r} is neither a .json, .jsonl or .csv file nor Python ({error})"
        ) from error


def _read(path: Path, suffix: str) -> list[Any]:
    if suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    if suffix == ".csv":
        import csv

        with path.open(newline="") as file:
            return [{name: _cell(cell) for name, cell in row.items()} for row in csv.DictReader(file)]
    items = json.loads(path.read_text())
    if not isinstance(items, list):
        raise ValueError("it holds no list")
    return items


def _cell(text: str) -> Any:
    """A number, true, false or null where it is one; else the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
