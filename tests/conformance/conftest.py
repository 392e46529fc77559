"""Every medium there is: the suites of this folder are asked of each. A further store has a line here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cuebook.persistence.stores.media import medium_of
from cuebook.persistence.stores.port import Medium, Store
from cuebook.testing.memory_medium import MemoryMedium

MakeMedium = Callable[[str], Medium]
"""A medium of a name, another one for each name; asked again for the same name it gives one of the same place."""


def _of_files(folder: Path) -> MakeMedium:
    return lambda name: medium_of(folder / name)


def _in_memory(folder: Path) -> MakeMedium:
    made: dict[str, MemoryMedium] = {}
    return lambda name: made.setdefault(name, MemoryMedium(None, folder / name))


MEDIA: dict[str, Callable[[Path], MakeMedium]] = {"sqlite": _of_files, "memory": _in_memory}


@pytest.fixture(params=MEDIA)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> MakeMedium:
    return MEDIA[request.param](tmp_path)


@pytest.fixture(params=MEDIA)
def make_other(request: pytest.FixtureRequest, tmp_path: Path) -> MakeMedium:
    """A second kind, for what goes from one to the other."""
    return MEDIA[request.param](tmp_path / "other")


@pytest.fixture
def medium(make: MakeMedium) -> Medium:
    found = make("a.cue")
    found.prepare()
    return found


@pytest.fixture
def store(medium: Medium) -> Store:
    return medium.store()
