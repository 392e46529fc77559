"""Finds the interpreters of a version that are on this machine, wherever they come from.

An interpreter counts when it runs, is a CPython of that version, and can make environments: pyenv's shims of versions
that are not switched on, and a distribution's Python without `ensurepip`, do not.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

PATIENCE_S = 60
ASK = (
    "import sys, ensurepip, venv, sqlite3, ssl, zlib; "
    "print(sys.implementation.name, '.'.join(map(str, sys.version_info[:3])))"
)
USUAL = ("/usr/local/bin", "/opt/homebrew/bin", "/usr/bin")
FRAMEWORKS = Path("/Library/Frameworks/Python.framework/Versions")


def chosen(name: str) -> str:
    """The interpreter that is meant by a command, a path, `python3.12` or `3.12`; its name as it is where none runs."""
    version = name.removeprefix("python")
    if not re.fullmatch(r"3\.\d+", version) or (name != version and runs(name)):
        return name
    return str(find(version) or name)


def runs(command: str) -> bool:
    """Whether a command is a Python that starts; a shim of a version that is not switched on is none."""
    try:
        done = subprocess.run([command, "-c", ""], check=False, capture_output=True, timeout=PATIENCE_S)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def find(version: str, environ: Mapping[str, str] = os.environ) -> Path | None:
    """An interpreter of `version` (`"3.12"`), or None. Costs a start of each one that does not answer as it should."""
    seen: set[Path] = set()
    for path in candidates(version, environ):
        if path not in seen and answers(path, version):
            return path
        seen.add(path)
    return None


def answers(path: Path, version: str) -> bool:
    """Whether this is a working CPython of that version."""
    try:
        done = subprocess.run([path, "-c", ASK], check=False, capture_output=True, text=True, timeout=PATIENCE_S)
    except (OSError, subprocess.TimeoutExpired):
        return False
    implementation, _, full = done.stdout.strip().partition(" ")
    return done.returncode == 0 and implementation == "cpython" and full.startswith(f"{version}.")


def candidates(version: str, environ: Mapping[str, str]) -> Iterator[Path]:
    """Where one may be: this one, the path, pyenv's versions, uv's, and where systems put them."""
    name = f"python{version}"
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        yield Path(sys.executable)
    folders = [Path(folder) for folder in environ.get("PATH", "").split(os.pathsep) if folder]
    yield from (folder / name for folder in folders if (folder / name).is_file())
    for versions in pyenv_versions(folders, environ):
        yield from newest_first(versions.glob(f"{version}.*/bin/{name}"))
    yield from newest_first(uv_versions(environ).glob(f"cpython-{version}.*/bin/{name}"))
    yield from found_by_uv(version, environ)
    usual = [*(Path(folder) / name for folder in USUAL), FRAMEWORKS / version / "bin" / name]
    yield from (path for path in usual if path.is_file())


def pyenv_versions(folders: list[Path], environ: Mapping[str, str]) -> list[Path]:
    """The folders in which pyenv keeps its versions: by its variable, beside its shims or commands, and at home."""
    roots = [Path(environ["PYENV_ROOT"])] if environ.get("PYENV_ROOT") else []
    roots += [folder.parent for folder in folders if folder.name in ("shims", "bin")]
    roots.append(home(environ) / ".pyenv")
    return [root / "versions" for root in dict.fromkeys(roots) if (root / "versions").is_dir()]


def uv_versions(environ: Mapping[str, str]) -> Path:
    """Where uv keeps the interpreters that it has brought."""
    if environ.get("UV_PYTHON_INSTALL_DIR"):
        return Path(environ["UV_PYTHON_INSTALL_DIR"])
    data = environ.get("XDG_DATA_HOME")
    return (Path(data) if data else home(environ) / ".local" / "share") / "uv" / "python"


def found_by_uv(version: str, environ: Mapping[str, str]) -> Iterator[Path]:
    """What uv knows of, where there is one; it brings nothing."""
    uv = shutil.which("uv", path=environ.get("PATH"))
    if uv is not None:
        command = [uv, "python", "find", "--no-project", "--no-python-downloads", version]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE_S)
        if done.returncode == 0:
            yield Path(done.stdout.strip())


def home(environ: Mapping[str, str]) -> Path:
    """The user's folder."""
    return Path(environ["HOME"]) if environ.get("HOME") else Path.home()


def newest_first(paths: Iterator[Path]) -> list[Path]:
    """By the number of the patch release, which stands in the folder's name."""
    return sorted(paths, key=lambda path: patch_of(path.parents[1].name), reverse=True)


def patch_of(name: str) -> int:
    """1 of `3.12.1` and of `cpython-3.12.1-linux-x86_64-gnu`; 0 where it is no number."""
    digits = name.removeprefix("cpython-").partition("-")[0].split(".")[2]
    return int(digits) if digits.isdigit() else 0


if __name__ == "__main__":
    print(chosen(sys.argv[1]))
