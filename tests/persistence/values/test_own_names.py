"""Journals of earlier versions name what has moved within the library since."""

from __future__ import annotations

import sys

import pytest

import cuebook
from cuebook.persistence.values.pickling.names import Names
from cuebook.persistence.values.pickling.own_names import own_object
from cuebook.persistence.values.pickling.pickles import load_all

pytestmark = pytest.mark.quick

OF_MAIN = b"ccuebook.persistence.pickles\nclass_of_main\n(VScriptPoint\nNtR."
"""What version 0.1.0 wrote for a class of a script: a call of its own function, by the name that it had there."""
PUBLIC = b"ccuebook.runtime.supervision\nBackoff\n)R."


class ScriptPoint:
    """Stands for a class of a script."""


@pytest.fixture
def point_of_main(monkeypatch: pytest.MonkeyPatch) -> type:
    cls = type("ScriptPoint", (), {"__module__": "__main__"})
    monkeypatch.setattr(sys.modules["__main__"], "ScriptPoint", cls, raising=False)
    return cls


@pytest.mark.parametrize("names", [None, Names()])
def test_a_class_of_a_script_is_found_by_a_pickle_of_an_earlier_version(
    names: Names | None, point_of_main: type
) -> None:
    assert load_all(OF_MAIN, [], 1, names) == [point_of_main]


def test_an_old_pickle_takes_the_class_that_the_function_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names()
    monkeypatch.setattr(names, "class_of_main", lambda qualname: ScriptPoint)

    assert load_all(OF_MAIN, [], 1, names) == [ScriptPoint]


@pytest.mark.parametrize("names", [None, Names()])
def test_an_object_of_a_public_class_is_rebuilt_wherever_the_class_has_lived(names: Names | None) -> None:
    assert load_all(PUBLIC, [], 1, names) == [cuebook.Backoff()]


@pytest.mark.parametrize("name", sorted(set(cuebook.__all__) - {"__version__"}))
def test_every_public_name_is_found_under_a_module_that_is_gone(name: str) -> None:
    assert own_object("cuebook.runtime.of_an_earlier_version", name) is getattr(cuebook, name)
    assert Names().resolve("cuebook.runtime.of_an_earlier_version", name) is getattr(cuebook, name)


def test_a_name_of_ours_that_is_nothing_any_more_says_so() -> None:
    with pytest.raises(LookupError, match="of_an_earlier_version"):
        Names().resolve("cuebook.runtime.of_an_earlier_version", "Nothing")
    with pytest.raises(ImportError):
        own_object("cuebook.runtime.of_an_earlier_version", "Nothing")
