"""What docs/relied-on.md lists is so on this Python, with these releases; and each row has a test that is there."""

from __future__ import annotations

import abc
import ast
import asyncio
import collections
import dataclasses
import enum
import functools
import importlib
import linecache
import logging
import re
import threading
import typing
from pathlib import Path

import pytest

from cuebook.persistence.identity.code import classes as class_identity
from cuebook.persistence.identity.values import forms as value_forms
from cuebook.persistence.identity.values.standard import STANDARD_FORMS
from cuebook.persistence.values.pickling.objects import HEAP_TYPE

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs" / "relied-on.md"


def rows() -> list[list[str]]:
    """The cells of each row."""
    lines = [
        line
        for line in TABLE.read_text().splitlines()
        if line.startswith("| ") and not line.startswith(("| what |", "| on |"))
    ]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]


def test_every_row_names_files_and_tests_that_are_there() -> None:
    assert len(rows()) > 10
    lost = []
    for what, where, _, tests in rows():
        for name in re.findall(r"`((?!tests/)\w+/[\w/]+\.py)`", f"{what} {where}"):
            if not (ROOT / "cuebook" / name).exists():
                lost.append(f"{what}: no cuebook/{name}")
        named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", tests)
        for path, test in named:
            if not (ROOT / path).exists() or (test and test not in functions_of(ROOT / path)):
                lost.append(f"{what}: no {path}::{test}")
        if not named:
            lost.append(f"{what}: no test")

    assert not lost, "\n".join(lost)


def functions_of(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


def test_abc_shows_what_was_registered() -> None:
    class Base(abc.ABC):
        pass

    Base.register(int)

    registry, *_ = abc._get_dump(Base)  # type: ignore[attr-defined]

    assert [each() for each in registry] == [int]


def test_abc_can_be_added_to_a_class() -> None:
    made = type.__new__(abc.ABCMeta, "Made", (), {"f": abc.abstractmethod(lambda self: None)})
    abc._abc_init(made)  # type: ignore[attr-defined]

    assert made.__abstractmethods__ == {"f"}
    assert not isinstance(3, made)


def test_a_flag_tells_built_in_types_from_others() -> None:
    class Mine(int):
        pass

    assert Mine.__flags__ & HEAP_TYPE
    assert not any(kind.__flags__ & HEAP_TYPE for kind in (object, int, dict, type, Exception))


@pytest.mark.parametrize("switches", [{"frozen": True, "slots": True}, {"slots": True}, {}])
def test_what_dataclass_brings_is_of_its_module(switches: dict[str, bool]) -> None:
    made = dataclasses.make_dataclass("Made", ["x"], **switches)

    for name in ("__getstate__", "__setstate__"):
        if name in made.__dict__:
            assert made.__dict__[name].__module__ == "dataclasses"
    assert ("__getstate__" in made.__dict__) == (switches == {"frozen": True, "slots": True})


def test_a_dataclass_says_what_it_is_made_of() -> None:
    @dataclasses.dataclass(order=True)
    class Made:
        x: int = 3

    assert list(Made.__dataclass_fields__) == ["x"]
    switches = [getattr(Made.__dataclass_params__, name) for name in class_identity._DATACLASS_SWITCHES]  # type: ignore[attr-defined]
    assert switches == [True, True, True, True, False, False]
    field = Made.__dataclass_fields__["x"]
    assert all(hasattr(field, name) for name in class_identity._DATACLASS_FIELD)
    assert type(dataclasses.MISSING).__name__ == "_MISSING_TYPE"


def test_an_exception_gives_its_arguments() -> None:
    class Failed(ValueError):
        pass

    for base, error in ((ValueError, Failed(1, 2)), (OSError, FileNotFoundError(2, "no", "name"))):
        cls, arguments, *_ = base.__reduce__(error)
        assert cls is type(error)
        assert arguments[:2] == error.args[:2]


KNOWN = {*value_forms._FAMILIES, *STANDARD_FORMS}
OF_OTHER_RELEASES = {("pathlib._local", "PurePath"), ("pandas", "DataFrame"), ("pandas", "Series"), ("pandas", "Index")}
"""Beside those that this Python, and this pandas, has."""
MADE = {
    ("builtins", "module"): abc,
    ("builtins", "code"): (lambda: None).__code__,
    ("_thread", "lock"): threading.Lock(),
    ("_thread", "RLock"): threading.RLock(),
    ("functools", "_lru_cache_wrapper"): functools.lru_cache(len),
}
"""Those that no module has under that name."""


@pytest.mark.parametrize(("module", "name"), sorted(KNOWN - OF_OTHER_RELEASES))
def test_classes_that_are_known_by_name_are_there(module: str, name: str) -> None:
    if (module, name) in MADE:
        kind = type(MADE[module, name])
        assert (kind.__module__, kind.__name__) == (module, name)
        return
    try:
        found = importlib.import_module(module)
    except ImportError:
        pytest.skip(f"{module} is not installed, or of another release")
    assert isinstance(getattr(found, name), type)


def test_what_python_adds_to_a_class_is_known() -> None:
    class Plain(enum.Enum):
        A = 1

    class Flags(enum.Flag):
        A = 1

    class Text(enum.StrEnum):
        A = "a"

    class Abstract(abc.ABC):
        pass

    pair = collections.namedtuple("pair", "a b")

    class Row(typing.NamedTuple):
        a: int

    for cls in (Plain, Flags, Text, Abstract, pair, Row):
        told = {name for name, _ in class_identity.class_members(cls)}
        assert not {name for name in told if name.startswith("_") and not name.startswith("__")} - FLAGS, cls


FLAGS = {"_boundary_", "_flag_mask_", "_singles_mask_", "_all_bits_", "_inverted_"}
"""They say what the flags are, and count."""


def test_sources_without_a_file_can_be_listed_and_set() -> None:
    linecache.cache["<a cell>"] = (2, None, ["x\n"], "<a cell>")
    try:
        linecache.checkcache()
        assert linecache.getlines("<a cell>") == ["x\n"]
        assert linecache.cache["<a cell>"] == (2, None, ["x\n"], "<a cell>")
    finally:
        del linecache.cache["<a cell>"]


def test_loggers_can_be_listed() -> None:
    logging.getLogger("cuebook.tests.listed")

    assert isinstance(logging.getLogger().manager.loggerDict["cuebook.tests.listed"], logging.Logger)


def test_a_task_may_be_left_without_a_word() -> None:
    async def work() -> None:
        task = asyncio.ensure_future(asyncio.sleep(0))
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        await task

    asyncio.run(work())
