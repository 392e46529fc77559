"""Classes of every kind that go by value are in another process what they are here.

Each program is run here and, its function sent by value, in a fresh interpreter; both have to answer the same.
"""

from __future__ import annotations

import enum
import pickle
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from cuebook.persistence.values.pickling.by_value import dumps
from tests.support.future import write_future_cloudpickle

ROOT = Path(__file__).resolve().parents[3]

KINDS = {
    "layout of bytes": """
        LAYOUT = struct.Struct("<ih")
        def f(): return LAYOUT.pack(1, 2), LAYOUT.size, LAYOUT.format
    """,
    "enum with an alias": """
        class E(enum.Enum):
            A = 1
            B = 2
            C = 1
        def f(): return E.C is E.A, list(E), list(E.__members__), E(1), E["C"].name, len(E), E.B in E
    """,
    "enum with __init__": """
        class E(enum.Enum):
            A = (1, 2)
            B = (3, 4)
            def __init__(self, x, y): self.x, self.y = x, y
            @property
            def sum(self): return self.x + self.y
        def f(): return E.B.sum, E.A.x, E((1, 2)) is E.A, E.A.value
    """,
    "enum with __new__": """
        class E(enum.Enum):
            A = ("a", 2)
            B = ("b", 3)
            def __new__(cls, text, number):
                made = object.__new__(cls)
                made._value_ = text
                made.number = number
                return made
        def f(): return E("b") is E.B, E.B.number, E.A.value
    """,
    "enum with auto and a generator of values": """
        class E(enum.Enum):
            def _generate_next_value_(name, start, count, last): return name.lower()
            A = enum.auto()
            B = enum.auto()
        def f(): return E.A.value, E("b").name
    """,
    "enum with _missing_": """
        class E(enum.Enum):
            A = 1
            @classmethod
            def _missing_(cls, value): return cls.A
        def f(): return E(17) is E.A
    """,
    "enum of unhashable values": """
        class E(enum.Enum):
            A = [1]
            B = {"x": 1}
        def f(): return E([1]) is E.A, E.B.value
    """,
    "enum with methods, a static one and a class one": """
        class E(enum.Enum):
            A = 1
            B = 2
            def double(self): return self.value * 2
            @staticmethod
            def three(): return 3
            @classmethod
            def first(cls): return cls.A
            def __str__(self): return f"<{self.name}>"
        def f(): return E.B.double(), E.three(), E.first() is E.A, str(E.A), f"{E.A}", repr(E.A)
    """,
    "enum that is an int": """
        class E(enum.IntEnum):
            A = 1
            B = 5
        def f(): return E.B + 1, E.A < E.B, sorted(E, reverse=True), json.dumps(E.B), [10, 20][E.A], type(E.A) is E
    """,
    "enum that is a str": """
        class E(str, enum.Enum):
            A = "a"
            B = "b"
        def f(): return E.B.upper(), E("a") is E.A, {"a": 1}[E.A], json.dumps(E.A)
    """,
    "StrEnum": """
        class E(enum.StrEnum):
            A = enum.auto()
            B = "other"
        def f(): return E.A == "a", f"{E.B}", E("other").name
    """,
    "enum that is a date": """
        class E(datetime.date, enum.Enum):
            A = (2020, 1, 2)
        def f(): return E.A.year, E.A.isoformat(), E.A == datetime.date(2020, 1, 2)
    """,
    "enum of a dataclass": """
        @dataclasses.dataclass(frozen=True)
        class Size:
            w: int
            h: int = 2
        class E(Size, enum.Enum):
            A = 1
            B = 3, 4
        def f(): return E.B.w, E.A.h, [e.name for e in E]
    """,
    "enum whose members are functions and members by decorator": """
        class E(enum.Enum):
            A = enum.member(lambda x: x + 1)
            K = enum.nonmember(7)
        def f(): return E.A.value(2), E.K, len(E)
    """,
    "enum with a base of methods": """
        class Named:
            def loud(self): return self.name.upper()
        class E(Named, enum.Enum):
            a = 1
        def f(): return E.a.loud()
    """,
    "enum that is abstract, too": """
        class Meta(abc.ABCMeta, enum.EnumMeta): pass
        class Shape(abc.ABC):
            @abc.abstractmethod
            def area(self): ...
        class E(Shape, enum.Enum, metaclass=Meta):
            A = 2
            def area(self): return self.value ** 2
        def f(): return E.A.area(), isinstance(E.A, Shape)
    """,
    "enum by the functional interface": """
        E = enum.Enum("E", "A B", start=5)
        def f(): return E.B.value, [e.name for e in E]
    """,
    "flag with composites, zero and aliases": """
        class P(enum.Flag):
            NONE = 0
            R = 1
            W = 2
            X = 4
            RW = 3
            WRITE = 2
        def f():
            return (P.RW is (P.R | P.W), P.NONE.name, bool(P.NONE), P.WRITE is P.W, list(P), list(P.RW), (P.R | P.X).value,
                    (~P.R).value, P(7).name, P.RW.name, P.R in P.RW, list(P.__members__), repr(P.R | P.X))
    """,
    "flag, a composite of which was made here": """
        class P(enum.Flag):
            A = 1
            B = 4
        MADE = P.A | P.B
        def f(): return MADE is (P.A | P.B), MADE.value, repr(MADE), MADE.name
    """,
    "flag that keeps unknown bits": """
        class P(enum.Flag, boundary=enum.KEEP):
            A = 1
        def f(): return P(8 | 1).value, P.A | P(8) == P(9)
    """,
    "IntFlag": """
        class P(enum.IntFlag):
            R = 4
            W = 2
        def f(): return (P.R | P.W) + 1, P(8).value, P.R & 7, isinstance(P.R | P.W, P)
    """,
    "a member alone": """
        class E(enum.Enum):
            A = 1
            def again(self): return type(self).A is self
        MEMBER = E.A
        def f(x=MEMBER): return x.again(), x is MEMBER, x is type(x).A
    """,
    "class with slots": """
        class C:
            __slots__ = ("a", "__b")
            def __init__(self): self.a, self.__b = 1, 2
            def sum(self): return self.a + self.__b
        def f(): return C().sum(), hasattr(C(), "__dict__"), C.__slots__
    """,
    "class with slots for weak references and a dict": """
        class C:
            __slots__ = ("x", "__weakref__")
        class D(C):
            __slots__ = ("__dict__",)
        def f():
            c, d = C(), D()
            d.y = 3
            return weakref.ref(c)() is c, d.y, hasattr(c, "__dict__"), weakref.ref(d)() is d
    """,
    "class with slots without weak references": """
        class C:
            __slots__ = ()
        def f():
            try:
                weakref.ref(C())
            except TypeError:
                return "none"
    """,
    "class whose slots are documented": """
        class C:
            __slots__ = {"x": "the x"}
        def f(): return C.__slots__, inspect.getdoc(C.x)
    """,
    "slots in a chain": """
        class A:
            __slots__ = ("a",)
        class B(A):
            __slots__ = ("b",)
        class C(B): pass
        def f():
            c = C()
            c.a, c.b, c.c = 1, 2, 3
            return vars(c), c.a
    """,
    "abstract class": """
        class A(abc.ABC):
            @property
            @abc.abstractmethod
            def x(self): ...
        class B(A):
            x = 3
        def f():
            try:
                A()
            except TypeError as error:
                return "abstract" in str(error), B().x, isinstance(B(), A)
    """,
    "virtual subclasses": """
        class A(abc.ABC): pass
        class B: pass
        A.register(B)
        A.register(int)
        def f(): return isinstance(B(), A), isinstance(3, A), isinstance("", A)
    """,
    "generic class": """
        T = typing.TypeVar("T")
        K = typing.TypeVar("K", bound=int)
        class Box(typing.Generic[T, K]):
            def __init__(self, x: T) -> None: self.x = x
        class Ints(Box[int, int]): pass
        def f():
            return (Box[str, int]("a").x, Box.__parameters__ == (T, K), Ints(3).x, Ints.__orig_bases__[0].__args__,
                    typing.get_origin(Box[int, int]) is Box)
    """,
    "generic class over parameters": """
        P = typing.ParamSpec("P")
        Ts = typing.TypeVarTuple("Ts")
        class Task(typing.Generic[P]):
            def run(self, *args: P.args, **kwargs: P.kwargs) -> int: return len(args)
        class Row(typing.Generic[typing.Unpack[Ts]]): pass
        def f(): return Task().run(1, 2), Task.__parameters__[0].__name__, Row[int, str].__args__
    """,
    "new type": """
        UserId = typing.NewType("UserId", int)
        def f(x: UserId = UserId(3)): return UserId(4), UserId.__supertype__, UserId.__name__
    """,
    "protocol": """
        @typing.runtime_checkable
        class Sized(typing.Protocol):
            size: int
            def measure(self) -> int: ...
        class Thing:
            size = 3
            def measure(self): return 3
        class Own(Sized):
            size = 1
            def measure(self): return super().measure() or 4
        def f():
            try:
                Sized()
            except TypeError:
                return isinstance(Thing(), Sized), isinstance(3, Sized), Own().measure(), Sized._is_protocol
    """,
    "named tuple": """
        class P(typing.NamedTuple):
            a: int
            b: str = "x"
            def sum(self): return self.a + 1
        def f(): return P(1), P(1)._asdict(), P(1).sum(), P._field_defaults, P(1)._replace(a=4), P._make([1, 2]), P(5).a
    """,
    "generic named tuple": """
        T = typing.TypeVar("T")
        class P(typing.NamedTuple, typing.Generic[T]):
            a: T
        def f(): return P(3).a, P[int](4)
    """,
    "namedtuple": """
        P = collections.namedtuple("P", "a b", defaults=[3])
        class Q(P):
            __slots__ = ()
            def sum(self): return self.a + self.b
        def f(): return P(1), Q(1).sum(), Q._fields, hasattr(Q(1), "__dict__")
    """,
    "typed dict": """
        class D(typing.TypedDict, total=False):
            a: int
        class E(D):
            b: typing.Required[str]
        def f(): return D(a=1), E.__required_keys__, E.__optional_keys__, E.__total__, typing.get_type_hints(D)
    """,
    "dataclass with every switch": """
        @dataclasses.dataclass(frozen=True, slots=True, kw_only=True, order=True)
        class P:
            a: int
            b: list = dataclasses.field(default_factory=list, compare=False)
            c: typing.ClassVar[int] = 7
            d: int = 4
        def f():
            p = P(a=1)
            try:
                p.a = 3
            except dataclasses.FrozenInstanceError:
                return (p, dataclasses.replace(p, d=5), P(a=1) < P(a=2), p.b, P.c, hash(P(a=1, d=2)) == hash(P(a=1, d=2)),
                        hasattr(p, "__dict__"), [x.name for x in dataclasses.fields(P)], copy.copy(p) == p)
    """,
    "dataclass whose fields are looked at and inherited": """
        @dataclasses.dataclass
        class P:
            a: int
            b: dataclasses.InitVar[int] = 3
            _: dataclasses.KW_ONLY = None
            c: int = 1
            def __post_init__(self, b): self.a += b
        def f():
            @dataclasses.dataclass
            class Q(P):
                d: int = 9
            missing = [x.default is dataclasses.MISSING for x in dataclasses.fields(P)]
            return P(1), Q(1), missing, [x.default_factory is dataclasses.MISSING for x in dataclasses.fields(P)]
    """,
    "properties of a class of one's own": """
        class loud(property):
            def __get__(self, obj, owner=None):
                got = super().__get__(obj, owner)
                return got if got is self else str(got).upper()
        class unlike(property):
            def __init__(self, name):
                super().__init__(lambda self: name)
                self.name = name
        class C:
            @loud
            def x(self): return "x"
            y = unlike("why")
        def f(): return C().x, C().y, C.y.name, isinstance(C.x, loud)
    """,
    "static and class methods of classes of one's own": """
        class counted(staticmethod): pass
        class known(classmethod):
            def __init__(self, function):
                super().__init__(function)
                self.extra = 5
        class C:
            @counted
            def s(x): return x + 1
            @known
            def c(cls): return cls.__name__
        def f(): return C.s(1), C.c(), C.__dict__["c"].extra
    """,
    "cached properties": """
        class mine(functools.cached_property): pass
        class C:
            @functools.cached_property
            def x(self): return [1]
            @mine
            def y(self): return [2]
        def f():
            c = C()
            return c.x is c.x, c.y is c.y, sorted(vars(c))
    """,
    "generic methods and caches": """
        class C:
            @functools.singledispatchmethod
            def kind(self, x): return "any"
            @kind.register
            def _(self, x: int): return "int"
            @functools.lru_cache(maxsize=3)
            def slow(self): return []
            half = functools.partialmethod(pow, 2)
        def f():
            c = C()
            return c.kind(""), c.kind(3), c.slow() is c.slow()
    """,
    "descriptors that are told their name": """
        NAMES = []
        class Field:
            def __set_name__(self, owner, name):
                self.name, self.owner = name, owner
                NAMES.append(name)
            def __get__(self, obj, owner=None): return self if obj is None else obj.__dict__.get(self.name, 0)
            def __set__(self, obj, value): obj.__dict__[self.name] = value * 2
        class C:
            x = Field()
        def f():
            c = C()
            c.x = 4
            return c.x, C.x.owner is C, C.x.name, NAMES
    """,
    "a base that keeps a register of subclasses": """
        class Base:
            known = {}
            def __init_subclass__(cls, *, key, **more):
                super().__init_subclass__(**more)
                Base.known[key] = cls
                cls.key = key
        class A(Base, key="a"): pass
        class B(A, key="b"): pass
        def f(): return sorted(Base.known), Base.known["b"] is B, A.key, B.key, len(Base.__subclasses__())
    """,
    "a subclass alone of such a base": """
        class Base:
            def __init_subclass__(cls, *, key): cls.key = key
        class A(Base, key="a"): pass
        def f():
            class C(A, key="c"): pass
            return A.key, C.key
    """,
    "metaclass": """
        class Meta(type):
            made = []
            def __new__(mcls, name, bases, scope, *, tag):
                made = super().__new__(mcls, name, bases, {**scope, "tag": tag})
                mcls.made.append(name)
                return made
            def __init__(cls, name, bases, scope, *, tag): super().__init__(name, bases, scope)
            def __len__(cls): return 5
            def __setattr__(cls, name, value): raise AttributeError(name)
            @property
            def shout(cls): return cls.__name__.upper()
        class C(metaclass=Meta, tag="t"):
            x = 1
        def f(): return C.tag, len(C), C.shout, Meta.made, type(C) is Meta, C().x
    """,
    "metaclass that counts its instances and is abstract": """
        class Single(abc.ABCMeta):
            def __init__(cls, *args):
                super().__init__(*args)
                cls._one = None
            def __call__(cls, *args):
                if cls._one is None:
                    cls._one = super().__call__(*args)
                return cls._one
        class C(metaclass=Single):
            def __init__(self): self.x = 1
            @classmethod
            def __subclasshook__(cls, other): return hasattr(other, "quack")
        class Duck:
            def quack(self): ...
        def f(): return C() is C(), issubclass(Duck, C)
    """,
    "class with __class_getitem__ and __prepare__": """
        class Meta(type):
            @classmethod
            def __prepare__(mcls, name, bases): return collections.OrderedDict(first=0)
        class C(metaclass=Meta):
            def __class_getitem__(cls, item): return (cls.__name__, item)
        def f(): return C[3], C.first
    """,
    "exceptions": """
        class Failed(Exception):
            def __init__(self, code, *, why="?"):
                super().__init__(f"failed with {code}")
                self.code, self.why = code, why
        class Group(ExceptionGroup):
            def derive(self, excs): return Group(self.message, excs)
        def f():
            try:
                raise Failed(3, why="x")
            except Failed as error:
                return error.code, error.why, str(error), len(Group("g", [error]).exceptions)
    """,
    "subclasses of built-in types": """
        class Ints(list):
            def sum(self): return sum(self)
        class Text(str):
            __slots__ = ()
            def loud(self): return self.upper()
        class Default(dict):
            def __missing__(self, key): return key * 2
        class Big(int):
            def __new__(cls, x): return super().__new__(cls, x * 10)
        WORDS = Text("abc")
        def f(): return Ints([1, 2]).sum(), Text("a").loud(), Default()[2], Big(3), WORDS.loud()
    """,
    "super, __class__ and mangled names": """
        class A:
            def who(self): return "A"
            def __secret(self): return 1
            def tell(self): return self.__secret()
        class B(A):
            def who(self): return super().who() + __class__.__name__
        class C(B, A): pass
        def f(): return C().who(), C().tell(), [k.__name__ for k in C.__mro__]
    """,
    "nested and local classes": """
        class Outer:
            class Inner:
                class Deep:
                    x = 1
        def make():
            class Local:
                def me(self): return Local
            return Local
        Made = make()
        def f(): return Outer.Inner.Deep.x, Outer.Inner.Deep.__qualname__, Made().me() is Made, Made.__qualname__
    """,
    "classes that know each other": """
        class A:
            def other(self): return B()
        class B:
            a = A()
            def other(self): return A()
        A.b = B
        A.self = A
        def f(): return type(A().other()) is B, type(B().other()) is A, A.b is B, type(B.a) is A, A.self is A
    """,
    "class with __getattr__ of its metaclass, no module, a doc": """
        class Meta(type):
            def __getattr__(cls, name): return f"no {name}"
        class C(metaclass=Meta):
            "doc of C"
            __module__ = "nowhere"
        def f(): return C.x, C.__doc__, C.__module__
    """,
    "hash and comparison": """
        class C:
            def __init__(self, x): self.x = x
            def __eq__(self, other): return self.x == other.x
        class D(C):
            def __hash__(self): return 1
        def f(): return C(1) == C(1), C.__hash__, hash(D(1)), {D(1): 2}[D(1)]
    """,
    "annotations": """
        class C:
            x: int
            y: "C" = None
            z: list[int]
        def f(): return C.__annotations__["x"], sorted(C.__annotations__), str(C.__annotations__["z"])
    """,
    "weak registers": """
        class C:
            pass
        KEPT = [C(), C()]
        WEAK = weakref.WeakSet(KEPT)
        KEYS = weakref.WeakKeyDictionary({k: n for n, k in enumerate(KEPT)})
        VALUES = weakref.WeakValueDictionary({n: k for n, k in enumerate(KEPT)})
        def f(): return len(WEAK), KEYS[KEPT[1]], VALUES[0] is KEPT[0]
    """,
    "sentinels of modules": """
        from dataclasses import MISSING
        from helpers import NOTHING, UNSET, Unset
        def f(x=NOTHING, y=UNSET):
            import helpers
            return x is helpers.NOTHING, y is helpers.UNSET, MISSING is dataclasses.MISSING, helpers.given(NOTHING)
    """,
    "a register in an imported module": """
        import helpers
        class Mine(helpers.Plugin):
            kind = "mine"
        class Other(helpers.Keyed, key="k"):
            pass
        def f(): return helpers.PLUGINS["mine"] is Mine, Mine.registered, Other.key
    """,
    "a metaclass in an imported module": """
        import helpers
        class Mine(metaclass=helpers.Counting):
            x = 1
        def f(): return helpers.Counting.made, Mine.x, type(Mine) is helpers.Counting
    """,
    "structures of ctypes": """
        class P(ctypes.Structure):
            _fields_ = [("x", ctypes.c_int), ("y", ctypes.c_double)]
            def sum(self): return self.x + self.y
        def f(): return P(1, 2.5).sum(), ctypes.sizeof(P)
    """,
}

HELPERS = """
NOTHING = object()
class Unset: pass
UNSET = Unset()
def given(x): return x is not NOTHING
PLUGINS = {}
class Plugin:
    def __init_subclass__(cls, **more):
        super().__init_subclass__(**more)
        PLUGINS[cls.kind] = cls
        cls.registered = True
class Keyed:
    def __init_subclass__(cls, *, key):
        cls.key = key
class Counting(type):
    made = 0
    def __init__(cls, *args):
        super().__init__(*args)
        Counting.made += 1
"""

PROGRAM = """
import abc, collections, copy, ctypes, dataclasses, datetime, enum, functools, inspect, json, struct
import subprocess, sys, typing, weakref
from cuebook.persistence.values.pickling.by_value import dumps
{body}
if __name__ == "__main__":
    child = "import sys, pickle; f = pickle.load(sys.stdin.buffer); print(f())"
    print(f())
    sys.stdout.flush()
    subprocess.run([sys.executable, "-c", child], input=dumps(f), check=True)
    subprocess.run([sys.executable, "-c", child], input=dumps(f), check=True)
"""


def both(folder: Path, body: str, environment: dict[str, str] | None = None) -> list[str]:
    """What the program's f() gives in it, and in two other processes."""
    (folder / "helpers.py").write_text(HELPERS)
    return run_program(folder, PROGRAM.replace("{body}", textwrap.dedent(body)), environment)


def run_program(folder: Path, text: str, environment: dict[str, str] | None = None) -> list[str]:
    """The lines that a program prints."""
    (folder / "program.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "program.py"],
        cwd=folder,
        env={"PYTHONPATH": f"{folder}:{ROOT}", "PYTHONHASHSEED": "3", **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("kind", KINDS)
def test_a_class_of_any_kind_is_in_another_process_what_it_is_here(kind: str, tmp_path: Path) -> None:
    here, *there = both(tmp_path, KINDS[kind])

    assert there == [here, here]


def test_a_class_that_comes_back_is_the_one_that_is_here_and_as_it_was() -> None:
    class Local:
        scale = 1

        def scaled(self, x: int) -> int:
            return x * self.scale

    sent = dumps(Local)
    method = Local.scaled
    Local.scale = 3

    assert pickle.loads(sent) is Local
    assert Local.scaled is method
    assert Local.scale == 3


CHANGED = """
class C:
    scale = 1
def f(): return C.scale
first, C.scale, C.later = dumps((f, C)), 2, 3
code = (
    "import pickle, sys; first, second = pickle.load(sys.stdin.buffer); f, one = pickle.loads(first); before = f();"
    "g, two = pickle.loads(second); print(before, one is two, f(), g(), one.later)"
)
import pickle
subprocess.run([sys.executable, "-c", code], input=pickle.dumps((first, dumps((f, C)))), check=True)
"""


def test_a_class_that_has_changed_since_is_changed_where_it_arrived(tmp_path: Path) -> None:
    assert run_program(tmp_path, PROGRAM.partition("{body}")[0] + CHANGED) == ["1 True 2 2 3"]


def test_a_member_of_an_enumeration_comes_back_as_the_one_that_is_here() -> None:
    class Color(enum.Enum):
        RED = 1

    class Perm(enum.Flag):
        R = 1
        W = 4

    back = pickle.loads(dumps([Color, Color.RED, Perm.R | Perm.W, Perm.R]))

    assert back == [Color, Color.RED, Perm.R | Perm.W, Perm.R]
    assert all(one is other for one, other in zip(back, [Color, Color.RED, Perm.R | Perm.W, Perm.R], strict=True))


READABLE = {
    "enum with an alias": ("E", "E.A.name, E(1) is E.C, list(E), list(E.__members__)"),
    "enum that is a str": ("E", "E('a') is E.A, E.B == 'b'"),
    "flag with composites, zero and aliases": ("P", "P(3).name, P.NONE.value, P.R | P.X"),
    "class with slots": ("C", "C.__name__, C.__slots__"),
    "dataclass with every switch": ("P", "P.c, P.__slots__, [x.name for x in P.__dataclass_fields__.values()]"),
}


@pytest.mark.parametrize("kind", READABLE)
def test_what_another_python_wrote_is_read_as_far_as_no_code_of_it_has_to_run(kind: str, tmp_path: Path) -> None:
    name, shown = READABLE[kind]
    definition = textwrap.dedent(KINDS[kind]).partition("def f()")[0]
    body = f"""{definition}
from cuebook.persistence.values.pickling import class_state, code_bytes
code_bytes.COMPILER = class_state.COMPILER = "cpython-399"
code = "import pickle, sys; {name} = pickle.load(sys.stdin.buffer); print({shown})"
print({shown}, flush=True)
subprocess.run([sys.executable, "-c", code], input=dumps({name}), check=True)
"""

    here, there = run_program(tmp_path, PROGRAM.partition("{body}")[0] + body)

    assert there == here


def test_no_form_of_a_class_depends_on_private_names_of_cloudpickle(tmp_path: Path) -> None:
    later = write_future_cloudpickle(tmp_path)
    for kind in ("class with slots", "flag with composites, zero and aliases", "generic methods and caches"):
        here, *there = both(tmp_path, KINDS[kind], {"PYTHONPATH": f"{tmp_path}:{later}:{ROOT}"})
        assert there == [here, here]
