"""`cuebook why --now SCRIPT`: what the runs of a program would reuse if it ran now. Makes no call, writes nothing."""

from __future__ import annotations

import contextlib
import runpy
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cuebook.cli.command import NotThere

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cuebook.api.rehearsal import Plan

__all__ = ["rehearse_script"]


def rehearse_script(path: Path, arguments: Sequence[str], *, as_json: bool) -> int:
    """Run the script up to the first of its runs that would make a call, and tell of each.

    Returns:
        the exit code: the script's own where it ended itself.
    """
    from cuebook.api.rehearsal import Rehearsed, rehearsing
    from cuebook.cli.output import SCHEMA, emit_json

    if not path.is_file():
        raise NotThere(f"there is no script at {path}")
    plans: list[Plan] = []
    code, is_stopped = 0, False
    with rehearsing(plans.append if as_json else _teller(plans)), _as_program(path, arguments):
        # What the script prints must not stand between the lines of a JSON object.
        with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
            try:
                runpy.run_path(str(path), run_name="__main__")
            except Rehearsed:
                is_stopped = True
            except SystemExit as ended:
                code = _code_of(ended)
    if as_json:
        emit_json({"schema": SCHEMA, "script": str(path), "stopped": is_stopped, "runs": [*map(_object, plans)]})
    else:
        click.echo(_ending(path, plans, is_stopped=is_stopped))
    return code


def _teller(plans: list[Plan]) -> Any:
    from cuebook.cli.output import printable

    def tell(plan: Plan) -> None:
        plans.append(plan)
        for line in str(plan).splitlines():
            click.echo(printable(line))

    return tell


@contextlib.contextmanager
def _as_program(path: Path, arguments: Sequence[str]) -> Any:
    """`sys.argv` and `sys.path` as `python SCRIPT ARGUMENTS` has them."""
    argv, search = sys.argv[:], sys.path[:]
    sys.argv[:] = [str(path), *arguments]
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        yield
    finally:
        sys.argv[:], sys.path[:] = argv, search


def _code_of(ended: SystemExit) -> int:
    if isinstance(ended.code, str):
        click.echo(ended.code, err=True)
    return ended.code if isinstance(ended.code, int) else int(ended.code is not None)


def _ending(path: Path, plans: Sequence[Plan], *, is_stopped: bool) -> str:
    if is_stopped:
        calls = plans[-1].to_do
        return f"{path.name} was stopped before this run, which would make {calls:,} call{'' if calls == 1 else 's'}"
    if not plans:
        return f"{path.name} ended, and has no run"
    return f"{path.name} ended, and no run of it would make a call"


def _object(plan: Plan) -> dict[str, Any]:
    return {
        "function": plan.function,
        "total": plan.total,
        "reused": plan.reused,
        "to_do": plan.to_do,
        "failed_before": plan.retried,
        "notices": list(plan.notices),
    }
