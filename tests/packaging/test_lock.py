"""The lock, the requirements files and `pyproject.toml` agree, and hold nothing of the machine that made them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools import claims

pytest.importorskip("uv")
lock = pytest.importorskip("tools.lock")

FILES = sorted(claims.REQUIREMENTS.glob("*.txt"))


def test_the_lock_is_what_pyproject_asks_for(tmp_path: Path) -> None:
    """Asked of uv itself, without a network and with nothing remembered."""
    command = [Path(sys.executable).parent / "uv", "lock", "--check", "--offline", "--cache-dir", tmp_path]
    done = subprocess.run(command, cwd=claims.ROOT, capture_output=True, text=True)

    assert done.returncode == 0, f"run: make lock\n{done.stderr}"


def test_the_requirements_are_what_the_lock_says() -> None:
    assert lock.differing() == [], "run: make lock"


def test_a_file_that_was_edited_or_that_nothing_makes_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file, text in lock.requirements().items():
        (tmp_path / file.name).write_text(text)
    (tmp_path / "py310.txt").write_text("")
    edited = tmp_path / "py311.txt"
    edited.write_text(edited.read_text().replace("msgpack==", "msgpack==0."))
    monkeypatch.setattr(lock, "REQUIREMENTS", tmp_path)
    monkeypatch.setattr(claims, "REQUIREMENTS", tmp_path)

    assert lock.differing() == ["py310.txt", "py311.txt"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_requirement_is_one_version_with_hashes(file: Path) -> None:
    """Only then does pip take what was tested, and nothing else."""
    requirements = re.split(r"\n(?=\S)", file.read_text().strip())[1:]

    assert requirements
    for requirement in requirements:
        assert re.fullmatch(r"[\w.-]+==[\w.+!]+( ; .+)? \\\n(    --hash=sha256:[0-9a-f]{64}( \\\n|$))+", requirement)


def test_the_lock_names_no_place_but_pypi() -> None:
    assert lock.foreign_hosts(claims.LOCK.read_text()) == set()


@pytest.mark.parametrize(
    "source",
    [
        'source = { registry = "https://mirror.example/simple" }',
        'sdist = { url = "http://10.0.0.7/packages/a.tar.gz" }',
        'source = { registry = "file:///srv/simple" }',
        'sdist = { path = "/srv/wheels/a.whl" }',
        'source = { registry = "https://pypi.org.example/simple" }',
    ],
)
def test_a_lock_that_was_made_with_a_mirror_is_found(source: str) -> None:
    assert lock.foreign_hosts(f'[[package]]\nname = "a"\n{source}\n') != set()


def test_requirements_of_a_python_are_without_those_of_others() -> None:
    text = (
        "both==1 \\\n    --hash=sha256:00\n"
        "new==2 ; python_full_version >= '3.12' and sys_platform != 'win32' \\\n    --hash=sha256:01 \\\n    --hash=sha256:02\n"
        "old==3 ; python_full_version < '3.12' \\\n    --hash=sha256:03\n"
        "mac==4 ; sys_platform == 'darwin' \\\n    --hash=sha256:04\n"
        "patch==5 ; python_full_version < '3.11.4' \\\n    --hash=sha256:05\n"
        "windows==6 ; sys_platform == 'win32' \\\n    --hash=sha256:06\n"
    )

    assert lock.narrowed(text, ["3.11"]) == (
        "both==1 \\\n    --hash=sha256:00\n"
        "old==3 \\\n    --hash=sha256:03\n"
        "mac==4 ; sys_platform == 'darwin' \\\n    --hash=sha256:04\n"
        "patch==5 ; python_full_version < '3.11.4' \\\n    --hash=sha256:05\n"
    )
    assert lock.narrowed(text, ["3.13"]) == (
        "both==1 \\\n    --hash=sha256:00\n"
        "new==2 \\\n    --hash=sha256:01 \\\n    --hash=sha256:02\n"
        "mac==4 ; sys_platform == 'darwin' \\\n    --hash=sha256:04\n"
    )
