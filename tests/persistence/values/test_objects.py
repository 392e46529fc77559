"""Objects of user classes: kept by name and fields where that is all they are, rebuilt without their code."""

from __future__ import annotations

import collections
import copyreg
import enum
import sys
import textwrap
import types
from dataclasses import InitVar, dataclass, field
from functools import cached_property
from typing import Generic, NamedTuple, TypeVar

import pytest

from cuebook.persistence.values import ValueDecoder, ValueEncoder
from cuebook.persistence.values.placeholders import Opaque, Unresolved
from tests.persistence.values.script_classes import Color, Point
from tests.support.ids import shown

pytestmark = pytest.mark.quick


PLAIN = ValueEncoder(pickle=False)


PICKLING = ValueEncoder()


READER = ValueDecoder()


DISTRUSTING = ValueDecoder(trusted=False)


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Frozen:
    x: int
    derived: int = field(init=False, default=7)


@dataclass
class Lazy:
    x: int
    seed: InitVar[int] = 0
    unset: int = field(init=False)

    def __post_init__(self, seed):
        assert seed != 99, "decoding runs no code of the class"

    @cached_property
    def double(self):
        return 2 * self.x


@dataclass(order=True, kw_only=True)
class Child(Point, Generic[T]):
    z: int = 3


@dataclass
class SlottedParent:
    __slots__ = ("x",)
    x: int


@dataclass
class Mixed(SlottedParent):
    y: int = 0


class Level(enum.IntEnum):
    LOW = 1


class Permission(enum.Flag):
    READ = 1
    WRITE = 2


class Text(str, enum.Enum):  # noqa: UP042
    A = "a"


Row = collections.namedtuple("Row", "a b")  # noqa: PYI024


class Typed(NamedTuple):
    x: int
    y: tuple = ()


class Outer:
    class Inner(NamedTuple):
        x: int


OBJECTS = [
    Point(1, [Point(2)]),
    Frozen(1),
    Child(x=1, z=2),
    Mixed(1, 2),
    Color.RED,
    Color.BLUE,
    Color.NAN,
    Color.OBJECT,
    Level.LOW,
    Permission.READ,
    Permission.READ | Permission.WRITE,
    Permission(0),
    Text.A,
    Row(1, (2,)),
    Typed(1),
    Outer.Inner(3),
    {Frozen(1): {Color.RED: Level.LOW}},
]


@pytest.mark.parametrize("value", OBJECTS, ids=lambda value: shown(value, 40))
def test_dataclasses_enums_and_named_tuples_are_kept_without_pickle(value):
    back = READER.decode(PLAIN.encode(value))
    assert type(back) is type(value)
    assert back == value
    assert repr(back) == repr(value)
    if isinstance(value, enum.Enum):
        assert back is value


def test_everything_that_an_instance_holds_is_kept_and_none_of_its_code_runs():
    value = Lazy(2, 5)
    value.extra = (1,)
    assert value.double == 4
    back = READER.decode(PLAIN.encode(value))
    assert back.__dict__ == value.__dict__ == {"x": 2, "extra": (1,), "double": 4}
    assert not hasattr(back, "unset")


@dataclass
class Custom:
    x: int

    def __reduce__(self):
        return Custom, (self.x + 1,)


@dataclass
class Registered:
    x: int


@dataclass
class ListLike(list):
    x: int = 0


@dataclass
class Mangled:
    __slots__ = ("__hidden", "x")
    x: int


def test_classes_that_decide_themselves_what_is_kept_are_pickled():
    copyreg.pickle(Registered, lambda value: (Registered, (value.x + 1,)))
    try:
        assert READER.decode(PICKLING.encode(Custom(1))) == Custom(2)
        assert READER.decode(PICKLING.encode(Registered(1))) == Registered(2)
    finally:
        del copyreg.dispatch_table[Registered]
    value = ListLike(3)
    value.append(1)
    back = READER.decode(PICKLING.encode(value))
    assert (list(back), back.x) == ([1], 3)
    assert type(DISTRUSTING.decode(PICKLING.encode(Mangled(1)))) is Opaque


class Noted(Row):
    pass


def test_a_named_tuple_with_attributes_keeps_them():
    value = Noted(1, 2)
    value.note = "kept"
    assert READER.decode(PICKLING.encode(value)).note == "kept"
    assert type(READER.decode(PLAIN.encode(Noted(1, 2)))) is Noted


def test_local_classes_are_kept_by_value():
    @dataclass
    class Local:
        x: int

    back = READER.decode(PICKLING.encode(Local(3)))
    assert back == Local(3)


@pytest.fixture
def module():
    """A module that can change between writing and reading."""
    module = types.ModuleType("changing_module")
    sys.modules["changing_module"] = module
    yield module
    sys.modules.pop("changing_module", None)


def define(module, code):
    module.__dict__.pop("Thing", None)
    exec(textwrap.dedent(code), module.__dict__)
    return module.Thing


def test_a_class_that_is_gone_becomes_a_readable_placeholder(module):
    thing = define(module, "from dataclasses import dataclass\n@dataclass\nclass Thing:\n    x: int")
    data = PLAIN.encode([thing(1), 2])
    del module.Thing
    placeholder, two = ValueDecoder().decode(data)
    assert two == 2
    assert placeholder == Unresolved("changing_module", "Thing", {"x": 1})
    assert "changing_module.Thing(x=1)" in repr(placeholder)
    assert "Thing" in placeholder.reason
    del sys.modules["changing_module"]
    assert type(ValueDecoder().decode(data)[0]) is Unresolved


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        ("@dataclass\nclass Thing:\n    x: int", "Thing(1)", "@dataclass\nclass Thing:\n    y: int"),
        (
            "@dataclass\nclass Thing:\n    x: int",
            "Thing(1)",
            "@dataclass\nclass Thing:\n    x: int\n    y: int = 0",
        ),
        ("@dataclass\nclass Thing:\n    x: int", "Thing(1)", "class Thing:\n    pass"),
        ("@dataclass\nclass Thing:\n    x: int", "Thing(1)", "def Thing(): pass"),
        ("class Thing(Enum):\n    A = 1", "Thing.A", "class Thing(Enum):\n    B = 1"),
        ("class Thing(Enum):\n    A = 1", "Thing.A", "class Thing(Enum):\n    A = 2"),
        ("class Thing(Enum):\n    A = 1", "Thing.A", "class Thing(Enum):\n    A = True"),
        ("class Thing(Flag):\n    A = 1\n    B = 2", "Thing(3)", "class Thing(Flag):\n    A = 1"),
        ("class Thing(Enum):\n    A = 1", "Thing.A", "Thing = 3"),
        ("Thing = namedtuple('Thing', 'a b')", "Thing(1, 2)", "Thing = namedtuple('Thing', 'b a')"),
        ("Thing = namedtuple('Thing', 'a b')", "Thing(1, 2)", "Thing = tuple"),
        ("class Thing:\n    pass", "Thing()", "Thing = None"),
    ],
)
def test_a_class_that_has_changed_never_gives_a_wrong_value(module, before, value, after):
    imports = "from dataclasses import dataclass\nfrom enum import Enum, Flag\nfrom collections import namedtuple\n"
    module.__dict__["__name__"] = "changing_module"
    define(module, imports + before)
    data = PICKLING.encode(eval(value, module.__dict__))
    define(module, imports + after)
    decoder = ValueDecoder()
    back = decoder.decode(data)
    assert type(back) is Unresolved, back
    assert (back.module, back.qualname) == ("changing_module", "Thing")
    assert back.reason
    assert decoder.placeholders == 1


def test_without_trust_no_module_is_imported_and_the_fields_are_shown(tmp_path, monkeypatch):
    name = "n" * len(__name__)
    (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    data = PLAIN.encode([Unresolved("m", "n", {}), Point(1, Color.RED), Row(1, 2)])
    data = data.replace(__name__.encode(), name.encode())
    monkeypatch.syspath_prepend(tmp_path)
    _, point, row = DISTRUSTING.decode(data)
    assert type(point) is type(row) is Unresolved
    assert point.fields["x"] == 1
    assert point.fields["y"].fields == {"name": "RED", "value": 1}
    assert row.fields == {"a": 1, "b": 2}
    with pytest.raises(SystemExit):
        READER.decode(data)


def test_what_a_user_module_raises_on_import_is_the_reason_of_the_placeholder(tmp_path, monkeypatch):
    name = "m" * len(__name__)
    (tmp_path / f"{name}.py").write_text("raise RuntimeError('no licence')")
    monkeypatch.syspath_prepend(tmp_path)
    data = PLAIN.encode(Row(1, 2)).replace(__name__.encode(), name.encode())
    assert "no licence" in ValueDecoder().decode(data).reason
