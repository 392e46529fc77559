"""What an experiment depends on: commands, code and data, parameters, and where Git stands. Knows no journal."""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cuebook.errors import ExperimentError
from cuebook.experiments.params import PARAMS_FILES, flattened, read_params
from cuebook.experiments.stages import Stage
from cuebook.wire.codec import pack

__all__ = ["Inputs", "git_state", "inputs_of"]


@dataclass(frozen=True, slots=True)
class Inputs:
    """What an experiment depends on.

    Attributes:
        params: by key. deps: by name the sha256 of the content, in hex; "" of one that is not there.
        commands: as they are run.
    """

    params: dict[str, Any] = field(default_factory=dict)
    deps: dict[str, str] = field(default_factory=dict)
    commands: tuple[str, ...] = ()

    @property
    def digest(self) -> bytes:
        """Stands for all of it."""
        parts = [sorted(self.params.items()), sorted(self.deps.items()), list(self.commands)]
        return hashlib.sha256(pack(parts)).digest()

    def changes(self, params: dict[str, Any], deps: dict[str, str]) -> list[str]:
        """What is otherwise than in an earlier attempt, in words."""
        keys = [key for key in {**params, **self.params} if params.get(key) != self.params.get(key)]
        names = [name for name in {**deps, **self.deps} if deps.get(name) != self.deps.get(name)]
        return [f"{key}={self.params.get(key)!r} (was {params.get(key)!r})" for key in keys] + names


def inputs_of(root: Path, stages: Sequence[Stage]) -> Inputs:
    """What these stages depend on just now.

    The files that a command names, scripts above all, count as its dependencies; so do the parameters that there are.
    """
    outputs = {output.name for stage in stages for output in stage.outputs}
    names = {dep for stage in stages for dep in stage.deps if dep not in outputs}
    for stage in stages:
        names |= {name for name in _named_files(root, stage) if name not in outputs}
    params: dict[str, Any] = {}
    for stage in stages:
        params.update(_params_of(root, stage))
    commands = [each if isinstance(each, str) else shlex.join(each) for stage in stages for each in stage.commands]
    deps = {name.decode("utf-8", "surrogateescape"): _digest(root, name) for name in sorted(names)}
    return Inputs(params, deps, tuple(commands))


def _named_files(root: Path, stage: Stage) -> Iterator[bytes]:
    for command in stage.commands:
        try:
            words = shlex.split(command) if isinstance(command, str) else command
        except ValueError:
            continue
        for word in words:
            path = Path(os.path.normpath(root / stage.folder / word))
            if path.is_relative_to(root) and path != root and path.is_file():
                yield os.fsencode(path.relative_to(root))


def _params_of(root: Path, stage: Stage) -> dict[str, Any]:
    listed = stage.params
    if not listed:
        listed = {name: () for name in PARAMS_FILES if (root / name).is_file()}
    found: dict[str, Any] = {}
    several = len(listed) > 1
    for name, keys in listed.items():
        values = dict(flattened(read_params(root / name)))
        for key, value in values.items():
            if not keys or any(key == each or key.startswith(f"{each}.") for each in keys):
                found[f"{name}:{key}" if several else key] = value
        if missing := [key for key in keys if not any(k == key or k.startswith(f"{key}.") for k in values)]:
            raise ExperimentError(f"{root / name} has no parameter {', '.join(missing)}")
    return found


def _digest(root: Path, name: bytes) -> str:
    path = Path(os.fsdecode(os.path.join(os.fsencode(root), name)))
    if path.is_dir():
        whole = hashlib.sha256()
        for inner in sorted(each for each in path.rglob("*") if each.is_file()):
            whole.update(os.fsencode(inner.relative_to(path)) + b"\0" + _of_file(inner))
        return whole.hexdigest()
    return _of_file(path).hex() if path.is_file() else ""


def _of_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise ExperimentError(f"{path} cannot be read: {error.strerror}") from error


def git_state(root: Path) -> dict[str, Any]:
    """Commit, branch, and whether something is not committed; empty outside of a repository, or without Git."""

    def said(*arguments: str) -> str | None:
        try:
            done = subprocess.run(  # noqa: S603
                ["git", *arguments],  # noqa: S607 - whichever the user has
                cwd=root,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=10,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    if not any((above / ".git").exists() for above in (root, *root.parents)):
        return {}
    commit = said("rev-parse", "HEAD")
    if commit is None:
        return {}
    changed = said("status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "branch": said("rev-parse", "--abbrev-ref", "HEAD") or "", "dirty": bool(changed)}
