"""The sdist and the wheel that is built from it hold all that there is, although links at the root lead into the package."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tools import claims, wheel

pytest.importorskip("hatchling")

FOLDERS = ("cuebook", "tests", "docs", "benchmarks", "tools", "requirements")
LEFTOVERS = ("__pycache__", ".ipynb_checkpoints")


def build(target: str, source: Path, folder: Path) -> Path:
    """Build an archive of what lies in `source`."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (archive,) = folder.glob("*.tar.gz" if target == "sdist" else "*.whl")
    return archive


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that is in the sdist."""
    folder = tmp_path_factory.mktemp("sdist")
    return wheel.unpacked(build("sdist", claims.ROOT, folder), folder / "unpacked")


def files_in(root: Path, *folders: str) -> set[str]:
    """The files of some folders, by their paths from the root; without what Python and editors leave there."""
    paths = (path for folder in folders for path in (root / folder).rglob("*") if path.is_file())
    return {str(path.relative_to(root)) for path in paths if not set(path.parts) & set(LEFTOVERS)}


def test_the_sdist_holds_every_file_of_the_project(unpacked: Path) -> None:
    assert files_in(unpacked, *FOLDERS) == files_in(claims.ROOT, *FOLDERS)
    assert files_in(unpacked, "cuebook/actors")


def test_the_sdist_holds_what_is_needed_to_work_on_it(unpacked: Path) -> None:
    files = {path.name for path in unpacked.iterdir() if path.is_file()}

    assert files >= {"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "pyproject.toml", "uv.lock"}


def test_the_sdist_holds_each_file_once(unpacked: Path) -> None:
    """The links of a checkout are not in it."""
    assert {path.name for path in unpacked.iterdir() if path.is_dir()} == set(FOLDERS)


def test_a_wheel_from_the_sdist_holds_every_file_of_the_package(unpacked: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(build("wheel", unpacked, tmp_path)) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}

    assert names == files_in(claims.ROOT, "cuebook")
