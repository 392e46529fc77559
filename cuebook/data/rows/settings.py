"""`settings()`: how functions of rows are run. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cuebook.children.limits import cpus_allowed
from cuebook.chunks.options import KeywordOptions, make_options
from cuebook.data.plan import RowOptions

__all__ = ["with_settings"]

_NOT_HERE = {
    "cache": "files are read where they lie",
    "prefetch": "files are read where they lie",
    "min_task_size": "calls are distributed as workers have room",
    "batch_size": "every finished row is durable, so that there is no batch to be lost; batch_rows= is what a function "
    "with batch=True gets",
    "namespace": "a data set has a name alone",
    "project": "a data set has a name alone",
    "ephemeral": "what is not saved is not a data set",
    "reuse": "CUEBOOK_RESET=1 has everything done again",
    "version": "give version= to map(), gen() or agg()",
    "depends": "give depends= to map(), gen() or agg()",
}
_OWN = ("parallel", "keep", "errors", "retry", "batch_rows")
_LEFT_TO_US = frozenset({"errors", "reuse", "version", "depends", "ignore", "star", "keep_arguments", "pickle"})


def with_settings(options: RowOptions, given: Mapping[str, Any]) -> RowOptions:
    """Options with others in their place; None leaves one as it is.

    Raises:
        TypeError, ValueError: one is wrong; what is not there is said, with what to write instead.
    """
    known = {name: value for name, value in given.items() if value is not None}
    if not known:
        return options
    for name in known:
        if name in _NOT_HERE:
            raise TypeError(f"there is no setting {name!r}: {_NOT_HERE[name]}")
    run = {name: value for name, value in known.items() if name not in _OWN}
    unknown = [name for name in run if name not in KeywordOptions.__annotations__ or name in _LEFT_TO_US]
    if unknown:
        raise TypeError(
            f"there is no setting {unknown[0]!r}; there are {', '.join((*_OWN, 'and the options of chunk()'))}"
        )
    if "parallel" in known:
        run["workers"] = _workers(known["parallel"])
    run = {**options.run, **run}
    if run:
        make_options(**run)
    changed = replace(options, run=run)
    if "keep" in known:
        changed = replace(changed, keeps_old=_flag("keep", known["keep"]))
    if "retry" in known:
        changed = replace(changed, retries_failed=_flag("retry", known["retry"]))
    if "errors" in known:
        changed = replace(changed, collects=_errors(known["errors"]))
    if "batch_rows" in known:
        changed = replace(changed, rows=_count("batch_rows", known["batch_rows"]))
    return changed


def _workers(parallel: Any) -> int:
    if isinstance(parallel, bool):
        return cpus_allowed() if parallel else 1
    if parallel == -1:
        return cpus_allowed()
    return _count("parallel", parallel)


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name}={value!r} is no whole number")
    if value < 1:
        raise ValueError(f"{name}={value} must be at least 1")
    return value


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        hint = "; retries= is how often a row is tried within a run" if name == "retry" else ""
        raise TypeError(f"{name}={value!r} must be True or False{hint}")
    return value


def _errors(value: Any) -> bool:
    if value not in ("raise", "collect"):
        raise ValueError(f"errors={value!r} is none of 'raise', 'collect'")
    return bool(value == "collect")
