"""Functions and classes of every kind, whose fingerprints hold from release to release."""

from __future__ import annotations

import abc
import argparse
import asyncio
import collections
import contextlib
import dataclasses
import enum
import functools
import hashlib
import hmac
import importlib
import json
import math
import operator
import types
import typing

THRESHOLD = 3
TABLE = {"b": 1, "a": [1.5, None, b"x"]}
ARGS = argparse.Namespace(power=2, unread=4)
SETTINGS = types.SimpleNamespace(inner=types.SimpleNamespace(rate=0.5, unread=1), unread=(1, 2))
KIND = "helper"


def helper(x):
    return x + THRESHOLD


helper.weight = 7
STEPS = [helper, math.sqrt, lambda x: x * 2]


def plain(x, y=1, *rest, key=None, **more):
    """Docstrings do not count."""
    total: float = 0.0
    for value in (x, y, *rest):
        if value is None:
            continue
        total += value
    return total, key, more


def annotated(x: int, y: dict[str, int] | None = None) -> str:
    return f"{x!r:>{10}} {y['a'] if y else ''} {x=}"


def uses_globals(x):
    return x > THRESHOLD, TABLE.get(x)


def uses_helpers(x):
    return [step(x) for step in STEPS], helper(x), helper.weight


def uses_namespaces(x):
    return x**ARGS.power * SETTINGS.inner.rate


def uses_names_that_variables_hold(x):
    return globals()["helper"](x), getattr(SETTINGS, "inner"), importlib.import_module("json").dumps(x), KIND


def uses_libraries(x):
    import os.path
    from collections import Counter

    return json.dumps(Counter(x)), os.path.join("a", x), operator.itemgetter(1)(x)


def matches(x):
    match x:
        case {"kind": "a", **rest} if rest:
            return rest
        case Point(x=0, y=y) | [y, *_]:
            return y
        case None | -1 | "s":
            return None
    return (lambda q, /, *r, s=1: (q, r, s))(x)


def recursive(n):
    return 1 if n == 0 else mutual(n - 1)


def mutual(n):
    return n and recursive(n - 1)


async def coroutine(x):
    async with contextlib.AsyncExitStack():
        await asyncio.sleep(0)
    return [y async for y in stream(x)]


async def stream(x):
    yield helper(x)


def generator(x):
    yield from (helper(y) for y in range(x))


@functools.lru_cache(maxsize=3)
def cached(x):
    return helper(x)


@functools.singledispatch
def dispatched(x):
    return 0


@dispatched.register
def _(x: int):
    return helper(x)


@contextlib.contextmanager
def managed(x):
    yield helper(x)


def wrapping(function):
    @functools.wraps(function)
    def around(*args, **kwargs):
        return function(*args, **kwargs)

    return around


@wrapping
def wrapped(x):
    return helper(x)


def made(k, settings=SETTINGS):
    def inner(x):
        nonlocal k
        k = k + x
        return k, settings.inner.rate

    return inner


def reads_hints(x):
    return typing.get_type_hints(annotated), x


def reads_docstrings(x):
    """Some text,

    with more of it.
    """
    return documented.__doc__, __doc__, typing.get_type_hints, Color.__doc__, Point.__doc__


def documented(x):
    """One line.

    Another one.
    """


HASHES = [hashlib.sha256(b"a"), hashlib.blake2b(b"a", key=b"k"), hashlib.shake_128(b"a"), hmac.new(b"k", b"a", "md5")]


def uses_hashes(x):
    return [each.copy() for each in HASHES]


json.golden_extra = helper


def uses_what_was_put_into_a_library(x):
    return json.golden_extra(x)


class Base(abc.ABC):
    """Docstrings do not count."""

    rate = 2
    __version__ = "1.0"

    @abc.abstractmethod
    def shared(self):
        return self.rate


class Model(Base):
    unused = 5

    def __init__(self, k, child=None):
        self.k, self.child, self.unread = k, child, 9
        self.__hidden = 1

    def shared(self):
        return super().rate, self.__hidden

    def run(self, x):
        if self.child is not None:
            return self.child.run(x)
        return x * self.k + self.half + self.shared()[1] + self.still() + type(self).make(1).k

    @property
    def half(self):
        return self.k / 2

    @functools.cached_property
    def once(self):
        return self.k * 3

    @classmethod
    def make(cls, k):
        return cls(k)

    @staticmethod
    def still():
        return THRESHOLD

    def __call__(self, x):
        return self.once + x

    def __len__(self):
        return self.k


class Slotted:
    __slots__ = ("kept", "unread")

    def __init__(self, kept):
        self.kept = kept

    def add(self, x):
        return self.kept + x


@dataclasses.dataclass(order=True)
class Point:
    x: int
    y: int = 7
    tags: list[str] = dataclasses.field(default_factory=list, metadata={"unit": "m"}, compare=False)
    next: Point | None = None


class Pair(typing.NamedTuple):
    left: int
    right: str = "r"


Triple = collections.namedtuple("Triple", "a b c", defaults=(1, 2))


class Typed(typing.TypedDict, total=False):
    name: str


class Color(enum.Enum):
    RED = 1
    BLUE = "b"
    CRIMSON = 1

    def shown(self):
        return self.name.lower()


class Mode(enum.Flag):
    READ = enum.auto()
    WRITE = enum.auto()


class Box(typing.Generic[typing.TypeVar("T")]):
    def get(self) -> int:
        return 1


class Registered:
    known: dict = {}

    def __init_subclass__(cls, **options):
        Registered.known[cls.__name__] = cls


class Child(Registered):
    def __getattr__(self, name):
        return name


CHAIN = Model(1, Model(2, Model(3)))


def calls_methods(x):
    return CHAIN.run(x)


def calls_an_object(x):
    return CHAIN(x), bool(CHAIN), None if CHAIN else 1


def uses_a_dataclass(x):
    return Point(x), Pair(1), Triple(1), Typed(name="n")


def uses_enums(x):
    return Color.RED, Mode.READ | Mode.WRITE, Color[x]


def uses_a_registry(x):
    return Registered.known[x](), Box[int]()


def reads_attributes_of_classes(x):
    return Base.rate, Base.__version__


bound = Model(4).run
bound_slotted = Slotted(5).add
bound_class = Model.make
instance = Model(6)
closure = made(1)
partial = functools.partial(functools.partial(plain, 1), key={"b": 1, "a": 2}, z=1, a=2)
lam = lambda x, *y, k=(1, 2): f"{x}{y['a']}" if y else {v: k for k, v in [(x, k)]}  # noqa: E731, ISC001
builtin = len
method_of_c = "text".join
getter = operator.attrgetter("a.b")

FUNCTIONS = [
    plain, annotated, uses_globals, uses_helpers, uses_namespaces, uses_names_that_variables_hold, uses_libraries,
    reads_docstrings, uses_hashes, uses_what_was_put_into_a_library,
    matches, recursive, mutual, coroutine, stream, generator, cached, dispatched, managed, wrapped, reads_hints, Base,
    Model, Slotted, Point, Pair, Triple, Typed, Color, Mode, Box, Registered, Child, calls_methods, calls_an_object,
    uses_a_dataclass, uses_enums, uses_a_registry, reads_attributes_of_classes, bound, bound_slotted, bound_class,
    instance, closure, partial, lam, builtin, method_of_c, getter,
]  # fmt: skip
