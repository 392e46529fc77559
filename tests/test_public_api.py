"""The public names: sorted, there, documented, and loaded only when they are used."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import cuebook

pytestmark = pytest.mark.quick

ROOT = Path(__file__).resolve().parent.parent
NAMES = [name for name in cuebook.__all__ if not name.startswith("_")]


def test_all_is_sorted_and_without_repetition() -> None:
    """Upper case first, as sorted() has it."""
    assert cuebook.__all__ == sorted(set(cuebook.__all__))


@pytest.mark.parametrize("name", cuebook.__all__)
def test_every_public_name_resolves(name: str) -> None:
    """Also in a fresh namespace, as `from cuebook import *` has it."""
    assert getattr(cuebook, name) is not None


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_says_what_it_is(name: str) -> None:
    """A docstring of its own, not one that is inherited or made by a decorator."""
    thing = getattr(cuebook, name)
    text = thing.__doc__ or ""

    assert text.strip()
    assert not (inspect.isclass(thing) and text.startswith(f"{name}("))


@pytest.mark.parametrize("name", [name for name in NAMES if inspect.isclass(getattr(cuebook, name))])
def test_every_public_method_says_what_it_does(name: str) -> None:
    """Methods of public classes are public where their names are."""
    cls = getattr(cuebook, name)
    silent = [
        member
        for member, value in vars(cls).items()
        if not member.startswith("_") and inspect.isfunction(value) and not inspect.getdoc(value)
    ]

    assert silent == []


@pytest.mark.parametrize("name", [name for name in NAMES if inspect.isfunction(getattr(cuebook, name))])
def test_every_parameter_of_a_public_function_is_documented(name: str) -> None:
    """By its name, in the docstring."""
    function = getattr(cuebook, name)
    documented = function.__doc__ or ""
    if "any other keyword of `chunk()`" in documented:
        documented += cuebook.chunk.__doc__ or ""
    missing = [p for p in inspect.signature(function).parameters if p not in documented]

    assert missing == []


def test_every_error_is_in_one_tree() -> None:
    """`except CuebookError` catches whatever the library itself raises."""
    from cuebook import errors

    for name in errors.__all__:
        assert issubclass(getattr(cuebook, name), cuebook.CuebookError)


def test_dir_shows_the_public_names_and_an_unknown_one_is_an_attribute_error() -> None:
    """Completion offers what is meant for users."""
    assert dir(cuebook) == sorted(cuebook.__all__)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = cuebook.no_such_name


def test_the_version_is_the_packages() -> None:
    """One number, in two files that say the same."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert project["version"] == cuebook.__version__


def test_the_package_is_marked_as_typed() -> None:
    """Type checkers read the annotations of installed copies too."""
    assert (Path(cuebook.__file__).parent / "py.typed").exists()


def test_a_star_import_gives_all_names() -> None:
    """In a process of its own, so that nothing was loaded before."""
    program = "from cuebook import *; import cuebook; assert all(n in globals() for n in cuebook.__all__)"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


MOVED = {
    "Blockage", "CodecError", "Done", "Event", "Exit", "Job", "Ladder", "MalformedMessage", "MessageTooLarge", "TraceEvent",
    "TraceKind", "TreeNode", "UnknownMessage",
}  # fmt: skip
BEGINNERS = ["Actor", "ActorOptions", "Message", "PersistentActor", "Rejected", "Runtime", "message", "persist"]


@pytest.mark.parametrize("name", sorted(MOVED))
def test_what_has_left_the_star_is_imported_by_its_name_without_a_word(name: str) -> None:
    program = f"import warnings; warnings.simplefilter('error'); from cuebook import {name}; print({name}.__name__)"
    done = subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT, capture_output=True, text=True)

    assert name not in cuebook.__all__
    assert (done.stdout, done.stderr) == (f"{name}\n", "")


def test_a_star_import_leaves_users_their_own_names() -> None:
    names: dict[str, object] = {"Event": 1, "Done": 2, "Exit": 3, "Job": 4}
    exec("from cuebook import *", names)

    assert (names["Event"], names["Done"], names["Exit"], names["Job"]) == (1, 2, 3, 4)
    assert names.keys() >= set(BEGINNERS)


def test_what_is_seen_of_actors_is_in_a_module_of_its_own() -> None:
    from cuebook import tracing

    assert all(getattr(tracing, name) is getattr(cuebook, name) for name in tracing.__all__)
