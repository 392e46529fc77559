"""What an experiment runs: one command, or the stages of a `dvc.yaml`, in order. Knows no store and no process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from cuebook.errors import ExperimentError
from cuebook.experiments.yaml_files import read_yaml
from cuebook.workplace.capture import name_below

__all__ = ["STAGES_FILE", "ProgramStage", "StageOutput", "read_stages"]

STAGES_FILE = "dvc.yaml"
_TOP = frozenset({"stages", "vars", "params", "metrics", "plots", "artifacts", "datasets"})
_USED_AT_TOP = frozenset({"stages", "params", "metrics"})
_FIELDS = frozenset({"cmd", "deps", "params", "outs", "metrics", "wdir", "desc", "meta", "always_changed", "plots"})
_OF_OUTPUT = frozenset({"checkpoint", "persist", "cache", "desc", "type", "labels", "meta", "push", "remote"})


@dataclass(frozen=True, slots=True)
class StageOutput:
    """A file or folder that a stage writes.

    Attributes:
        name: below the workspace.
        persists: it is left there when the stage begins, as it is needed to go on.
        is_required: there is no checkpoint without it.
    """

    name: bytes
    persists: bool
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class ProgramStage:
    """One command, and what it reads and writes.

    Attributes:
        name: its name; "" of the command given to `exp run`.
        commands: shell lines, or one list of arguments.
        outputs: what is kept at a checkpoint.
        deps: names of files and folders that it depends on.
        params: by file of parameters the keys that it depends on; none for all of them.
        metrics: files that hold its metrics.
        folder: where it runs, below the workspace; "" is the workspace.
    """

    name: str
    commands: tuple[str | tuple[str, ...], ...]
    outputs: tuple[StageOutput, ...]
    deps: tuple[bytes, ...] = ()
    params: dict[str, tuple[str, ...]] = field(default_factory=dict)
    metrics: tuple[bytes, ...] = ()
    folder: str = ""


def read_stages(root: Path, wanted: Sequence[str] = ()) -> list[ProgramStage]:
    """The stages of the workspace's `dvc.yaml`, each behind those whose outputs it depends on.

    Args:
        root: the workspace. wanted: only these, and what they depend on; none for all.

    Raises:
        ExperimentError: there is no such file, it is malformed, or it has fields that are not known here, each named.
    """
    path = root / STAGES_FILE
    top = _mapping(read_yaml(path), path.name)
    if unknown := sorted(set(top) - _USED_AT_TOP):
        what = "not supported" if set(unknown) <= _TOP else "not known"
        raise ExperimentError(f"{path}: {', '.join(unknown)} is {what}; take it out, or run the command itself")
    stages = [_stage(root, name, body) for name, body in _mapping(top.get("stages"), "stages").items()]
    if not stages:
        raise ExperimentError(f"{path} has no stages")
    ordered = _in_order(stages, path)
    return _needed(ordered, wanted, path) if wanted else ordered


def _stage(root: Path, name: Any, body: Any) -> ProgramStage:
    where = f"{STAGES_FILE}: stage {name!r}"
    body = _mapping(body, where)
    if unknown := sorted(map(str, set(body) - _FIELDS)):
        raise ExperimentError(f"{where} has {', '.join(unknown)}, which is not supported here")
    commands = body.get("cmd")
    commands = [commands] if isinstance(commands, str) else commands
    if not isinstance(commands, list) or not commands or not all(isinstance(each, str) for each in commands):
        raise ExperimentError(f"{where} needs cmd, a line or a list of lines for the shell")
    folder = str(body.get("wdir") or "")
    base = root / folder
    metrics = [_output(root, base, each, where) for each in _list(body.get("metrics"), where)]
    outputs = [_output(root, base, each, where) for each in _list(body.get("outs"), where)] + metrics
    outputs += [_output(root, base, each, where) for each in _list(body.get("plots"), where)]
    return ProgramStage(
        str(name),
        tuple(commands),
        tuple(outputs),
        tuple(_named(root, base, each, where) for each in _list(body.get("deps"), where)),
        _params(_list(body.get("params"), where), where),
        tuple(each.name for each in metrics),
        folder,
    )


def _output(root: Path, base: Path, body: Any, where: str) -> StageOutput:
    if isinstance(body, str):
        return StageOutput(_named(root, base, body, where), persists=False)
    if not isinstance(body, dict) or len(body) != 1:
        raise ExperimentError(f"{where}: an output is a path, or a path with its options: {body!r}")
    ((path, options),) = body.items()
    options = _mapping(options or {}, f"{where}: output {path!r}")
    if unknown := sorted(map(str, set(options) - _OF_OUTPUT)):
        raise ExperimentError(f"{where}: output {path!r} has {', '.join(unknown)}, which is not supported here")
    persists = bool(options.get("checkpoint") or options.get("persist"))
    return StageOutput(_named(root, base, path, where), persists, bool(options.get("checkpoint")))


def _named(root: Path, base: Path, path: Any, where: str) -> bytes:
    if not isinstance(path, str):
        raise ExperimentError(f"{where}: {path!r} is no path")
    if "${" in path:
        raise ExperimentError(f"{where}: {path!r} is a template, which is not supported here")
    return name_below(root, base / path)


def _params(listed: list[Any], where: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for each in listed:
        if isinstance(each, str):
            found["params.yaml"] = (*found.get("params.yaml", ()), each)
        elif isinstance(each, dict):
            for path, keys in each.items():
                found[str(path)] = tuple(map(str, _list(keys, where)))
        else:
            raise ExperimentError(f"{where}: params are names, or a file with names: {each!r}")
    return found


def _in_order(stages: list[ProgramStage], path: Path) -> list[ProgramStage]:
    by_name = {stage.name: stage for stage in stages}
    makers = {output.name: stage.name for stage in stages for output in stage.outputs}
    graph = {stage.name: [makers[dep] for dep in stage.deps if dep in makers] for stage in stages}
    try:
        return [by_name[name] for name in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        raise ExperimentError(
            f"{path}: stages depend on each other in a circle: {' -> '.join(error.args[1])}"
        ) from None


def _needed(stages: list[ProgramStage], wanted: Sequence[str], path: Path) -> list[ProgramStage]:
    names = set(wanted)
    if missing := sorted(names - {stage.name for stage in stages}):
        raise ExperimentError(f"{path} has no stage {', '.join(missing)}")
    for stage in reversed(stages):
        if stage.name in names:
            names |= {other.name for other in stages if {each.name for each in other.outputs} & set(stage.deps)}
    return [stage for stage in stages if stage.name in names]


def _mapping(value: Any, where: str) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise ExperimentError(f"{where} is malformed: a mapping of names is expected, not {value!r}")
    return value


def _list(value: Any, where: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ExperimentError(f"{where}: a list is expected, not {value!r}")
    return value
