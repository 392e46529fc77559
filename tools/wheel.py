"""Tests what users get: sdist, a wheel from it, an empty environment, and the tests of the unpacked sdist against it.

The sdist's own copy of the library is taken away before its tests run: there is nothing to import but the wheel.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

from tools import environment
from tools.claims import ROOT
from tools.matrix import Failed, run_tests, uv, versions_in

FOLDER = ROOT / ".venv-wheel"
README = (
    "import signal, sys; from pathlib import Path; from tests.support.pages import run_page; "
    "signal.signal(signal.SIGINT, signal.default_int_handler); "  # ignored in a shell's background jobs, and inherited
    "run_page(Path('README.md').resolve(), Path(sys.argv[1]))"
)


def main() -> None:
    """Build, install, and test what was installed."""
    parser = argparse.ArgumentParser(description="Test the sdist and the wheel that is built from it.")
    parser.add_argument("--python", type=Path, default=Path(sys.executable))
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        try:
            test(Path(folder), given.python)
        except (Failed, subprocess.CalledProcessError) as error:
            raise SystemExit(f"test-wheel: {error}") from None


def test(folder: Path, python: Path) -> None:
    """All steps, in an empty folder outside of the checkout."""
    uv("build", "--quiet", "--python", str(python), "--out-dir", str(folder))
    (sdist,) = folder.glob("*.tar.gz")
    (wheel,) = folder.glob("*.whl")
    root = unpacked(sdist, folder / "unpacked")
    shutil.rmtree(root / "cuebook")
    inner = installed(wheel, python)
    print(f"{wheel.name}: {', '.join(versions_in(inner))}", flush=True)
    try_out(inner, root, folder)
    uv(
        "pip",
        "install",
        "--quiet",
        "--compile-bytecode",
        "--python",
        str(inner),
        "--group",
        f"{root}/pyproject.toml:test",
    )
    subprocess.run([inner, "-m", "pip", "check"], check=True)
    run_tests(inner, "-m", "quick or wheel", root=root, CUEBOOK_WHEEL=str(wheel))


def unpacked(sdist: Path, folder: Path) -> Path:
    """The one folder that an sdist holds, as its user has it."""
    with tarfile.open(sdist) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # not in each 3.11
        archive.extractall(folder)  # noqa: S202  (it was built a moment ago)
    (root,) = folder.iterdir()
    return root


def installed(wheel: Path, python: Path) -> Path:
    """The wheel in an empty environment, by plain pip, with what it asks for and nothing else."""
    print(f"setting up {FOLDER.name} for Python {environment.version_of(python)} ...", flush=True)
    environment.make(FOLDER, python)
    inner = FOLDER / "bin" / "python"
    environment.pip(inner, str(wheel))
    return inner


def try_out(inner: Path, root: Path, folder: Path) -> None:
    """The command, and the programs of the README, before any test tool is there."""
    subprocess.run([inner.parent / "cuebook", "--help"], check=True, cwd=folder, stdout=subprocess.DEVNULL)
    empty = folder / "readme"
    empty.mkdir()
    subprocess.run([inner, "-c", README, empty], check=True, cwd=root)
    print("cuebook --help and the programs of the README: ran", flush=True)


if __name__ == "__main__":
    main()
