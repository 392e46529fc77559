"""What an experiment depends on: commands, code and data, parameters, and where Git stands. Knows no journal."""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cuebook.errors import ExperimentError
from cuebook.experiments.params import PARAMS_FILES, flattened, read_params
from cuebook.experiments.stages import ProgramStage
from cuebook.wire.codec import pack

__all__ = ["Inputs", "git_state", "inputs_of", "params_of", "written_since"]

_CODE = ".py .ipynb .sh .bash .r .jl .c .cc .cpp .h .rs .go .js .ts .pl .rb .lua .m .f90"
_SETTINGS = ".yaml .yml .toml .ini .cfg"
_READ_SUFFIXES = frozenset(_CODE.split() + _SETTINGS.split())
"""Files of code and settings: who changes them is the user, also while the program runs."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What an experiment depends on.

    Attributes:
        params: by key.
        deps: by name the sha256 of the content, in hex; "" of one that is not there.
        commands: as they are run. named: those of `deps` that only a command names.
    """

    params: dict[str, Any] = field(default_factory=dict)
    deps: dict[str, str] = field(default_factory=dict)
    commands: tuple[str, ...] = ()
    named: tuple[str, ...] = ()

    @property
    def digest(self) -> bytes:
        """Stands for all of it."""
        parts = [sorted(self.params.items()), sorted(self.deps.items()), list(self.commands)]
        return hashlib.sha256(pack(parts)).digest()

    def changes(self, was: dict[str, Any], written: Container[str]) -> list[str]:
        """What is otherwise than in an earlier attempt, in words; not counting the files that it has written."""
        params, deps = was.get("params", {}), was.get("deps", {})
        keys = [key for key in {**params, **self.params} if params.get(key) != self.params.get(key)]
        names = [name for name in {**deps, **self.deps} if deps.get(name) != self.deps.get(name)]
        found = [f"{key}={self.params.get(key)!r} (was {params.get(key)!r})" for key in keys]
        found += [name for name in names if name not in written]
        return found if list(self.commands) == was.get("commands") else ["the command", *found]


def inputs_of(root: Path, stages: Sequence[ProgramStage], besides: Sequence[bytes] = ()) -> Inputs:
    """What these stages depend on just now; `besides` are names of files that they write without being outputs.

    The files that a command names, scripts above all, count as its dependencies; so do the parameters that there are.
    """
    outputs = {output.name for stage in stages for output in stage.outputs} | set(besides)
    outputs |= {os.fsencode(file) for stage in stages for file in (*stage.params, *PARAMS_FILES)}  # they count by key
    declared = {dep for stage in stages for dep in stage.deps if dep not in outputs}
    named = {name for stage in stages for name in _named_files(root, stage)} - outputs - declared
    params: dict[str, Any] = {}
    for stage in stages:
        params.update(params_of(root, stage))
    commands = [each if isinstance(each, str) else shlex.join(each) for stage in stages for each in stage.commands]
    deps = {_text(name): _digest(root, name) for name in sorted(declared | named)}
    return Inputs(params, deps, tuple(commands), tuple(sorted(_text(name) for name in named)))


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def written_since(root: Path, deps: dict[str, str], named: Sequence[str]) -> list[str]:
    """Files that were named in commands and have changed since, as a program changes what it writes to."""
    return [
        name
        for name in named
        if Path(name).suffix.lower() not in _READ_SUFFIXES
        and _digest(root, name.encode("utf-8", "surrogateescape")) != deps.get(name, "")
    ]


def _named_files(root: Path, stage: ProgramStage) -> Iterator[bytes]:
    for command in stage.commands:
        for word in _words(command):
            path = Path(os.path.normpath(root / stage.folder / word))
            if path.is_relative_to(root) and path != root and path.is_file():
                yield os.fsencode(path.relative_to(root))


def _words(command: str | tuple[str, ...]) -> list[str]:
    """The words of a command that may name what it reads."""
    if not isinstance(command, str):
        return list(command)
    try:
        parts = list(shlex.shlex(command, posix=True, punctuation_chars=True))
    except ValueError:
        return []
    return [word for before, word in zip(["", *parts], parts, strict=False) if not before.startswith(">")]


def params_of(root: Path, stage: ProgramStage) -> dict[str, Any]:
    """The parameters that a stage depends on, by key.

    Raises:
        ExperimentError: one is not there, or a file is malformed.
    """
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
            done = subprocess.run(
                ["git", *arguments],
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
