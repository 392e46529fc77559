"""What is claimed, what is locked and what is written down agree."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import claims

PYPROJECT = claims.project()
README = (claims.ROOT / "README.md").read_text()


def test_the_oldest_python_that_is_tested_is_the_oldest_that_is_let_in() -> None:
    assert PYPROJECT["project"]["requires-python"] == f">={claims.claimed_pythons()[0]}"


def test_the_readme_names_the_pythons_that_are_tested() -> None:
    *others, last = claims.claimed_pythons()

    assert f"Python {', '.join(others)} or {last}" in README


def test_the_pythons_that_are_locked_are_those_that_are_claimed() -> None:
    newest = claims.claimed_pythons()[-1]
    (locked,) = PYPROJECT["tool"]["uv"]["environments"]

    assert f"python_version < '3.{int(newest.partition('.')[2]) + 1}'" in locked


def test_there_are_requirements_for_every_python_that_is_claimed_and_for_no_other() -> None:
    wanted = {claims.requirements_file(kind, version) for kind in claims.KINDS for version in claims.claimed_pythons()}
    wanted |= {claims.requirements_file(name, "") for name in claims.SHARED}

    assert set(claims.REQUIREMENTS.glob("*.txt")) == wanted


def test_what_builds_the_project_is_locked_with_it() -> None:
    assert PYPROJECT["dependency-groups"]["build"] == PYPROJECT["build-system"]["requires"]


@pytest.mark.parametrize("extra", PYPROJECT["project"]["optional-dependencies"])
def test_the_lowest_versions_of_an_extra_are_those_that_its_tests_are_run_with(extra: str) -> None:
    """`make test-lowest` installs the groups; an extra with a lower bound than its group would not be tested."""
    groups = PYPROJECT["dependency-groups"]

    for requirement in PYPROJECT["project"]["optional-dependencies"][extra]:
        assert requirement in [*groups["test"], *groups["dev"], *groups["cluster"]]


@pytest.mark.parametrize("kind", [*claims.KINDS, claims.TOOLS])
def test_an_environment_is_made_anew_when_what_it_is_made_from_changes(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "REQUIREMENTS", tmp_path)
    digests = [claims.digest(kind, "3.11.7")]
    for text in ("a==1", "a==2"):
        claims.requirements_file(kind, "3.11.7").write_text(text)
        digests.append(claims.digest(kind, "3.11.7"))
    changed = PYPROJECT | {"project": PYPROJECT["project"] | {"dependencies": []}}
    monkeypatch.setattr(claims, "project", lambda: changed)
    digests.append(claims.digest(kind, "3.11.7"))

    assert len(set(digests)) == 4


def test_an_environment_stays_when_settings_of_linters_change(monkeypatch: pytest.MonkeyPatch) -> None:
    before = claims.digest("dev", "3.11.7")
    monkeypatch.setattr(claims, "project", lambda: PYPROJECT | {"tool": PYPROJECT["tool"] | {"ruff": {}}})

    assert claims.digest("dev", "3.11.7") == before
