"""An environment in the checkout is made once, completed where it lacks something, and made anew when it is outdated."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import claims, environment
from tools.environment import Step, decide


@pytest.mark.parametrize(
    ("stamp", "step"),
    [
        (None, Step.MAKE),
        ({}, Step.MAKE),
        ({"python": "3.12.1", "core": "a"}, Step.NOTHING),
        ({"python": "3.12.1", "core": "older"}, Step.MAKE),
        ({"python": "3.12.2", "core": "a"}, Step.MAKE),
        ({"python": "3.12.1", "dev": "b"}, Step.INSTALL),
    ],
)
def test_what_is_done_follows_from_what_the_environment_says_of_itself(
    stamp: dict[str, str] | None, step: Step
) -> None:
    assert decide(stamp, "core", "3.12.1", "a") is step


class Installer:
    """In place of venv and pip: makes a Python that does nothing, and keeps what it was asked to install."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, version: str = "3.12.1") -> None:
        self.folder = folder
        self.made = 0
        self.installed: list[str] = []
        monkeypatch.setattr(environment, "version_of", lambda python: version)
        monkeypatch.setattr(environment, "make", self.make)
        monkeypatch.setattr(environment, "pip", self.pip)

    def make(self, folder: Path, python: object) -> None:
        self.made += 1
        (folder / "bin").mkdir(parents=True, exist_ok=True)
        (folder / "bin" / "python").touch()

    def pip(self, inner: Path, *arguments: str, **variables: str) -> None:
        self.installed.append(" ".join([*arguments, *variables]))

    def set_up(self, kind: str) -> None:
        environment.set_up(self.folder, kind)


def test_an_environment_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installer = Installer(tmp_path / "v", monkeypatch)
    installer.set_up("dev")
    once = list(installer.installed)
    installer.set_up("dev")
    installer.set_up("core")

    assert installer.made == 1
    assert installer.installed == once
    assert once[0] == f"--require-hashes --requirement {claims.REQUIREMENTS / 'py312-dev.txt'}"
    assert once[1].endswith(f"--requirement {claims.REQUIREMENTS / 'build.txt'}")
    assert once[2] == f"--no-deps --no-build-isolation --editable {claims.ROOT} PYTHONPATH"


def test_the_core_is_completed_for_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installer = Installer(tmp_path / "v", monkeypatch)
    installer.set_up("core")
    installer.set_up("dev")

    assert installer.made == 1
    assert [text for text in installer.installed if "hashes" in text and "target" not in text] == [
        f"--require-hashes --requirement {claims.REQUIREMENTS / name}" for name in ("py312.txt", "py312-dev.txt")
    ]


def test_an_environment_is_made_anew_when_the_requirements_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installer = Installer(tmp_path / "v", monkeypatch)
    installer.set_up("core")
    monkeypatch.setattr(environment, "digest", lambda kind, version: "another")
    installer.set_up("core")

    assert installer.made == 2


def test_a_set_up_that_failed_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installer = Installer(tmp_path / "v", monkeypatch)
    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(environment, "pip", lambda inner, *arguments: (_ for _ in ()).throw(KeyboardInterrupt))
        installer.set_up("core")
    installer.set_up("core")

    assert installer.made == 2
    assert len(installer.installed) == 3


def test_a_python_without_a_lock_is_named_and_what_fits_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    installer = Installer(tmp_path / "v", monkeypatch, version="3.99.1")
    installer.set_up("dev")

    said = capsys.readouterr().out
    assert "not tested on Python 3.99" in said
    assert ", ".join(claims.claimed_pythons()) in said
    assert installer.installed == [
        f"--upgrade {environment.NEW_PIP}",
        f"--group dev --editable {claims.ROOT}",
    ]
