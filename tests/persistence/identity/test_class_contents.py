"""What counts of a class: all that it is at run time, also what a decorator or a metaclass takes out of it."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from cuebook.persistence.identity.fingerprint import fingerprint
from tests.support.workshop import Edit, Workshop, edits

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    made = Workshop(tmp_path)
    yield made
    made.close()


def check(shop: Workshop, edit: Edit) -> None:
    first, again, changed = shop.before_and_after(edit)

    assert first.digest == again.digest
    assert (first.digest != changed.digest) == edit.counts
    assert not [part for part in changed.opaque if "@" in part]


ATTRS = r"""
### default by a method
@attrs.define
class C:
    r: int = attrs.field()
    @r.default
    def _(self): return 11
def f(x): return C().r
### transformed fields
def transformed(cls, fields): return [each.evolve(default=11) for each in fields]
@attrs.define(field_transformer=transformed)
class C:
    r: int = 1
def f(x): return C().r
### default
@attrs.define
class C:
    r: int = 11
def f(x): return C().r
### factory
@attrs.define
class C:
    r: list = attrs.field(factory=lambda: [11])
def f(x): return C().r
### validator
def chk(i,a,v): return 11
@attrs.define
class C:
    r: int = attrs.field(default=1, validator=chk)
def f(x): return C().r
### converter
@attrs.define
class C:
    r: int = attrs.field(default=1, converter=lambda v: v+11)
def f(x): return C().r
### converter obj
@attrs.define
class C:
    r: int = attrs.field(default=1, converter=attrs.Converter(lambda v, s: v+11, takes_self=True))
def f(x): return C().r
### metadata
@attrs.define
class C:
    r: int = attrs.field(default=1, metadata={'q': 11})
def f(x): return C().r
### frozen: frozen=False -> frozen=True
@attrs.define(frozen=False)
class C:
    r: int = 1
def f(x): return C().r
### eq: eq=True -> eq=False
@attrs.define(eq=True)
class C:
    r: int = 1
def f(x): return C().r
### order: order=False -> order=True
@attrs.define(order=False)
class C:
    r: int = 1
def f(x): return C().r
### method in slots
@attrs.define
class C:
    r: int = 1
    def m(self): return 11
def f(x): return C().m()
### super in slots
@attrs.define
class B:
    r: int = 11
@attrs.define
class C(B):
    s: int = 2
    def m(self): return super().__init__()
def f(x): return C().r
### cached_property
import attrs, functools
@attrs.define
class C:
    r: int = 1
    @functools.cached_property
    def m(self): return 11
def f(x): return C().m
### nested
@attrs.define
class I:
    q: int = 11
@attrs.define
class C:
    r: I = attrs.field(factory=I)
def f(x): return C().r
### old attr.s
import attr
@attr.s
class C:
    r = attr.ib(default=11)
def f(x): return C().r
### comment (same)
@attrs.define
class C:
    r: int = 1 # 11
def f(x): return C().r
### instance attr (same)
@attrs.define
class C:
    r: int = 1
    s: int = 1
c=C(1, 11)
def f(x): return c.r
### instance attr read
@attrs.define
class C:
    r: int = 1
    s: int = 1
c=C(1, 11)
def f(x): return c.s
"""


@pytest.mark.parametrize("edit", edits(ATTRS, "import attrs, functools\n"))
def test_classes_of_attrs_count_by_their_fields(shop: Workshop, edit: Edit) -> None:
    pytest.importorskip("attrs")
    check(shop, edit)


PYDANTIC = r"""
### a model of version 1
from pydantic.v1 import BaseModel, validator
class C(BaseModel):
    r: int = 1
    @validator("r")
    def ck(cls, v): return v + 11
def f(x): return C().r
### a custom type
class T:
    @classmethod
    def __get_pydantic_core_schema__(cls, source, handler):
        from pydantic_core import core_schema
        return core_schema.no_info_plain_validator_function(lambda v: 11)
class C(BaseModel):
    r: T
def f(x): return C(r=x)
### default
class C(BaseModel):
    r: int = 11
def f(x): return C().r
### constraint: 110 -> 112
class C(BaseModel):
    r: int = Field(50, le=110)
def f(x): return C().r
### validator
class C(BaseModel):
    r: int = 1
    @field_validator('r')
    @classmethod
    def ck(cls, v): return v + 11
def f(x): return C().r
### validator mode: 'before' -> 'after'
class C(BaseModel):
    r: int = 1
    @field_validator('r', mode='before')
    @classmethod
    def ck(cls, v): return v + 11
def f(x): return C().r
### annotated validator
def ck(v): return v+11
class C(BaseModel):
    r: typing.Annotated[int, AfterValidator(ck)] = 1
def f(x): return C().r
### alias
class C(BaseModel):
    r: int = Field(1, alias='a11')
def f(x): return C().r
### private
class C(BaseModel):
    _r: int = PrivateAttr(11)
def f(x): return C()._r
### private plain
class C(BaseModel):
    _r: int = 11
def f(x): return C()._r
### config: 'allow' -> 'forbid'
class C(BaseModel):
    model_config = ConfigDict(extra='allow')
    r: int = 1
def f(x): return C().r
### nested
class I(BaseModel):
    q: int = 11
class C(BaseModel):
    r: I = I()
def f(x): return C().r.q
### nested no default
class I(BaseModel):
    q: int = 11
class C(BaseModel):
    r: I
def f(x): return C(**x).r.q
### nested list
class I(BaseModel):
    q: int = 11
class C(BaseModel):
    r: list[I]
def f(x): return C(**x).r
### factory
class C(BaseModel):
    r: list = Field(default_factory=lambda: [11])
def f(x): return C().r
### model_validator
class C(BaseModel):
    r: int = 1
    @model_validator(mode='after')
    def mv(self):
        self.r += 11
        return self
def f(x): return C().r
### computed
class C(BaseModel):
    r: int = 1
    @computed_field
    @property
    def c(self) -> int: return 11
def f(x): return C().model_dump()
### serializer
class C(BaseModel):
    r: int = 1
    @field_serializer('r')
    def se(self, v): return 11
def f(x): return C().model_dump()
### base
class B(BaseModel):
    r: int = 11
class C(B):
    s: int = 1
def f(x): return C().r
### dataclass
from pydantic.dataclasses import dataclass
@dataclass
class C:
    r: int = Field(11, gt=0)
def f(x): return C().r
### dataclass constraint: gt=0 -> gt=-5
from pydantic.dataclasses import dataclass
@dataclass
class C:
    r: int = Field(1, gt=0)
def f(x): return C().r
### generic
T=typing.TypeVar('T')
class B(BaseModel, typing.Generic[T]):
    r: T
    s: int = 11
C=B[int]
def f(x): return C(r=1).s
### classvar
class C(BaseModel):
    K: typing.ClassVar[int] = 11
def f(x): return C.K
### future
from __future__ import annotations
class I(BaseModel):
    q: int = 11
class C(BaseModel):
    r: I
def f(x): return C(**x)
### create_model
C=create_model('C', r=(int, 11))
def f(x): return C().r
### root
class C(RootModel[list[int]]):
    root: list[int] = [11]
def f(x): return C()
### type adapter
class I(BaseModel):
    q: int = 11
ta = TypeAdapter(list[I])
def f(x): return ta.validate_python(x)
### validate_call
@validate_call
def f(x: typing.Annotated[int, Field(gt=11)]): return x
### validate_call helper
@validate_call
def g(x: typing.Annotated[int, Field(gt=11)]): return x
def f(x): return g(x)
### same (same)
class C(BaseModel):
    r: int = 1
    @field_validator('r')
    @classmethod
    def ck(cls, v): return v
# 11
def f(x): return C().r
### settings instance
class S(BaseModel):
    r: int = 1
    q: int = 2
s=S(q=11)
def f(x): return s.q
"""


@pytest.mark.parametrize("edit", edits(PYDANTIC, "from pydantic import *\nimport typing\n"))
def test_models_of_pydantic_count_by_their_fields_and_decorators(shop: Workshop, edit: Edit) -> None:
    pytest.importorskip("pydantic")
    check(shop, edit)


MSGSPEC = r"""
### default
class C(msgspec.Struct):
    r: int = 11
def f(x): return C().r
### factory
class C(msgspec.Struct):
    r: list = msgspec.field(default_factory=lambda: [11])
def f(x): return C().r
### rename
class C(msgspec.Struct, rename={'r':'a11'}):
    r: int = 1
def f(x): return C().r
### tag
class C(msgspec.Struct, tag='a11'):
    r: int = 1
def f(x): return C().r
### constraint
class C(msgspec.Struct):
    r: typing.Annotated[int, msgspec.Meta(ge=11)] = 1
def f(x): return C().r
### nested
class I(msgspec.Struct):
    q: int = 11
class C(msgspec.Struct):
    r: I
def f(x): return C(I()).r
### frozen: frozen=False -> frozen=True
class C(msgspec.Struct, frozen=False):
    r: int = 1
def f(x): return C().r
### method
class C(msgspec.Struct):
    r: int = 1
    def m(self): return 11
def f(x): return C().m()
### decoder
class C(msgspec.Struct):
    r: int = 11
dec = msgspec.json.Decoder(C)
def f(x): return dec.decode(x)
"""


@pytest.mark.parametrize("edit", edits(MSGSPEC, "import msgspec, typing\n"))
def test_structs_of_msgspec_count_by_their_fields_and_settings(shop: Workshop, edit: Edit) -> None:
    pytest.importorskip("msgspec")
    check(shop, edit)


SQL = r"""
### hybrid property
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import *
class B(DeclarativeBase): pass
class C(B):
    __tablename__ = "t"
    id: Mapped[int] = mapped_column(primary_key=True)
    @hybrid_property
    def h(self): return 11
def f(x): return C().h
### sqlmodel default
from sqlmodel import *
SQLModel.metadata.clear(); SQLModel._sa_registry._class_registry.clear()
class C(SQLModel, table=True):
    id: int|None = Field(default=None, primary_key=True)
    r: int = 11
def f(x): return C().r
### sqlmodel tablename
from sqlmodel import *
SQLModel.metadata.clear(); SQLModel._sa_registry._class_registry.clear()
class C(SQLModel, table=True):
    __tablename__='a11'
    id: int|None = Field(default=None, primary_key=True)
def f(x): return C()
### sqlmodel index: index=False -> index=True
from sqlmodel import *
SQLModel.metadata.clear(); SQLModel._sa_registry._class_registry.clear()
class C(SQLModel, table=True):
    id: int|None = Field(default=None, primary_key=True)
    r: int = Field(1, index=False)
def f(x): return C()
### sqlmodel no change (same)
from sqlmodel import *
SQLModel.metadata.clear(); SQLModel._sa_registry._class_registry.clear()
class C(SQLModel, table=True):
    id: int|None = Field(default=None, primary_key=True)
    r: int = 1
# 11
def f(x): return C()
### sqlalchemy default
from sqlalchemy.orm import *
class B(DeclarativeBase): pass
class C(B):
    __tablename__='t'
    id: Mapped[int] = mapped_column(primary_key=True)
    r: Mapped[int] = mapped_column(default=11)
def f(x): return C()
"""


@pytest.mark.parametrize("edit", edits(SQL))
def test_mapped_classes_count_by_their_columns(shop: Workshop, edit: Edit) -> None:
    pytest.importorskip("sqlmodel")
    check(shop, edit)


PLAIN = r"""
### dataclass metadata
@dataclass
class C:
    r: int = field(default=1, metadata={'a': 11})
def f(x): return [q.metadata for q in dataclasses.fields(C)]
### dunder data
class C:
    __version__ = 11
def f(x): return C.__version__
### dunder tablename
class C:
    __tablename__ = 'a11'
def f(x): return C().__tablename__
### match args
class C:
    __match_args__ = ('a11',)
def f(x):
    match x:
        case C(1): return 2
### dunder all module
import edited_helper as hlp
def f(x): return hlp.__version__
# helper.py
__version__ = '11'
### slots
class C:
    __slots__ = ('a11',)
def f(x): return C()
### metaclass takes
class M(type):
    def __new__(m, n, b, ns):
        fs = {k: ns.pop(k) for k in list(ns) if k.startswith('f_')}
        c = super().__new__(m, n, b, ns)
        c.__fields__ = fs
        return c
class C(metaclass=M):
    f_a = 11
def f(x): return C.__fields__
### metaclass attr
class M(type):
    k = 11
class C(metaclass=M): pass
def f(x): return C.k
### init_subclass registry
class B:
    reg = {}
    def __init_subclass__(cls, **k): B.reg[cls.__name__] = cls
class C(B):
    def m(self): return 11
def f(x): return B.reg['C']().m()
### subclasses
class B: pass
class C(B):
    def m(self): return 11
def f(x): return B.__subclasses__()[0]().m()
### subclasses that a method asks for
class B:
    def all(self): return [each().m() for each in type(self).__subclasses__()]
class C(B):
    def m(self): return 1
class D(C):
    def m(self): return 11
def f(x): return B().all(), C().all()
### make_dataclass
C = dataclasses.make_dataclass("C", [("r", int, 11)])
def f(x): return C().r
### a class that is made at run time
import types
C = types.new_class("C", (), {}, lambda names: names.update(r=11))
def f(x): return C().r
### what was registered with an abstract class
import abc
class A(abc.ABC): pass
class C:
    def m(self): return 11
A.register(C)
def f(x): return isinstance(x, A)
### class decorator registry
REG = {}
def reg(c): REG[c.__name__] = c; return c
@reg
class C:
    def m(self): return 11
def f(x): return REG['C']().m()
### descriptor
class D:
    def __init__(s, v): s.v = v
    def __get__(s, o, t=None): return s.v
class C:
    d = D(11)
def f(x): return C().d
### typeddict
import typing
class T(typing.TypedDict, total=False):
    a11: int
def f(x): return T.__annotations__
### namedtuple hint
import typing
class T(typing.NamedTuple):
    a: int = 11
def f(x): return T()
### user _fields attr
class C:
    _fields = ['a11']
def f(x): return C._fields
### enum init
import enum
class E(enum.Enum):
    A = 1
    def __init__(s, v): s.w = v * 11
def f(x): return E.A.w
### enum alias: 11 -> 1
import enum
class E(enum.Enum):
    A = 1
    B = 11
def f(x): return list(E)
"""


@pytest.mark.parametrize("edit", edits(PLAIN, "import dataclasses\nfrom dataclasses import dataclass, field\n"))
def test_a_class_counts_by_what_it_is_at_run_time(shop: Workshop, edit: Edit) -> None:
    check(shop, edit)


HINTS = r"""
### hints plain (same)
def g(x: 'a11') -> int: return x
def f(x: 'b11', y=1) -> 'c11':
    z: 'd11' = 1
    return g(x)+z
### hints method (same)
class C:
    def m(self, x: 'a11') -> int: return x
def f(x): return C().m(x)
### hints read
import typing
def g(x: 'a11'): return x
def f(x): return typing.get_type_hints(g)
### hints read attr
def g(x: 'a11'): return x
def f(x): return g.__annotations__
### hints fields
@dataclass
class C:
    r: 'a11' = 1
def f(x): return C()
### hints lib wrapped
import functools, contextlib
@contextlib.contextmanager
def g(x: 'a11'): yield x
def f(x):
    with g(x) as y: return y
### field Annotated fn
import typing
def pos(v): return v > 11
@dataclass
class C:
    r: typing.Annotated[int, pos] = 1
def f(x): return C()
"""


@pytest.mark.parametrize("edit", edits(HINTS, "import dataclasses\nfrom dataclasses import dataclass, field\n"))
def test_hints_count_where_they_make_fields_or_are_read(shop: Workshop, edit: Edit) -> None:
    check(shop, edit)


DOCSTRINGS = r"""
### of a function that is read
def g(x): "11"
def f(x): return g.__doc__
### of a class that is read
class C: "11"
def f(x): return C.__doc__
### of the function itself
def f(x):
    "11"
    return f.__doc__
### of the module
"11"
def f(x): return __doc__
### of another module
import edited_helper as hlp
def f(x): return hlp.__doc__
# helper.py
"11"
### by inspect
import inspect
def g(x): "11"
def f(x): return inspect.getdoc(g)
### read by a helper
def g(x): "11"
def read(what): return what.__doc__
def f(x): return read(g)
### of what a decorator holds that reads it
def prompt(function):
    def asked(x): return function.__doc__, function(x)
    return asked
@prompt
def f(x):
    "11"
    return x
### beside one that is read (same)
def g(x): "1"
def unused(x): "11"
def f(x): return g.__doc__
### of code that reads none (same)
import contextlib
"11"
class C:
    "11"
    def run(self):
        "11"
        return 1
@contextlib.contextmanager
def g(x):
    "11"
    yield C().run()
def f(x):
    "11"
    with g(x) as y: return y
"""


@pytest.mark.parametrize("edit", edits(DOCSTRINGS))
def test_docstrings_count_where_they_are_read(shop: Workshop, edit: Edit) -> None:
    """As prompts are, and descriptions of tools."""
    check(shop, edit)


SECRET = "hunter2AAAAaaaaBBBBbbbb11"
WITH_SECRETS = {
    "plain": f"class C:\n    api_key = {SECRET!r}\n",
    "dataclass": f"import dataclasses\n@dataclasses.dataclass\nclass C:\n    api_key: str = {SECRET!r}\n",
    "named tuple": f"import typing\nclass C(typing.NamedTuple):\n    api_key: str = {SECRET!r}\n",
    "enum": f"import enum\nclass C(enum.Enum):\n    API_KEY = {SECRET!r}\n",
    "attrs": f"import attrs\n@attrs.define\nclass C:\n    api_key: str = {SECRET!r}\n",
    "pydantic": f"import pydantic\nclass C(pydantic.BaseModel):\n    api_key: str = {SECRET!r}\n    _token: str = {SECRET!r}\n",
    "msgspec": f"import msgspec\nclass C(msgspec.Struct):\n    api_key: str = {SECRET!r}\n",
    "a method": f"class C:\n    def m(self): return dict(token={SECRET!r})\n",
}


@pytest.mark.parametrize("name", WITH_SECRETS)
def test_a_default_under_a_secret_name_counts_and_is_shown_by_nobody(shop: Workshop, name: str) -> None:
    source = WITH_SECRETS[name] + "def f(x): return C\n"
    if name in ("attrs", "pydantic", "msgspec"):
        pytest.importorskip(name)
    found = fingerprint(shop.module(source).f)

    assert [part.label for part in found.parts if SECRET in part.detail] == []
    assert found.digest != fingerprint(shop.module(source.replace("hunter2", "hunter3")).f).digest


def test_an_annotation_counts_by_the_objects_in_it_and_never_by_an_address(shop: Workshop) -> None:
    source = """
        import dataclasses, typing
        class Unit:
            def __init__(self, name): self.name = name
        @dataclasses.dataclass
        class C:
            rate: typing.Annotated[int, Unit("m"), lambda v: v > 11] = 1
            next: "typing.Optional[C]" = None
        def f(x): return C()
    """
    digest = shop.digest(source)

    assert shop.digest(source) == digest
    assert shop.digest(source.replace('"m"', '"km"')) != digest
    assert shop.digest(source.replace("11", "12")) != digest


PROBE = """
import sys
sys.path[:0] = [sys.argv[1], sys.argv[2]]
from cuebook.persistence.identity.fingerprint import fingerprint
import users_decorated as m
print(*(fingerprint(getattr(m, name)).digest.hex() for name in m.NAMES))
"""
DECORATED = """
import numba, numpy
def helper(x): return x + 11
@numba.njit
def jitted(x): return x + 11
@numba.njit(fastmath=True)
def fast(x): return jitted(x)
@numba.vectorize
def vectorized(x): return x + 11
@numba.guvectorize(["void(f8[:], f8, f8[:])"], "(n),()->(n)")
def generalized(x, y, r):
    for i in range(x.shape[0]): r[i] = x[i] + y + 11
@numba.cfunc("f8(f8)")
def callback(x): return x + 11
@numba.stencil
def stencil(a): return a[0] + 11
@numba.experimental.jitclass({"x": numba.int64})
class Jitted:
    def __init__(self, x): self.x = x
    def m(self): return self.x + 11
TABLE = {"a": jitted}
def calls(x): return jitted(x)
def by_table(x): return TABLE["a"](x)
def by_default(x, fn=jitted): return fn(x)
def makes(x): return Jitted(x).m()
jitted(1)
NAMES = "jitted fast vectorized generalized callback stencil Jitted calls by_table by_default makes".split()
"""


def test_what_numba_compiles_counts_by_its_function_in_every_process(tmp_path: Path) -> None:
    """Whatever was compiled so far; and by the options of its compilation."""
    pytest.importorskip("numba")

    def digests(source: str) -> list[str]:
        (tmp_path / "users_decorated.py").write_text(textwrap.dedent(source))
        command = [sys.executable, "-B", "-c", PROBE, str(ROOT), str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    first = digests(DECORATED)
    assert digests(DECORATED.replace("jitted(1)\n", "jitted(1.5)\n")) == first
    changed = digests(DECORATED.replace("11", "12"))
    assert all(one != other for one, other in zip(first, changed, strict=True))
    assert digests(DECORATED.replace("fastmath=True", "fastmath=False"))[1] != first[1]
