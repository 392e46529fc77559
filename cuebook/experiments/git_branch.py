"""A Git branch with the outputs of a checkpoint, made beside the working tree. Knows no journal's writer."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from cuebook.errors import ExperimentError
from cuebook.experiments.lines import Lines, Ref
from cuebook.temporary import owned_prefix
from cuebook.workplace.restore import restore

__all__ = ["make_git_branch"]


def make_git_branch(lines: Lines, root: Path, ref: Ref, name: str) -> str:
    """Make a branch: the commit that the experiment was begun at, and the outputs on top; gives its commit.

    Raises:
        ExperimentError: there is no repository, no commit in it, or such a branch already.
    """
    top = Path(_git(root, "rev-parse", "--show-toplevel"))
    _git(root, "check-ref-format", "--branch", name)
    line = lines.load(ref.name)
    known = dict(line.opened.facts.get("git", {})) if line is not None else {}
    base = _git(root, "rev-parse", "--verify", f"{known.get('commit') or 'HEAD'}^{{commit}}")
    manifest = lines.manifest_of(ref)
    with tempfile.TemporaryDirectory(prefix=owned_prefix("cuebook-branch-")) as folder:
        tree = Path(folder) / "tree" / os.path.relpath(root, top)
        tree.mkdir(parents=True)
        restore(manifest, tree, lines.workplace.files, aside=None)
        env = {"GIT_INDEX_FILE": str(Path(folder) / "index"), "GIT_WORK_TREE": str(Path(folder) / "tree")}
        env["GIT_DIR"] = _git(root, "rev-parse", "--absolute-git-dir")
        _git(root, "read-tree", base, env=env)
        for output in manifest.outputs:
            path = os.path.relpath(os.path.join(os.fsencode(root), output), os.fsencode(top))
            _git(root, "rm", "-r", "-q", "--cached", "--ignore-unmatch", "--", os.fsdecode(path), env=env)
            if (Path(folder) / "tree" / os.fsdecode(path)).exists():
                _git(Path(folder) / "tree", "add", "-f", "--", os.fsdecode(path), env=env)
        made = _git(root, "write-tree", env=env)
    commit = _git(root, "commit-tree", made, "-p", base, "-m", f"{name}: the outputs of {ref}")
    _git(root, "update-ref", f"refs/heads/{name}", commit, "0" * len(commit))
    return commit


def _git(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise ExperimentError(f"git cannot be run: {error.strerror}") from error
    if done.returncode:
        why = (done.stderr or done.stdout).strip().splitlines()
        raise ExperimentError(f"git {arguments[0]}: {why[-1] if why else 'failed'}")
    return done.stdout.strip()
