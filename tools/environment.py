"""A virtual environment in the checkout, from the locked requirements: `python -m tools.environment dev .venv`.

It is left alone while nothing that it was made from has changed. On a Python that is not tested there is no lock: it
is said, and what fits is looked for anew.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.claims import BUILD, KINDS, ROOT, SERVED_BY_DEV, TOOLS, claimed_pythons, digest, minor_of, requirements_file

STAMP = ".installed"
NEW_PIP = "pip>=25.1"
"""The first pip that knows groups; older ones install locked requirements as well."""


class Step(Enum):
    """What an environment lacks."""

    NOTHING = "nothing"
    INSTALL = "install"
    MAKE = "make"


def decide(stamp: Mapping[str, object] | None, kind: str, version: str, wanted: str) -> Step:
    """What is to be done, by what the environment says of itself; None where it says nothing.

    An environment for all work serves the others too. What was made from other requirements is made anew, so that
    nothing is left of them.
    """
    if stamp is None or stamp.get("python") != version:
        return Step.MAKE
    if stamp.get(kind) == wanted:
        return Step.NOTHING
    return Step.INSTALL if kind not in stamp else Step.MAKE


def set_up(folder: Path, kind: str, python: Path | str = sys.executable) -> Path:
    """Make or complete the environment in `folder`.

    Returns:
        Its Python.

    Raises:
        subprocess.CalledProcessError: something could not be installed; the next call begins where this one failed.
    """
    version = version_of(python)
    step = decide(stamp_of(folder), kind, version, digest(kind, version))
    inner = folder / "bin" / "python"
    if step is Step.NOTHING and inner.exists():
        return inner
    print(f"setting up {shown(folder)} for Python {version} (once) ...", flush=True)
    stamp = stamp_of(folder) or {}
    (folder / STAMP).unlink(missing_ok=True)
    if step is Step.MAKE or not inner.exists():
        stamp = {}
        make(folder, python)
    install(inner, kind, version)
    kinds = [kind, *(SERVED_BY_DEV if kind == "dev" else ())]
    stamp |= {"python": version} | {name: digest(name, version) for name in kinds}
    (folder / STAMP).write_text(json.dumps(stamp, indent=1))
    return inner


def make(folder: Path, python: Path | str) -> None:
    """An empty environment, in place of whatever is there."""
    remove(folder)
    subprocess.run([python, "-m", "venv", folder], check=True)


def remove(folder: Path) -> None:
    """What was made before goes, whole."""
    if folder.exists():
        shutil.rmtree(folder)


def install(inner: Path, kind: str, version: str) -> None:
    """The locked requirements of a kind and the checkout itself, or what fits where nothing is locked."""
    file = requirements_file(kind, version)
    if file.is_file():
        pip(inner, "--require-hashes", "--requirement", str(file))
        if kind != TOOLS:
            install_checkout(inner, version)
        return
    print(not_locked(version), flush=True)
    pip(inner, "--upgrade", NEW_PIP)
    groups = (TOOLS,) if kind == TOOLS else KINDS[kind]
    chosen = [argument for group in groups for argument in ("--group", group)]
    pip(inner, *chosen, *(() if kind == TOOLS else ("--editable", str(ROOT))))


def install_checkout(inner: Path, version: str) -> None:
    """The checkout itself, built with what is locked for that, which is not left in the environment."""
    with TemporaryDirectory() as folder:
        pip(inner, "--require-hashes", "--target", folder, "--requirement", str(requirements_file(BUILD, version)))
        pip(inner, "--no-deps", "--no-build-isolation", "--editable", str(ROOT), PYTHONPATH=folder)


def not_locked(version: str) -> str:
    """What is said where there are no locked requirements."""
    tested = ", ".join(claimed_pythons())
    return (
        f"cuebook is not tested on Python {minor_of(version)} and has no locked requirements for it "
        f"(tested: {tested}); installing the newest that fit"
    )


def pip(inner: Path, *arguments: str, **variables: str) -> None:
    """Install by the environment's own pip."""
    command = [str(inner), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, cwd=ROOT, env=os.environ | variables)


def stamp_of(folder: Path) -> dict[str, str] | None:
    """What an environment says that it was made from; None where there is none, or none that was finished."""
    try:
        stamp = json.loads((folder / STAMP).read_text())
    except (OSError, ValueError):
        return None
    return stamp if isinstance(stamp, dict) else None


def version_of(python: Path | str) -> str:
    """`"3.12.1"`."""
    program = "import sys; print('.'.join(map(str, sys.version_info[:3])))"
    return subprocess.run([python, "-c", program], check=True, capture_output=True, text=True).stdout.strip()


def shown(folder: Path) -> str:
    """A folder as it is called in messages."""
    return str(folder.relative_to(ROOT)) if folder.is_relative_to(ROOT) else str(folder)


def main() -> None:
    """Set up one environment."""
    parser = argparse.ArgumentParser(description="Set up a virtual environment in the checkout.")
    parser.add_argument("kind", choices=[*KINDS, TOOLS])
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    try:
        set_up(ROOT / given.folder, given.kind)
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"setting up {given.folder} failed: {' '.join(map(str, error.cmd))}") from None


if __name__ == "__main__":
    main()
