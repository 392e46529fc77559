"""A folder that holds the user's program and its libraries, as functions in a cloud have it: `pip install --target`.

Needs a wheel: `make test-wheel` builds it, and says where it is.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.wheel, pytest.mark.timeout(600)]

HANDLER = """
import pandas as pd
from cuebook import chunk
import prices

def total(count):
    with open("calls.log", "a") as log:
        log.write(f"{count}\\n")
    return int(pd.DataFrame({"price": [prices.PRICE] * count})["price"].sum())

def handler(path):
    return chunk(total, [[count] for count in range(1, 5)], path=path)
"""
RUN = "import sys, handler; print(handler.handler(sys.argv[1]))"
PACKAGE = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "prices"
version = "1.0"
"""


def install(folder: Path, *arguments: str) -> None:
    """What pip puts into a folder of its own."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--target",
        str(folder),
    ]
    subprocess.run([*command, *arguments], check=True)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with nothing installed."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library and pandas in one folder, with a program of the user's between them."""
    folder = tmp_path_factory.mktemp("bundle")
    install(folder, os.environ["CUEBOOK_WHEEL"], "pandas")
    (folder / "handler.py").write_text(HANDLER)
    return folder


def invoke(python: Path, cwd: Path, *folders: Path) -> tuple[str, int]:
    """Run the handler; its answer, and how many calls were made for it."""
    log = cwd / "calls.log"
    log.unlink(missing_ok=True)
    environ = {name: value for name, value in os.environ.items() if name != "PYTEST_PLUGINS"}
    environ["PYTHONPATH"] = os.pathsep.join(map(str, folders))
    done = subprocess.run(
        [python, "-c", RUN, str(cwd / "j.cue")], cwd=cwd, env=environ, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), len(log.read_text().splitlines()) if log.exists() else 0


def test_a_program_runs_from_the_folder_in_which_its_libraries_lie(python: Path, bundle: Path, tmp_path: Path) -> None:
    """pandas is no code of the user's there, and what is finished is taken from the journal."""
    (bundle / "prices.py").write_text("PRICE = 3\n")

    assert invoke(python, tmp_path, bundle) == ("[3, 6, 9, 12]", 4)
    assert invoke(python, tmp_path, bundle) == ("[3, 6, 9, 12]", 0)


def test_the_users_own_code_counts_beside_the_libraries(python: Path, bundle: Path, tmp_path: Path) -> None:
    """A file that no library lists as its own is the user's, whatever lies beside it."""
    (bundle / "prices.py").write_text("PRICE = 3\n")
    invoke(python, tmp_path, bundle)
    (bundle / "prices.py").write_text("PRICE = 5\n")

    assert invoke(python, tmp_path, bundle) == ("[5, 10, 15, 20]", 4)


def test_a_package_that_was_installed_from_a_folder_is_the_users_own(
    python: Path, bundle: Path, tmp_path: Path
) -> None:
    """Its code changes and its version stays."""
    (bundle / "prices.py").unlink(missing_ok=True)
    source, installed = tmp_path / "source", tmp_path / "installed"
    (source / "prices").mkdir(parents=True)
    (source / "pyproject.toml").write_text(PACKAGE)
    answers = []
    for price in (3, 5):
        (source / "prices" / "__init__.py").write_text(f"PRICE = {price}\n")
        install(installed, "--upgrade", "--no-deps", str(source))
        answers.append(invoke(python, tmp_path, installed, bundle))

    assert answers == [("[3, 6, 9, 12]", 4), ("[5, 10, 15, 20]", 4)]
