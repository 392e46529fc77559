"""The quick tests in environments of their own, each made from scratch: `newest`, `lowest`, `pythons`.

`newest` has the newest of everything beside packages that many users have; `lowest` the lowest versions that
`pyproject.toml` lets in, on the oldest Python; `pythons` what is locked, on each Python that is claimed. The first two
look for what fits anew each time, so that a release that breaks something is seen on the day it is out.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import distributions
from pathlib import Path

from tools import environment, pythons
from tools.claims import ROOT, claimed_pythons, minor_of, project

BESIDE = ("openai", "pandas", "pyarrow", "scikit-learn", "sniffio")
QUICK = ("-m", "quick")


class Failed(Exception):
    """A job that did not pass, in words."""


def newest(given: Path | None) -> None:
    """The newest of everything, on the newest Python that is claimed."""
    inner = empty(ROOT / ".venv-newest", given or interpreter(claimed_pythons()[-1]))
    uv_install(inner, "--upgrade", "--group", "test", "--editable", ".", *BESIDE)
    run_tests(inner, *QUICK)


def lowest(given: Path | None) -> None:
    """The lowest of what is named directly, on the oldest Python that is claimed."""
    inner = empty(ROOT / ".venv-lowest", given or interpreter(claimed_pythons()[0]))
    uv_install(inner, "--resolution", "lowest-direct", "--group", "test", "--editable", ".")
    run_tests(inner, *QUICK)


def every_python(given: Path | None) -> None:
    """What is locked, on each Python that is claimed; one that is not on this machine is named, and fails in CI."""
    found = {version: pythons.find(version) for version in claimed_pythons()} if given is None else {"": given}
    failed = []
    for python in filter(None, found.values()):
        version = environment.version_of(python)
        try:
            folder = ROOT / f".venv-test-{minor_of(version)}"
            environment.remove(folder)
            run_tests(environment.set_up(folder, "test", python), *QUICK)
        except (Failed, subprocess.CalledProcessError):
            failed.append(version)
    missing = [version for version, python in found.items() if python is None]
    report = verdict(failed, missing, is_ci=bool(os.environ.get("CI")))
    if report.text:
        print(report.text, flush=True)
    if report.is_failure:
        raise Failed("not every Python passed")


class Verdict:
    """What came of the Pythons."""

    def __init__(self, text: str, is_failure: bool) -> None:
        self.text = text
        self.is_failure = is_failure


def verdict(failed: list[str], missing: list[str], is_ci: bool) -> Verdict:
    """What is said in the end, and whether it is a failure."""
    lines = [f"FAILED on Python {version}" for version in failed]
    lines += [f"NOT TESTED: no Python {version} was found (on PATH, or among pyenv's or uv's)" for version in missing]
    return Verdict("\n".join(lines), bool(failed) or (is_ci and bool(missing)))


def interpreter(version: str) -> Path:
    """An interpreter of a version, or the one that runs this where there is none; in CI there has to be one."""
    found = pythons.find(version)
    if found is None and os.environ.get("CI"):
        raise Failed(f"no Python {version} was found (on PATH, or among pyenv's or uv's)")
    if found is None:
        print(f"no Python {version} was found; this one is taken: {sys.executable}", flush=True)
    return found or Path(sys.executable)


def empty(folder: Path, python: Path) -> Path:
    """An environment without anything in it, in place of whatever is there; its Python."""
    print(f"setting up {folder.name} for Python {environment.version_of(python)} ...", flush=True)
    environment.remove(folder)
    uv("venv", "--quiet", "--python", str(python), str(folder))
    return folder / "bin" / "python"


def uv_install(inner: Path, *arguments: str) -> None:
    """Install into an environment, and say which versions of what the library needs came of it."""
    uv("pip", "install", "--quiet", "--compile-bytecode", "--python", str(inner), *arguments)
    print(", ".join(versions_in(inner)), flush=True)


def uv(*arguments: str) -> None:
    """Run uv on the checkout."""
    subprocess.run([Path(sys.executable).parent / "uv", *arguments], check=True, cwd=ROOT)


def versions_in(inner: Path) -> list[str]:
    """`["aiosqlite 0.22.1", ...]`: the direct dependencies, as they are installed."""
    (packages,) = inner.parents[1].glob("lib/python*/site-packages")
    direct = {canonical(re.split(r"[^\w.-]", one)[0]) for one in project()["project"]["dependencies"]}
    there = {canonical(one.metadata["Name"]): one.version for one in distributions(path=[str(packages)])}
    return [f"{name} {there.get(name, 'missing')}" for name in sorted(direct)]


def canonical(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def run_tests(inner: Path, *arguments: str, root: Path = ROOT, **variables: str) -> None:
    """Run tests in an environment; its report is printed as it comes.

    Raises:
        Failed: a test failed, or none was run.
    """
    command = [str(inner), "-m", "pytest", *arguments]
    print(f"pytest {' '.join(arguments)} on Python {environment.version_of(inner)}", flush=True)
    if subprocess.run(command, check=False, cwd=root, env=os.environ | variables).returncode:
        raise Failed(f"pytest {' '.join(arguments)} in {root} failed")


JOBS: dict[str, Callable[[Path | None], None]] = {"newest": newest, "lowest": lowest, "pythons": every_python}


def main() -> None:
    """Run one job."""
    parser = argparse.ArgumentParser(description="Run the quick tests in an environment made from scratch.")
    parser.add_argument("job", choices=JOBS)
    parser.add_argument("--python", type=Path, help="an interpreter, in place of the claimed one")
    given = parser.parse_args()
    try:
        JOBS[given.job](given.python)
    except (Failed, subprocess.CalledProcessError) as error:
        raise SystemExit(f"test-{given.job}: {error}") from None


if __name__ == "__main__":
    main()
